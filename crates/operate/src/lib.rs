//! The tasks of an operator: find a stack, follow its executions, explain a failure, read receipts, compare copies,
//! check a deployment, and control the faults of a sandbox.
//!
//! This crate does not print; the command line renders its results. It does not depend on the sandbox: a stack in a
//! sandbox is a stack with another endpoint.

#![warn(missing_docs)]

mod aws_error;
mod clients;
pub mod diagnosis;
pub mod doctor;
pub mod executions;
pub mod faults;
pub mod read_back;
pub mod receipts;
pub mod stack;

pub use crate::{aws_error::AwsError, clients::Clients, stack::Stack};
