//! The runtime edge of every function: payload in, answer or named error out, tracing, typed configuration and SDK
//! clients.

pub mod aws;
pub mod deadline;
pub mod environment;
pub mod function;

pub use aws::Aws;
pub use deadline::{Deadline, Pace};
pub use environment::{ConfigError, Environment, VerifyMode};
pub use function::{Function, Report, respond, serve};
/// How `main` fails: the runtime's own error.
pub use lambda_runtime::Error as RuntimeError;
