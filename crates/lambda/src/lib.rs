//! What every function shares at its edge: decoding, error names, tracing, typed configuration, SDK clients, and the S3
//! calls that more than one function makes.

pub mod aws;
pub mod deadline;
pub mod environment;
pub mod failure;
pub mod function;
pub mod replan;
pub mod s3;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use aws::Aws;
pub use deadline::{Deadline, Pace};
pub use environment::{ConfigError, Environment, VerifyMode};
pub use failure::{Failure, Named};
pub use function::{Function, Report, respond, serve};
/// How `main` fails: the runtime's own error.
pub use lambda_runtime::Error as RuntimeError;
