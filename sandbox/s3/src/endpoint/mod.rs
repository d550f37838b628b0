//! Requests over HTTP: signature, permission, fault rules, operation, answer.

pub(crate) mod access;
pub(crate) mod auth;
mod faults;
mod malformed_range;
pub(crate) mod operations;
pub(crate) mod parameters;
pub(crate) mod requests;
pub(crate) mod service;
