//! The check after publishing: whether a proven copy replaced a newer one.
//!
//! A copy is published on the condition that the object at its key has the entity tag in the plan. `If-Match` compares
//! entity tags, not versions: if a key receives the bytes A, B, A, both A versions have the same tag. So an older
//! upload may replace a newer one although the precondition is met.
//!
//! The position of a copy in one request is determined when it is published. The position of a multipart copy is
//! determined when its upload is opened, so an older copy may also be above it.

use super::{Recency, Relation, Stamp};
use crate::{
    contract::Method,
    names::{ETag, VersionId},
};

/// Another version of the copy's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbor {
    /// The version.
    pub version_id: VersionId,
    /// The entity tag.
    pub etag: ETag,
    /// The size in bytes.
    pub size: u64,
    /// The stamp; absent if Holdfast did not write the object.
    pub stamp: Option<Stamp>,
}

/// The object that the plan expected to replace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlannedReplacement {
    /// The object with this entity tag.
    Object(ETag),
    /// Unknown: the plan found the copy already published.
    Unknown,
}

/// The facts that decide whether a published copy has to be withdrawn.
#[derive(Debug, Clone)]
pub struct PublishedFacts<'a> {
    /// The upload that was copied.
    pub upload: &'a Stamp,
    /// The copy method.
    pub method: Method,
    /// The object that the plan expected to replace.
    pub planned: &'a PlannedReplacement,
    /// Whether the copied version is the newest one of its key.
    pub recency: Recency,
    /// The current version of the key, if it is not the copy.
    pub above: Option<&'a Neighbor>,
    /// The versions below the copy, the nearest first, down to the one that was current when the copy was planned.
    pub below: &'a [Neighbor],
}

/// Whether a published copy has to be withdrawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublishedDecision {
    /// It did not replace a newer version.
    InPlace,
    /// It replaced a newer version and has to be withdrawn.
    Withdraw {
        /// The newer version.
        newer: VersionId,
    },
    /// An older version is above it. A person has to copy it to the key again.
    BelowOlder {
        /// The older version.
        older: VersionId,
    },
}

/// Decides whether a published copy has to be withdrawn.
pub fn check_published(facts: &PublishedFacts<'_>) -> PublishedDecision {
    let relation = |neighbor: &Neighbor| {
        neighbor.stamp.as_ref().map_or(Relation::Unknown, |stamp| stamp.relation_to(facts.upload))
    };
    // Above a copy in one request are only later copies. Their own executions withdraw them.
    if let Some(above) = facts.above.filter(|_| facts.method == Method::Multipart)
        && relation(above) == Relation::Older
    {
        return PublishedDecision::BelowOlder { older: above.version_id.clone() };
    }
    let replaced_unknown = replaced_by_this_plan(facts) && facts.recency == Recency::Superseded;
    let is_newer = |neighbor: &&Neighbor| match relation(neighbor) {
        Relation::Newer => true,
        Relation::Unknown => replaced_unknown,
        Relation::Same | Relation::Older => false,
    };
    // Versions below count even if another version is above, because its own execution may withdraw that one.
    match facts.below.iter().find(is_newer) {
        Some(newer) => PublishedDecision::Withdraw { newer: newer.version_id.clone() },
        None => PublishedDecision::InPlace,
    }
}

/// Whether the plan of this execution published the copy over the version directly below it. If not, another execution
/// of the same event made the copy by its own plan. A multipart object may have been completed later than its position
/// indicates.
fn replaced_by_this_plan(facts: &PublishedFacts<'_>) -> bool {
    let PlannedReplacement::Object(expected) = facts.planned else { return false };
    facts.below.first().is_none_or(|nearest| {
        nearest.etag == *expected || facts.method == Method::Multipart || nearest.etag.is_of_parts()
    })
}

