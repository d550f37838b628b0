//! S3 with the types of `holdfast_core`: the calls that several crates make, and the names of the errors of S3.

#![warn(missing_docs)]

mod attributes;
mod error;
pub mod failure;
mod head;
mod publish;
mod receipt;
pub mod replan;
mod tags;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;
mod upload;
mod versions;

pub use error::S3Error;
pub use head::{ObjectRef, head, source_parts};
pub use holdfast_core::object::Head;
pub use publish::{copy_call, copy_object, find_published, recover_published, stored};
pub use receipt::{ExistingReceipt, NamedCopies, NamedCopy, Writer, find_receipt, read_receipt, receipt_object};
pub use tags::{put_tags, read_tags};
pub use upload::{StoredPart, abort_upload, checksum_algorithm, checksum_type, list_parts, open_upload};
pub use versions::{ListedVersion, Page, SearchCriteria, SearchResult, Versions, find_copy, recency, remove_version};
