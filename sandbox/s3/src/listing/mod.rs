//! Listings of objects, versions, uploads and parts.

mod encoding;
mod objects;
pub(crate) mod page;
mod uploads;
mod versions;
