//! Receipts: one JSON object for each backed-up version. Together they are the catalogue that restore, reconciliation
//! and auditors read, so their keys can be computed from what a source version is.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{
    checksum::Sha256,
    contract::{ExecutionRef, NotifyInput, Placement, Proven, SliceDigest, Source, StampPlace},
    event::EventRef,
    names::{BucketName, InvalidName, ObjectKey, VersionId},
    stamp::Stamp,
};

/// Where receipts are kept in their bucket when nothing else is configured.
pub const DEFAULT_PREFIX: &str = ".holdfast/receipts/";
/// Where late backups are kept in the backup bucket.
pub const HISTORY_PREFIX: &str = ".holdfast/history/";
/// Where it is written down, in the bucket of a copy, that a version of it was found not to be its source.
pub const BAD_PREFIX: &str = ".holdfast/bad/";
/// Everything of Holdfast's own lies under this prefix and is never itself backed up.
pub const OWN_PREFIX: &str = ".holdfast/";
/// S3's limit for keys in bytes.
const KEY_LIMIT: usize = 1024;
/// What stays as it is in the version at the end of a key.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// The proof of one backed-up version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Receipt {
    /// Version of this format: 1.
    pub receipt_version: u32,
    /// What was backed up.
    pub source: Source,
    /// The backup.
    pub backup: Proven,
    /// The replica, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replica: Option<Proven>,
    /// Digests of the source's slices, where it was read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slices: Vec<SliceDigest>,
    /// Whether the backup is the current one of its key or a late one.
    pub placement: Placement,
    /// Which upload this is.
    pub stamp: Stamp,
    /// Whether the backup carries the stamp itself.
    pub stamp_place: StampPlace,
    /// The event that announced the upload.
    pub event: EventRef,
    /// The execution that did it.
    pub execution: ExecutionRef,
    /// When the receipt was made.
    #[serde(with = "time::serde::rfc3339")]
    pub completed_at: OffsetDateTime,
    /// Milliseconds from the event to the receipt.
    pub lag_ms: i64,
}

impl Receipt {
    /// The receipt for a finished execution.
    pub fn new(input: NotifyInput, completed_at: OffsetDateTime) -> Self {
        let lag = completed_at - input.transfer.event.time;
        let mut slices = input.slices;
        slices.sort_by_key(|slice| slice.index);
        Self {
            receipt_version: 1,
            source: input.transfer.source,
            backup: input.backup,
            replica: input.replica,
            slices: slices.into_iter().filter_map(|slice| slice.digest).collect(),
            placement: input.transfer.placement,
            stamp: input.transfer.stamp,
            stamp_place: input.transfer.stamp_place,
            event: input.transfer.event,
            execution: input.execution,
            completed_at,
            lag_ms: i64::try_from(lag.whole_milliseconds()).unwrap_or(i64::MAX),
        }
    }
}

/// Where receipts are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipts {
    /// The bucket.
    pub bucket: BucketName,
    /// The prefix of their keys.
    pub prefix: String,
}

impl Receipts {
    /// The key of the receipt of an upload to this source bucket and key.
    pub fn key_of(&self, (bucket, key): (&BucketName, &ObjectKey), stamp: &Stamp) -> Result<ObjectKey, InvalidName> {
        receipt_key(&self.prefix, bucket, key, stamp)
    }
}

/// The key of the receipt for an upload: `<prefix><source bucket>/<key>/<version>.json`.
///
/// An upload without a version is told by its sequencer, or by its entity tag where it has none. Where the key would
/// pass S3's limit, the source key is replaced by its SHA-256.
pub fn receipt_key(
    prefix: &str,
    bucket: &BucketName,
    key: &ObjectKey,
    stamp: &Stamp,
) -> Result<ObjectKey, InvalidName> {
    ObjectKey::new(fitting(&format!("{prefix}{bucket}/"), key, &format!("/{}.json", version_of(stamp))))
}

/// The key of a late backup in the backup bucket: `.holdfast/history/<key>/<version>`, the source key replaced by its
/// SHA-256 where the whole would pass S3's limit.
pub fn history_key(key: &ObjectKey, stamp: &Stamp) -> Result<ObjectKey, InvalidName> {
    ObjectKey::new(fitting(HISTORY_PREFIX, key, &format!("/{}", version_of(stamp))))
}

/// The key of what is written down about a bad version of a key: `.holdfast/bad/<key>/<version>`, in the same bucket.
pub fn bad_key(key: &ObjectKey, version: &VersionId) -> Result<ObjectKey, InvalidName> {
    ObjectKey::new(fitting(BAD_PREFIX, key, &format!("/{}", utf8_percent_encode(version.as_str(), SEGMENT))))
}

fn version_of(stamp: &Stamp) -> String {
    let version = stamp.version_id.as_ref().filter(|version| version.as_str() != "null");
    let text = match (version, &stamp.sequencer) {
        (Some(version), _) => version.to_string(),
        (None, Some(sequencer)) => format!("null-{sequencer}"),
        (None, None) => format!("null-{}", stamp.etag),
    };
    utf8_percent_encode(&text, SEGMENT).to_string()
}

fn fitting(before: &str, key: &ObjectKey, after: &str) -> String {
    let whole = format!("{before}{key}{after}");
    if whole.len() <= KEY_LIMIT {
        whole
    } else {
        format!("{before}sha256-{}{after}", Sha256::of(key.as_str().as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::{ETag, Sequencer};

    fn stamp(version: Option<&str>, sequencer: Option<&str>) -> Result<Stamp, InvalidName> {
        Ok(Stamp {
            version_id: version.map(VersionId::new).transpose()?,
            sequencer: sequencer.map(Sequencer::new).transpose()?,
            etag: ETag::new("tag")?,
            last_modified: None,
        })
    }

    #[test]
    fn every_version_has_a_receipt_of_its_own() -> Result<(), InvalidName> {
        let bucket = BucketName::new("src")?;
        let key = ObjectKey::new("/a b")?;
        for (stamp, expected) in [
            (stamp(Some("v/1"), Some("0A"))?, "r/src//a b/v%2F1.json"),
            (stamp(Some("null"), Some("0A"))?, "r/src//a b/null-0A.json"),
            (stamp(None, Some("0A"))?, "r/src//a b/null-0A.json"),
            (stamp(None, None)?, "r/src//a b/null-tag.json"),
        ] {
            assert_eq!(receipt_key("r/", &bucket, &key, &stamp)?.as_str(), expected);
        }
        assert_eq!(history_key(&key, &stamp(Some("v1"), None)?)?.as_str(), ".holdfast/history//a b/v1");
        assert_eq!(bad_key(&key, &VersionId::new("w/1")?)?.as_str(), ".holdfast/bad//a b/w%2F1");
        Ok(())
    }

    #[test]
    fn a_key_at_the_limit_is_hashed_and_two_such_keys_stay_apart() -> Result<(), InvalidName> {
        let bucket = BucketName::new("src")?;
        let stamp = stamp(Some("v1"), None)?;
        let receipt = |last: &str| {
            receipt_key(DEFAULT_PREFIX, &bucket, &ObjectKey::new(format!("{}{last}", "k".repeat(1023)))?, &stamp)
        };
        assert!(receipt("a")?.as_str().starts_with(".holdfast/receipts/src/sha256-"));
        assert_ne!(receipt("a")?, receipt("b")?);
        Ok(())
    }
}
