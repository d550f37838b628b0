//! The stamp identifies the source upload of a copy. It is one entry of the copy's user metadata.
//!
//! Sequencers show which of two uploads is the newer one, with one exception. S3 makes the upload current that was
//! *initiated* last (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html>), but its event, with the
//! sequencer, is sent when an upload completes. A multipart upload can therefore have the higher sequencer and be the
//! older version. Its `Last-Modified` is the time of its initiation, in whole seconds
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html>).

use std::{cmp::Reverse, collections::BTreeMap};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{
    format::{compact_time, parse_compact_time},
    names::{ETag, Sequencer, VersionId},
};

/// The name of the metadata entry with the stamp, without S3's prefix `x-amz-meta-`.
pub const STAMP_NAME: &str = "holdfast-stamp";

/// The user metadata that S3 stores with one object, in bytes of all names and values
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html>).
pub const METADATA_LIMIT: usize = 2048;
/// S3's own prefix of each name. AWS does not document whether it counts towards the limit, so it is counted.
const PREFIX: usize = "x-amz-meta-".len();

/// Identifies the source upload of a copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stamp {
    /// The source's version; absent if the source bucket has no versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<VersionId>,
    /// The event's sequencer; absent if an operator requested the backup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequencer: Option<Sequencer>,
    /// The source's entity tag.
    pub etag: ETag,
    /// The source's `Last-Modified`, in whole seconds. Without versions, the time of the event: the source may be a newer
    /// upload with the same bytes by now, and a repeated event must give the same stamp.
    #[serde(with = "time::serde::rfc3339")]
    pub last_modified: OffsetDateTime,
}

/// How one upload relates to another upload of the same key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// Both are the same upload.
    Same,
    /// It is newer than the other one.
    Newer,
    /// It is older than the other one.
    Older,
    /// The stamps do not show which one is newer.
    Unknown,
}

/// The user metadata of a copy, with its stamp.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StampedMetadata {
    /// The metadata of the copy: the stamp, and the user's entries that fit S3's limit.
    pub metadata: BTreeMap<String, String>,
    /// The user's entries that do not fit. The receipt records them, so that a restore can add them again.
    pub displaced: BTreeMap<String, String>,
}

impl Stamp {
    /// Adds the stamp to the user's metadata. If S3's limit leaves no room for it, the largest entries of the user are
    /// displaced until it fits. An entry of the user that has the stamp's name is replaced.
    pub fn add_to(&self, user_metadata: &BTreeMap<String, String>) -> StampedMetadata {
        let mut metadata = user_metadata.clone();
        metadata.insert(STAMP_NAME.to_owned(), self.to_text());
        let size = |name: &str, value: &str| PREFIX + name.len() + value.len();
        let mut total: usize = metadata.iter().map(|(name, value)| size(name, value)).sum();
        let mut displaced = BTreeMap::new();
        while total > METADATA_LIMIT {
            let users = metadata.iter().filter(|(name, _)| *name != STAMP_NAME);
            // Of entries with the same size, the first by name is displaced, so that every plan displaces the same
            // ones.
            let largest = users.max_by_key(|(name, value)| (size(name, value), Reverse(*name)));
            let Some((name, _)) = largest else { break };
            let name = name.clone();
            let Some(value) = metadata.remove(&name) else { break };
            total -= size(&name, &value);
            displaced.insert(name, value);
        }
        StampedMetadata { metadata, displaced }
    }

    /// Reads the stamp from an object's user metadata; `None` if the object has no readable stamp.
    pub fn read(metadata: &BTreeMap<String, String>) -> Option<Self> {
        Self::parse(metadata.get(STAMP_NAME)?)
    }

