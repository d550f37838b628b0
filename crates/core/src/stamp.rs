//! The stamp: which source version a backup object holds, written into its user metadata, so that a duplicate is known
//! when it comes and an old upload never replaces a newer one.
//!
//! Which of two uploads is newer is said by their sequencers, but for one case. S3 makes current the upload that was
//! *initiated* last (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html>), while an event comes when
//! an upload is complete. One in parts may so have the higher sequencer and the older version. Its `Last-Modified` is when
//! it was initiated (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html>), in whole seconds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::names::{ETag, Sequencer, VersionId};

/// Metadata name of the source's version id.
const VERSION: &str = "holdfast-source-version";
/// Metadata name of the event's sequencer.
const SEQUENCER: &str = "holdfast-sequencer";
/// Metadata name of the source's entity tag.
const ETAG: &str = "holdfast-source-etag";
/// Metadata name of the source's `Last-Modified`.
const LAST_MODIFIED: &str = "holdfast-source-last-modified";

/// User metadata that S3 takes, in bytes of all names and values
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html>).
pub const METADATA_LIMIT: usize = 2048;
/// S3's own prefix. Whether it counts towards the limit is not documented, so it is counted.
const PREFIX: usize = "x-amz-meta-".len();

/// Which upload of a source key an object is the backup of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Stamp {
    /// The source's version; absent where the source bucket keeps no versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_id: Option<VersionId>,
    /// The event's sequencer; absent where an operator asked for the backup.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequencer: Option<Sequencer>,
    /// The source's entity tag.
    pub etag: ETag,
    /// The source's `Last-Modified`: when its upload was initiated. Absent where the source bucket keeps no versions, and
    /// where the source was gone when it was asked.
    #[serde(default, with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<OffsetDateTime>,
}

/// How what stands at the destination relates to an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is the backup of that very upload.
    Same,
    /// It is the backup of a newer upload of the key.
    Newer,
    /// It is the backup of an older upload of the key.
    Older,
    /// Nothing on it says which of the two is newer.
    Unknown,
}

impl Stamp {
    /// The metadata entries that carry the stamp.
    pub fn metadata(&self) -> BTreeMap<String, String> {
        let version = self.version_id.as_ref().map(|version| (VERSION.to_owned(), version.to_string()));
        let sequencer = self.sequencer.as_ref().map(|sequencer| (SEQUENCER.to_owned(), sequencer.to_string()));
        let etag = Some((ETAG.to_owned(), self.etag.to_string()));
        let last_modified = self.last_modified.and_then(|time| time.format(&Rfc3339).ok());
        let last_modified = last_modified.map(|time| (LAST_MODIFIED.to_owned(), time));
        [version, sequencer, etag, last_modified].into_iter().flatten().collect()
    }

    /// Reads the stamp from an object's user metadata; none where there is none that can be read.
    pub fn read(metadata: &BTreeMap<String, String>) -> Option<Self> {
        let field = |name: &str| metadata.get(name).cloned();
        Some(Self {
            version_id: field(VERSION).map(VersionId::new).transpose().ok()?,
            sequencer: field(SEQUENCER).map(Sequencer::new).transpose().ok()?,
            etag: ETag::new(&field(ETAG)?).ok()?,
            last_modified: field(LAST_MODIFIED).map(|time| OffsetDateTime::parse(&time, &Rfc3339)).transpose().ok()?,
        })
    }

    /// Whether user metadata has room for the stamp within S3's limit.
    pub fn fits(&self, metadata: &BTreeMap<String, String>) -> bool {
        let size = |entries: &BTreeMap<String, String>| {
            entries.iter().map(|(name, value)| PREFIX + name.len() + value.len()).sum::<usize>()
        };
        size(metadata) + size(&self.metadata()) <= METADATA_LIMIT
    }

    /// How the object that carries this stamp relates to the upload with the other stamp.
    pub fn standing(&self, upload: &Self) -> Standing {
        let same = match (&self.version_id, &upload.version_id) {
            (Some(stands), Some(comes)) if stands.as_str() != "null" => stands == comes,
            _ => self.etag == upload.etag && self.sequencer == upload.sequencer,
        };
        match (&self.sequencer, &upload.sequencer) {
            _ if same => Standing::Same,
            (Some(stands), Some(comes)) if stands > comes => {
                if self.overlapped(upload) {
                    Standing::Older
                } else {
                    Standing::Newer
                }
            }
            (Some(_), Some(_)) => {
                if upload.overlapped(self) {
                    Standing::Newer
                } else {
                    Standing::Older
                }
            }
            _ => Standing::Unknown,
        }
    }

