//! The AWS services that `template.yaml` uses, in one process on loopback, by their public wire protocols.
//!
//! Any SDK or the AWS CLI can talk to it with an endpoint URL. It is a stand-in for tests, demos and laptops, not a
//! place for production data.

mod deploy;
pub mod events;
pub mod faults;
pub mod iam;
pub mod identity;
mod keys;
pub mod lambda;
mod options;
pub mod ports;
pub mod query;
pub mod s3;
pub mod sandbox;
mod server;
mod signature;
pub mod sns;
pub mod states;
pub mod store;
pub mod sts;
mod targets;
mod tasks;
pub mod template;

pub use sandbox::{Functions, Handler, HandlerSet, Options, Outputs, Sandbox, SandboxError};