    /// For example `v=3sL4kqtJlcpXroDTDmJrmSpXd3dIbrHY s=0055AED6DCD90281E5 e=9b2cf535f27731c9 m=20261130T175703Z`.
    /// No value contains a blank.
    fn to_text(&self) -> String {
        let version = self.version_id.as_ref().map(|version| format!("v={version}"));
        let sequencer = self.sequencer.as_ref().map(|sequencer| format!("s={sequencer}"));
        let etag = Some(format!("e={}", self.etag));
        let last_modified = Some(format!("m={}", compact_time(self.last_modified)));
        [version, sequencer, etag, last_modified].into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    /// Unknown fields are ignored, so that a later version may add some.
    fn parse(text: &str) -> Option<Self> {
        let fields: BTreeMap<_, _> = text.split(' ').filter_map(|field| field.split_once('=')).collect();
        let field = |name: &str| fields.get(name).copied();
        Some(Self {
            version_id: field("v").map(VersionId::new).transpose().ok()?,
            sequencer: field("s").map(Sequencer::new).transpose().ok()?,
            etag: ETag::new(field("e")?).ok()?,
            last_modified: parse_compact_time(field("m")?)?,
        })
    }

    /// Whether both stamps name the same upload.
    pub fn is_same(&self, other: &Self) -> bool {
        self.is_same_upload(other.version_id.as_ref(), other.sequencer.as_ref(), &other.etag)
    }

    /// Whether the source has versions.
    pub fn is_versioned(&self) -> bool {
        is_version(self.version_id.as_ref())
    }

    /// How the upload of this stamp relates to the upload of another one.
    pub fn relation_to(&self, other: &Self) -> Relation {
        if self.is_same(other) {
            return Relation::Same;
        }
        let Some((own, others)) = self.sequencer.as_ref().zip(other.sequencer.as_ref()) else {
            return Relation::Unknown;
        };
        let is_newer = if own > others { !self.began_before(other) } else { other.began_before(self) };
        if is_newer { Relation::Newer } else { Relation::Older }
    }

    /// Whether this is the stamp of the upload with these identifiers. A version identifies an upload. Without
    /// versions, sequencer and entity tag together do.
    pub fn is_same_upload(&self, version: Option<&VersionId>, sequencer: Option<&Sequencer>, etag: &ETag) -> bool {
        match (&self.version_id, version) {
            (Some(own), Some(other)) if is_version(Some(own)) => own == other,
            _ => self.etag == *etag && self.sequencer.as_ref() == sequencer,
        }
    }

    /// Whether this upload, which has the higher sequencer, was nevertheless initiated before the other one. That can
    /// be only a multipart upload to a bucket with versions. `Last-Modified` is not compared for single uploads: the
    /// clocks that set it may differ between two uploads that follow each other closely.
    fn began_before(&self, other: &Self) -> bool {
        let versioned = is_version(self.version_id.as_ref()) && is_version(other.version_id.as_ref());
        versioned && self.etag.is_of_parts() && self.last_modified < other.last_modified
    }

    /// Whether the stamp names a version that never changes.
    pub fn has_version(&self) -> bool {
        is_version(self.version_id.as_ref())
    }
}

/// The version `null` is not unique: each upload without versioning replaces its object.
fn is_version(version: Option<&VersionId>) -> bool {
    version.is_some_and(|version| version.as_str() != "null")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A stamp by its text fields; the time in seconds after a fixed moment.
    pub(crate) fn stamp(version: Option<&str>, sequencer: Option<&str>, etag: &str, seconds: i64) -> Stamp {
        let build = || -> Result<Stamp, crate::names::InvalidName> {
            Ok(Stamp {
                version_id: version.map(VersionId::new).transpose()?,
                sequencer: sequencer.map(Sequencer::new).transpose()?,
                etag: ETag::new(etag)?,
                last_modified: OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(1_795_341_600 + seconds),
            })
        };
        build().unwrap_or_else(|error| panic!("{error}"))
    }

    fn user(entries: &[(&str, usize)]) -> BTreeMap<String, String> {
        entries.iter().map(|(name, length)| ((*name).to_owned(), "v".repeat(*length))).collect()
    }

    #[test]
    fn a_stamp_is_read_back_from_the_metadata() {
        let full = stamp(Some("v=1"), Some("0A"), "e-3", 0);
        assert_eq!(full.to_text(), "v=v=1 s=0A e=e-3 m=20261122T100000Z");
        for stamp in [full, stamp(None, None, "e", 5)] {
            let stamped = stamp.add_to(&user(&[("owner", 3)]));

            assert_eq!(Stamp::read(&stamped.metadata), Some(stamp));
            assert_eq!(stamped.metadata["owner"], "vvv");
            assert_eq!(stamped.displaced, BTreeMap::new());
        }
    }

    #[test]
    fn a_stamp_with_unknown_fields_is_read_and_one_without_an_entity_tag_is_not() {
        let read = |text: &str| Stamp::read(&[(STAMP_NAME.to_owned(), text.to_owned())].into());
        assert_eq!(read("x=1 e=e m=20261122T100000Z"), Some(stamp(None, None, "e", 0)));
        for text in ["", "v=v1 m=20261122T100000Z", "e=e", "e=e m=yesterday", "e=e m=20261122T100000Z s=xyz"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn the_largest_entries_are_displaced_until_the_stamp_fits() {
        let stamp = stamp(Some(&"v".repeat(32)), Some(&"0".repeat(18)), &"e".repeat(32), 0);
        for (entries, displaced, why) in [
            (&[("a", 1500), ("b", 300)][..], &[][..], "there is room"),
            (&[("a", 1500), ("b", 400)], &["a"], "the largest is enough"),
            (&[("a", 900), ("b", 900), ("c", 100)], &["a"], "of two equal ones the first"),
            (&[("a", 2030)], &["a"], "one entry fills the limit"),
            (&[("a", 1000), ("holdfast-stamp", 900)], &[], "a user's entry with the stamp's name is replaced"),
        ] {
            let stamped = stamp.add_to(&user(entries));

            let names: Vec<_> = stamped.displaced.keys().map(String::as_str).collect();
            assert_eq!(names, displaced, "{why}");
            assert_eq!(Stamp::read(&stamped.metadata).as_ref(), Some(&stamp), "{why}");
            let bytes: usize = stamped.metadata.iter().map(|(name, value)| PREFIX + name.len() + value.len()).sum();
            assert!(bytes <= METADATA_LIMIT, "{why}: {bytes} bytes");
        }
    }

    #[test]
    fn versions_identify_uploads_and_sequencers_order_them() {
        let published = stamp(Some("v2"), Some("20"), "e2", 0);
        for (upload, relation, why) in [
            (stamp(Some("v2"), Some("20"), "e2", 0), Relation::Same, "a redelivered event"),
            (stamp(Some("v2"), None, "e2", 0), Relation::Same, "an operator's request"),
            (stamp(Some("v1"), Some("10"), "e1", 0), Relation::Newer, "a late upload"),
            (stamp(Some("v3"), Some("30"), "e2", 0), Relation::Older, "the next upload of the same bytes"),
            (stamp(Some("v9"), None, "e9", 0), Relation::Unknown, "a request has no sequencer"),
        ] {
            assert_eq!(published.relation_to(&upload), relation, "{why}");
        }
        let unversioned = stamp(None, Some("20"), "e", 0);
        assert_eq!(unversioned.relation_to(&stamp(None, Some("2000"), "e", 0)), Relation::Same);
        assert_eq!(unversioned.relation_to(&stamp(None, Some("30"), "e", 0)), Relation::Older);
        let null = stamp(Some("null"), Some("20"), "e", 0);
        assert_eq!(null.relation_to(&stamp(Some("null"), Some("30"), "e", 0)), Relation::Older, "null is no version");
    }

    #[test]
    fn of_overlapping_uploads_the_one_initiated_last_is_newer() {
        let multipart = |seconds| stamp(Some("v1"), Some("30"), "e-2", seconds);
        let single = |seconds| stamp(Some("v2"), Some("20"), "e", seconds);
        let unversioned = |stamp: Stamp| Stamp { version_id: None, ..stamp };
        for (later, earlier, relation, why) in [
            (multipart(10), single(11), Relation::Newer, "it arrived while the parts were uploaded"),
            (multipart(12), single(11), Relation::Older, "the multipart upload began after it"),
            (multipart(11), single(11), Relation::Older, "within one second the sequencers decide"),
            (
                unversioned(multipart(10)),
                unversioned(single(11)),
                Relation::Older,
                "without versions S3 keeps the last",
            ),
            (
                Stamp { etag: single(0).etag, ..multipart(10) },
                single(11),
                Relation::Older,
                "Last-Modified of single uploads is not compared",
            ),
        ] {
            assert_eq!(earlier.relation_to(&later), relation, "{why}");
            let reverse = if relation == Relation::Newer { Relation::Older } else { Relation::Newer };
            assert_eq!(later.relation_to(&earlier), reverse, "{why}");
        }
    }
}
