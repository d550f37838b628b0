//! What S3 stores: buckets, versions, objects, uploads.

pub(crate) mod bucket;
pub(crate) mod customer_key;
pub(crate) mod lock;
pub(crate) mod object;
pub(crate) mod restore;
pub(crate) mod retention;
pub(crate) mod tick;
pub(crate) mod upload;
pub(crate) mod version;
