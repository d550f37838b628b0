//! What the end-to-end and contract tests share: a world (a sandbox with clients that know their way around it), the
//! check that such a world keeps every promise, the six functions run inside the test's own process, and the template
//! with a permission taken away.

pub mod domain;
pub mod history;
pub mod in_process;
pub mod machine;
pub mod schedules;
pub mod template;
pub mod world;
pub mod worst_case;
pub mod zeros;

/// How tests fail.
pub type TestResult<T = ()> = Result<T, Box<dyn std::error::Error>>;
