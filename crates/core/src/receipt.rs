//! Receipts: one JSON object for each backed-up version. Together they are a catalogue that can be listed: the key of a
//! receipt names the source's key, its version and its time, so a listing shows which version was current at any time.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{
    checksum::Sha256,
    contract::{Backup, ExecutionRef, NotifyInput, Placement, ProvenCopy, SliceDigest, Source},
    event::EventRef,
    format::compact_time,
    names::{BucketName, ETag, InvalidName, ObjectKey, Sequencer, VersionId},
    order::Stamp,
};

/// The default prefix of receipts.
pub const DEFAULT_PREFIX: &str = ".holdfast/receipts/";
/// The prefix of late backups in the backup bucket.
pub const LATE_PREFIX: &str = ".holdfast/late/";
/// The prefix of the records of rejected copies, in the bucket of the copy.
pub const REJECTED_PREFIX: &str = ".holdfast/rejected/";
/// The prefix of everything that Holdfast writes besides current backups. Keys under it are never backed up.
pub const OWN_PREFIX: &str = ".holdfast/";
/// S3's limit for keys, in bytes.
const KEY_LIMIT: usize = 1024;
/// The characters of a version that are not encoded in the last segment of a key.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// The proof of one backed-up version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// The version of this format: 1.
    pub receipt_version: u32,
    /// The source version.
    pub source: Source,
    /// The backup.
    pub backup: ProvenCopy,
    /// The replica, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replica: Option<ProvenCopy>,
    /// The digests of the source's slices, if they were read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slices: Vec<SliceDigest>,
    /// Whether the backup was the current one of its key or a late one.
    pub placement: Placement,
    /// The stamp, which identifies the upload.
    pub stamp: Stamp,
    /// The event that announced the upload.
    pub event: EventRef,
    /// The execution that made the backup.
    pub execution: ExecutionRef,
    /// The time at which the receipt was written.
    #[serde(with = "time::serde::rfc3339")]
    pub completed_at: OffsetDateTime,
    /// Milliseconds from the event to the receipt.
    pub lag_ms: i64,
}

impl Receipt {
    /// The receipt for a finished execution.
    pub fn new(input: NotifyInput, completed_at: OffsetDateTime) -> Self {
        let Backup { copy, stamp, placement, event } = input.backup;
        let lag = completed_at - event.time;
        let mut slices = input.slices;
        slices.sort_by_key(|slice| slice.index);
        Self {
            receipt_version: 1,
            source: copy.source,
            backup: input.proven,
            replica: input.replica,
            slices: slices.into_iter().filter_map(|slice| slice.digest).collect(),
            placement,
            stamp,
            event,
            execution: input.execution,
            completed_at,
            lag_ms: i64::try_from(lag.whole_milliseconds()).unwrap_or(i64::MAX),
        }
    }
}

/// The identifiers of an upload of a known key: its version if the bucket has versions, otherwise its sequencer, or its
/// entity tag if it has no sequencer.
#[derive(Debug, Clone, Copy)]
pub struct UploadId<'a> {
    /// The version.
    pub version_id: Option<&'a VersionId>,
    /// The event's sequencer.
    pub sequencer: Option<&'a Sequencer>,
    /// The entity tag.
    pub etag: &'a ETag,
}

impl<'a> From<&'a Stamp> for UploadId<'a> {
    fn from(stamp: &'a Stamp) -> Self {
        Self { version_id: stamp.version_id.as_ref(), sequencer: stamp.sequencer.as_ref(), etag: &stamp.etag }
    }
}

impl UploadId<'_> {
    /// The form in the last segment of a key.
    fn segment(self) -> String {
        let version = self.version_id.filter(|version| version.as_str() != "null");
        let text = match (version, self.sequencer) {
            (Some(version), _) => version.to_string(),
            (None, Some(sequencer)) => format!("null-{sequencer}"),
            (None, None) => format!("null-{}", self.etag),
        };
        utf8_percent_encode(&text, SEGMENT).to_string()
    }
}

/// The location of the receipts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipts {
    /// The bucket.
    pub bucket: BucketName,
    /// The prefix of their keys.
    pub prefix: String,
}

impl Receipts {
    /// The key of the receipt of an upload: `<prefix><source bucket>/<key>/<time>.<version>.json`, with the
    /// time in the form `20261130T175703Z`. If the key would exceed S3's limit, the source key is replaced by its
    /// SHA-256.
    pub fn key_of(&self, bucket: &BucketName, key: &ObjectKey, stamp: &Stamp) -> Result<ObjectKey, InvalidName> {
        let name = format!("/{}.{}.json", compact_time(stamp.last_modified), UploadId::from(stamp).segment());
        ObjectKey::new(within_limit(&format!("{}{bucket}/", self.prefix), key, &name))
    }

    /// The search in a listing for the receipt of an upload with an unknown time.
    pub fn search(&self, bucket: &BucketName, key: &ObjectKey, upload: UploadId<'_>) -> ReceiptSearch {
        let name_end = format!(".{}.json", upload.segment());
        let name = format!("/{}{name_end}", compact_time(OffsetDateTime::UNIX_EPOCH));
        let mut folder = within_limit(&format!("{}{bucket}/", self.prefix), key, &name);
        folder.truncate(folder.len() + 1 - name.len());
        ReceiptSearch { folder, name_end }
    }
}

