//! Operations on buckets.

mod configuration;
pub(crate) mod lifecycle;
