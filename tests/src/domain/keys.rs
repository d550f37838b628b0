//! The keys of receipts and late backups, computed without the product's own functions. Keys near S3's limit of 1,024
//! bytes are not covered: no test with a domain check uploads one.

use holdfast_core::{names::VersionId, order::Stamp, receipt::Receipt};
use time::UtcOffset;

use super::objects::version_id;

/// The key of a late backup: `.holdfast/late/<key>/<version>`.
pub(super) fn late_key(receipt: &Receipt) -> String {
    format!(".holdfast/late/{}/{}", receipt.source.key, version_name(&receipt.stamp))
}

/// The key of a receipt: `<prefix><source bucket>/<key>/<Last-Modified>.<version>.json`.
pub(super) fn receipt_key(receipt: &Receipt, prefix: &str) -> String {
    let source = &receipt.source;
    let time = receipt.stamp.last_modified.to_offset(UtcOffset::UTC);
    let date = format!("{:04}{:02}{:02}", time.year(), u8::from(time.month()), time.day());
    let time = format!("{date}T{:02}{:02}{:02}Z", time.hour(), time.minute(), time.second());
    format!("{prefix}{}/{}/{time}.{}.json", source.bucket, source.key, version_name(&receipt.stamp))
}

/// The version ID; without versioning `null-` and the sequencer, or the entity tag if there is no sequencer.
fn version_name(stamp: &Stamp) -> String {
    match (version_id(stamp.version_id.as_ref().map(VersionId::as_str)), &stamp.sequencer) {
        (Some(version), _) => version.to_owned(),
        (None, Some(sequencer)) => format!("null-{sequencer}"),
        (None, None) => format!("null-{}", stamp.etag),
    }
}

/// A text that orders uploads of a key without versioning. S3 pads the shorter sequencer with zeros on the right before
/// it compares (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>).
pub(super) fn padded_sequencer(stamp: &Stamp) -> String {
    let sequencer = stamp.sequencer.as_ref().map(ToString::to_string).unwrap_or_default();
    format!("{:0<64}", sequencer.to_uppercase())
}