/// Whether a person repaired the order after the copy could not be withdrawn: the newer version, or an even newer one,
/// is current.
pub fn is_repaired(newer: &Neighbor, above: Option<&Neighbor>) -> bool {
    let Some(above) = above else { return false };
    match (&newer.stamp, &above.stamp) {
        (Some(newer), Some(above)) => matches!(above.relation_to(newer), Relation::Same | Relation::Newer),
        (None, None) => newer.etag == above.etag && newer.size == above.size,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::{super::stamp::tests::stamp, *};

    fn neighbor(version: &str, etag: &str, stamp: Option<Stamp>) -> Neighbor {
        let (version_id, etag) = (VersionId::new(version).unwrap(), ETag::new(etag).unwrap());
        Neighbor { version_id, etag, size: 5, stamp }
    }

    #[test]
    fn every_case_after_publishing() {
        use Method::{CopyObject, Multipart};
        use PublishedDecision::InPlace;
        use Recency::{Newest, Superseded};

        let upload = stamp(Some("v2"), Some("20"), "a", 0);
        let newer = neighbor("w3", "a", Some(stamp(Some("v3"), Some("30"), "a", 0)));
        let older = neighbor("w1", "a", Some(stamp(Some("v1"), Some("10"), "a", 0)));
        let foreign = neighbor("w9", "a", None);
        let other_tag = neighbor("w8", "b", None);
        let expected = PlannedReplacement::Object(ETag::new("a").unwrap());
        let found = PlannedReplacement::Unknown;
        let withdraw = |version: &str| PublishedDecision::Withdraw { newer: VersionId::new(version).unwrap() };
        let below_older = PublishedDecision::BelowOlder { older: VersionId::new("w1").unwrap() };
        for (method, planned, recency, above, below, decision, why) in [
            (CopyObject, &expected, Superseded, None, vec![], InPlace, "it replaced what the plan knew"),
            (CopyObject, &expected, Superseded, None, vec![&newer], withdraw("w3"), "it replaced a newer one"),
            (
                CopyObject,
                &expected,
                Newest,
                None,
                vec![&newer],
                withdraw("w3"),
                "stamps take precedence over the source",
            ),
            (
                CopyObject,
                &expected,
                Superseded,
                None,
                vec![&older, &newer],
                withdraw("w3"),
                "a newer one further below",
            ),
            (CopyObject, &expected, Superseded, None, vec![&older], InPlace, "an older one"),
            (
                CopyObject,
                &expected,
                Superseded,
                None,
                vec![&foreign],
                withdraw("w9"),
                "it is not the newest version of the source",
            ),
            (CopyObject, &expected, Newest, None, vec![&foreign], InPlace, "it is the newest version of the source"),
            (CopyObject, &expected, Superseded, None, vec![&other_tag], InPlace, "another execution replaced that"),
            (
                CopyObject,
                &found,
                Superseded,
                None,
                vec![&foreign],
                InPlace,
                "the object that a found copy replaced is unknown",
            ),
            (CopyObject, &found, Superseded, None, vec![&newer], withdraw("w3"), "a found copy over a newer one"),
            (
                CopyObject,
                &expected,
                Superseded,
                Some(&older),
                vec![],
                InPlace,
                "its own execution withdraws the older one",
            ),
            (CopyObject, &expected, Superseded, Some(&older), vec![&newer], withdraw("w3"), "newer below counts"),
            (Multipart, &expected, Superseded, Some(&older), vec![], below_older, "an older one is above"),
            (Multipart, &expected, Superseded, Some(&newer), vec![], InPlace, "a newer one is above"),
            (Multipart, &expected, Superseded, None, vec![&other_tag], withdraw("w8"), "completed after its place"),
        ] {
            let below: Vec<_> = below.into_iter().cloned().collect();
            let facts = PublishedFacts { upload: &upload, method, planned, recency, above, below: &below };
            assert_eq!(check_published(&facts), decision, "{why}");
        }
    }

    #[test]
    fn a_repair_is_a_current_version_that_is_the_newer_one_or_newer_still() {
        let of = |version: &str, sequencer: &str| stamp(Some(version), Some(sequencer), "a", 0);
        let newer = neighbor("w3", "a", Some(of("v3", "30")));
        for (above, repaired, why) in [
            (None, false, "the copy is still current"),
            (Some(neighbor("w4", "a", Some(of("v3", "30")))), true, "the newer one was copied to the key"),
            (Some(neighbor("w4", "a", Some(of("v4", "40")))), true, "an even newer one"),
            (Some(neighbor("w4", "a", Some(of("v1", "10")))), false, "an older one"),
            (Some(neighbor("w4", "a", None)), false, "an object of another client"),
        ] {
            assert_eq!(is_repaired(&newer, above.as_ref()), repaired, "{why}");
        }
        let foreign = neighbor("w9", "a", None);
        assert!(is_repaired(&foreign, Some(&neighbor("w4", "a", None))), "the same bytes without stamps");
        assert!(!is_repaired(&foreign, Some(&neighbor("w4", "b", None))), "other bytes");
    }
}