/// A search for a receipt in a listing: its key is the folder, a time, and this end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptSearch {
    /// The prefix of all receipts of the source key; ends with a slash.
    pub folder: String,
    /// The end of the receipt's key.
    pub name_end: String,
}

impl ReceiptSearch {
    /// Whether a key is that of the receipt.
    pub fn matches(&self, key: &str) -> bool {
        let name = key.strip_prefix(&self.folder).and_then(|name| name.strip_suffix(&self.name_end));
        name.is_some_and(|time| !time.contains(['/', '.']))
    }
}

/// The key of a late backup in the backup bucket: `.holdfast/late/<key>/<version>`. If it would exceed S3's limit, the
/// source key is replaced by its SHA-256.
pub fn late_key<'a>(key: &ObjectKey, upload: impl Into<UploadId<'a>>) -> Result<ObjectKey, InvalidName> {
    ObjectKey::new(within_limit(LATE_PREFIX, key, &format!("/{}", upload.into().segment())))
}

/// The key of the record of a rejected version: `.holdfast/rejected/<key>/<version>`, in the bucket of that version.
pub fn rejected_key(key: &ObjectKey, version: &VersionId) -> Result<ObjectKey, InvalidName> {
    let version = utf8_percent_encode(version.as_str(), SEGMENT);
    ObjectKey::new(within_limit(REJECTED_PREFIX, key, &format!("/{version}")))
}

fn within_limit(before: &str, key: &ObjectKey, after: &str) -> String {
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

    fn stamp(version: Option<&str>, sequencer: Option<&str>) -> Result<Stamp, InvalidName> {
        Ok(Stamp {
            version_id: version.map(VersionId::new).transpose()?,
            sequencer: sequencer.map(Sequencer::new).transpose()?,
            etag: ETag::new("tag")?,
            last_modified: OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(1_795_341_600),
        })
    }

    fn receipts(prefix: &str) -> Result<Receipts, InvalidName> {
        Ok(Receipts { bucket: BucketName::new("receipts")?, prefix: prefix.to_owned() })
    }

    #[test]
    fn the_key_of_a_receipt_names_key_time_and_version() -> Result<(), InvalidName> {
        let bucket = BucketName::new("src")?;
        let key = ObjectKey::new("/a b")?;
        for (stamp, expected) in [
            (stamp(Some("v/1"), Some("0A"))?, "r/src//a b/20261122T100000Z.v%2F1.json"),
            (stamp(Some("null"), Some("0A"))?, "r/src//a b/20261122T100000Z.null-0A.json"),
            (stamp(None, Some("0A"))?, "r/src//a b/20261122T100000Z.null-0A.json"),
            (stamp(None, None)?, "r/src//a b/20261122T100000Z.null-tag.json"),
        ] {
            assert_eq!(receipts("r/")?.key_of(&bucket, &key, &stamp)?.as_str(), expected);
        }
        assert_eq!(late_key(&key, &stamp(Some("v1"), None)?)?.as_str(), ".holdfast/late//a b/v1");
        assert_eq!(rejected_key(&key, &VersionId::new("w/1")?)?.as_str(), ".holdfast/rejected//a b/w%2F1");
        Ok(())
    }

    #[test]
    fn receipts_of_one_key_are_listed_in_the_order_of_their_times() -> Result<(), InvalidName> {
        let (bucket, key) = (BucketName::new("src")?, ObjectKey::new("k")?);
        let at = |seconds, version: &str| {
            let last_modified = OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(seconds);
            receipts("r/")?.key_of(&bucket, &key, &Stamp { last_modified, ..stamp(Some(version), None)? })
        };
        assert!(at(999_999_999, "z")? < at(1_000_000_000, "a")?);
        Ok(())
    }

    #[test]
    fn a_receipt_is_found_if_its_time_is_unknown() -> Result<(), InvalidName> {
        let bucket = BucketName::new("src")?;
        for key in ["a/b", &"k".repeat(1000)] {
            let (key, stamp) = (ObjectKey::new(key)?, stamp(Some("v.1"), Some("0A"))?);
            let receipts = receipts("r/")?;
            let search = receipts.search(&bucket, &key, UploadId::from(&stamp));

            let found = receipts.key_of(&bucket, &key, &stamp)?;

            assert!(search.matches(found.as_str()), "{search:?} {found}");
            let other = found.as_str().replace("v.1", "1");
            assert!(!search.matches(&other), "another version");
            assert!(!search.matches(&format!("{}x/20261122T100000Z.v.1.json", search.folder)), "another key");
            assert!(!search.matches(&found.as_str().replace(".v.1", ".w.v.1")), "a longer version");
        }
        Ok(())
    }

    #[test]
    fn a_long_source_key_is_replaced_by_its_digest() -> Result<(), InvalidName> {
        let bucket = BucketName::new("src")?;
        let stamp = stamp(Some("v1"), None)?;
        let receipt = |last: &str| {
            let key = ObjectKey::new(format!("{}{last}", "k".repeat(1023)))?;
            receipts(DEFAULT_PREFIX)?.key_of(&bucket, &key, &stamp)
        };
        assert!(receipt("a")?.as_str().starts_with(".holdfast/receipts/src/sha256-"));
        assert_ne!(receipt("a")?, receipt("b")?);
        Ok(())
    }
}
