//! The pure heart of Holdfast: events, plans, contracts, checksums, receipts and error names, without any I/O.
//!
//! Everything here is a value or a function of values. The functions (the Lambdas) ask it what to do and then do it;
//! the tests ask it what must be true.

pub mod attributes;
mod bounds;
pub mod checksum;
pub mod contract;
pub mod encoding;
pub mod event;
pub mod failure;
pub mod layout;
pub mod names;
pub mod payload;
pub mod receipt;
pub mod slices;
pub mod stamp;

pub use failure::{ErrorName, Fact, Failure, Named, Recovery, Remedy};
