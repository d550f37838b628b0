//! What every function shares at its edge: decoding, error names, tracing, typed configuration, SDK clients, and the S3
//! calls that more than one function makes.

pub mod aws;
pub mod deadline;
pub mod environment;
pub mod failure;
pub mod function;
pub mod s3;

pub use aws::Aws;
pub use deadline::Deadline;
pub use environment::{ConfigError, Environment};
pub use failure::{Failure, Named};
pub use function::{Function, Report, respond, serve};
