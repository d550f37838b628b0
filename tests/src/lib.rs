//! What the end-to-end and contract tests share: a world (a sandbox with clients that know their way around it) and the
//! six functions run inside the test's own process.

pub mod in_process;
pub mod world;

/// How tests fail.
pub type TestResult<T = ()> = Result<T, Box<dyn std::error::Error>>;
