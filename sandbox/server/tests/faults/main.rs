//! Faults through real SDK clients, at the endpoint of a complete sandbox.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod endpoint;
mod events;
mod functions;
mod harness;
mod s3;
mod services;
#[path = "../signing/mod.rs"]
mod signing;
mod states;
