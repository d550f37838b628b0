//! What an operator of Holdfast does, without printing: find a stack, follow its executions, explain a failure, read
//! receipts, compare copies, and control the faults of a sandbox.
//!
//! The command line renders what this crate returns. It needs no sandbox: a sandbox is one more place where a stack
//! runs.

mod aws_error;
mod clients;
pub mod diagnosis;
pub mod executions;
pub mod faults;
pub mod read_back;
pub mod receipts;
pub mod stack;

pub use crate::{aws_error::AwsError, clients::Clients, stack::Stack};
