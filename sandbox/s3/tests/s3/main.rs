//! The sandbox's S3 through the AWS SDK for Rust, over HTTP on loopback. One test binary, so the SDK is linked once.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod archives;
mod checksums;
mod claims;
mod configuration;
mod copies;
mod customer_keys;
mod events;
mod harness;
mod keys;
mod lifecycle;
mod listings;
mod locks;
mod multipart;
mod multipart_checksums;
mod objects;
mod policies;
mod posts;
mod races;
mod ranges;
mod raw;
mod regions;
mod requests;
mod restart;
mod sizes;
mod subresources;
mod versions;
