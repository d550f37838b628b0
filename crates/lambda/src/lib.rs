//! The runtime edge of every function: payload, result or named error, tracing, typed configuration and SDK clients.

#![warn(missing_docs)]

pub mod aws;
pub mod deadline;
pub mod environment;
pub mod function;

pub use aws::Aws;
pub use deadline::{Deadline, Pace};
pub use environment::{ConfigError, Environment, VerifyMode};
pub use function::{Function, Report, respond, serve};
/// The error of `main`.
pub use lambda_runtime::Error as RuntimeError;