    /// Whether this upload, which has the higher sequencer, was initiated before the other one all the same.
    fn overlapped(&self, other: &Self) -> bool {
        let before = self.last_modified.zip(other.last_modified).is_some_and(|(own, other)| own < other);
        before && self.etag.is_of_parts()
    }
}

/// The user's own metadata: everything but the stamp.
pub fn without_stamp(metadata: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let ours = [VERSION, SEQUENCER, ETAG, LAST_MODIFIED];
    metadata.iter().filter(|(name, _)| !ours.contains(&name.as_str())).map(|(n, v)| (n.clone(), v.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(version: Option<&str>, sequencer: Option<&str>, etag: &str) -> Stamp {
        let build = || -> Result<Stamp, crate::names::InvalidName> {
            Ok(Stamp {
                version_id: version.map(VersionId::new).transpose()?,
                sequencer: sequencer.map(Sequencer::new).transpose()?,
                etag: ETag::new(etag)?,
                last_modified: None,
            })
        };
        build().unwrap_or_else(|error| panic!("{error}"))
    }

    fn modified(stamp: Stamp, seconds: i64) -> Stamp {
        Stamp { last_modified: OffsetDateTime::from_unix_timestamp(seconds).ok(), ..stamp }
    }

    #[test]
    fn a_stamp_is_read_back_from_the_metadata_it_was_written_to() {
        let dated = modified(stamp(Some("v1"), Some("0A"), "e"), 1_795_341_600);
        assert_eq!(dated.metadata()[LAST_MODIFIED], "2026-11-22T10:00:00Z");
        for stamp in [dated, stamp(Some("v1"), Some("0A"), "e"), stamp(None, None, "e-3")] {
            let mut metadata = stamp.metadata();
            metadata.insert("owner".to_owned(), "ann".to_owned());
            assert_eq!(Stamp::read(&metadata), Some(stamp));
            assert_eq!(without_stamp(&metadata).into_keys().collect::<Vec<_>>(), ["owner"]);
        }
        assert_eq!(Stamp::read(&BTreeMap::new()), None);
    }

    #[test]
    fn standing_follows_versions_first_and_sequencers_second() {
        let stands = stamp(Some("v2"), Some("20"), "e2");
        for (upload, standing, why) in [
            (stamp(Some("v2"), Some("20"), "e2"), Standing::Same, "a redelivered event"),
            (stamp(Some("v2"), None, "e2"), Standing::Same, "asked for by an operator"),
            (stamp(Some("v1"), Some("10"), "e1"), Standing::Newer, "a late upload"),
            (stamp(Some("v3"), Some("30"), "e2"), Standing::Older, "the next upload of the same bytes"),
            (stamp(Some("v9"), None, "e9"), Standing::Unknown, "nothing says that it is newer"),
        ] {
            assert_eq!(stands.standing(&upload), standing, "{why}");
        }
        let unversioned = stamp(None, Some("20"), "e");
        assert_eq!(unversioned.standing(&stamp(None, Some("2000"), "e")), Standing::Same);
        assert_eq!(unversioned.standing(&stamp(None, Some("30"), "e")), Standing::Older);
    }

    #[test]
    fn of_uploads_that_overlap_the_one_initiated_last_is_the_newer() {
        let in_parts = |at| modified(stamp(Some("v1"), Some("30"), "e-2"), at);
        let beside = |at| modified(stamp(Some("v2"), Some("20"), "e"), at);
        for (in_parts, beside, standing, why) in [
            (in_parts(10), beside(11), Standing::Newer, "it came while the parts were on their way"),
            (in_parts(12), beside(11), Standing::Older, "the upload in parts began after it"),
            (in_parts(11), beside(11), Standing::Older, "within one second the sequencers tell"),
            (
                modified(in_parts(0), 10),
                Stamp { last_modified: None, ..beside(11) },
                Standing::Older,
                "a stamp without a time",
            ),
            (
                Stamp { etag: beside(0).etag, ..in_parts(10) },
                beside(11),
                Standing::Older,
                "clocks are not asked about uploads at once",
            ),
        ] {
            assert_eq!(beside.standing(&in_parts), standing, "{why}");
            let seen_from_there = if standing == Standing::Newer { Standing::Older } else { Standing::Newer };
            assert_eq!(in_parts.standing(&beside), seen_from_there, "{why}");
        }
    }

    #[test]
    fn metadata_near_two_kilobytes_has_no_room_for_a_stamp() {
        let stamp = stamp(Some(&"v".repeat(32)), Some(&"0".repeat(18)), &"e".repeat(32));
        let metadata = |length: usize| [("k".to_owned(), "v".repeat(length))].into();
        assert!(stamp.fits(&metadata(1000)));
        assert!(!stamp.fits(&metadata(2000)));
    }
}
