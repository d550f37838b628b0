//! A complete sandbox: one endpoint, real SDK clients, a small template, a real function binary.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;
mod life;
mod operations;
mod protocols;
mod rules;
#[path = "../signing/mod.rs"]
mod signing;
mod stacks;
