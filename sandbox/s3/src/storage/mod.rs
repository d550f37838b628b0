//! The stored bytes.

pub(crate) mod blobs;
pub(crate) mod extents;
mod reader;
