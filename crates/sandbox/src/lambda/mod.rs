//! The Lambda service.
pub mod handler;
