//! The harness that the end-to-end and contract tests share: a fixture (a sandbox with Holdfast deployed in it), the
//! domain check, the six functions run in the test's own process, and the template with one permission removed.

pub mod domain;
pub mod fixture;
pub mod history;
pub mod in_process;
pub mod machine;
pub mod schedules;
pub mod simulated_reads;
pub mod template;
pub mod text;
pub mod worst_case;

/// The result of a test or of one of its helpers.
pub type TestResult<T = ()> = Result<T, Box<dyn std::error::Error>>;
