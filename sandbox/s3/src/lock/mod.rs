//! Operations of Object Lock.

pub(crate) mod documents;
mod operations;
