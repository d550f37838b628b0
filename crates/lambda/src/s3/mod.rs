//! S3 calls that more than one function makes, in terms of the contract's types.

mod attributes;
mod head;
mod publish;
mod receipt;
mod tags;
#[cfg(test)]
mod tests;
mod upload;
mod versions;

pub use head::{Head, ObjectRef, head, source_parts};
pub use publish::{copy_call, copy_object, published, stored};
pub use receipt::{Filed, Named, NamedCopy, Receipts, Writer, read_receipt};
pub use tags::{put_tags, read_tags};
pub use upload::{StoredPart, abort_upload, list_parts, open_upload};
pub use versions::{Listed, Page, Search, Sought, Versions, newest_of_deleted, remove_version, standing_copy};
