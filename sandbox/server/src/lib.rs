//! The AWS services that a SAM template uses, in one process on loopback, with their public wire protocols.
//!
//! Any SDK or the AWS CLI can use it with an endpoint URL. It is a stand-in for tests, demos and laptops, not for
//! production data.

#![warn(missing_docs)]

mod background;
mod cloudformation;
mod data_folder;
mod deploy;
mod endpoint;
mod error;
mod options;
mod policies;
mod sandbox;
mod services;
mod sts;
mod targets;
mod tasks;

pub use sandbox_core::{faults, identity, operations, pattern, ports, store};
pub use sandbox_events as events;
pub use sandbox_iam as iam;
pub use sandbox_lambda::{self as lambda, Functions, Handler, HandlerSet};
pub use sandbox_s3 as s3;
pub use sandbox_sns as sns;
pub use sandbox_states as states;
pub use sandbox_template as template;

pub use self::{
    error::SandboxError,
    options::{AccessKey, Options, Outputs},
    sandbox::Sandbox,
};
