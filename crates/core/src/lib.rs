//! Values and decisions of Holdfast: names, layout, checksums, order, plans, receipts and errors.
//!
//! This crate does no I/O. A function gathers facts, calls a decision of this crate, and carries it out.

#![warn(missing_docs)]

pub mod attributes;
mod bounds;
pub mod checksum;
pub mod console;
pub mod contract;
pub mod encoding;
pub mod event;
pub mod failure;
pub mod format;
pub mod history;
pub mod layout;
pub mod names;
pub mod object;
pub mod order;
pub mod payload;
pub mod planner;
pub mod receipt;
pub mod slices;
pub mod source_checksum;

pub use failure::{ErrorName, Fact, Recovery, Remedy};
