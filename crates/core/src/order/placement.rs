//! The placement of a copy: at the key of its source, or among the late backups of that key.

use serde::{Deserialize, Serialize};

use super::{Relation, Stamp};

/// Whether a copy becomes the current one of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Placement {
    /// It does, at the key of its source.
    Current,
    /// It does not, because a newer upload is already backed up. The copy is stored under `.holdfast/late/`.
    Late,
}

/// The current object at the destination key when a copy is planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occupant<'a> {
    /// No object, or a delete marker.
    Nothing,
    /// An object with its stamp; `None` if Holdfast did not write it.
    Object(Option<&'a Stamp>),
}

/// Whether the copied version is the newest one of its key in the bucket from which it is copied. Delete markers do not
/// count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recency {
    /// It is the newest one.
    Newest,
    /// A newer one exists.
    Superseded,
    /// The bucket has no versions: its object is the newest one.
    Unversioned,
}

/// The facts that decide the placement of a copy.
#[derive(Debug, Clone, Copy)]
pub struct PlacementFacts<'a> {
    /// The upload that is copied.
    pub upload: &'a Stamp,
    /// The current object at the destination key.
    pub occupant: Occupant<'a>,
    /// The recency. It costs a request, so it is gathered only after [`PlacementDecision::AskRecency`].
    pub recency: Option<Recency>,
}

/// The placement of a copy, or the missing fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlacementDecision {
    /// The copy of this upload is already at the key.
    AlreadyThere,
    /// At the key of its source.
    Current,
    /// Among the late backups.
    Late,
    /// The stamps do not decide. Gather the recency and decide again.
    AskRecency,
}

/// Decides the placement of a copy.
///
/// The stamps decide if both have a sequencer. An object of another client and a copy that an operator requested have
/// no sequencer. Then the source of the copy decides: only its newest version may replace such an object.
pub fn place(facts: PlacementFacts<'_>) -> PlacementDecision {
    let relation = match facts.occupant {
        Occupant::Nothing => return PlacementDecision::Current,
        Occupant::Object(None) => Relation::Unknown,
        Occupant::Object(Some(stamp)) => stamp.relation_to(facts.upload),
    };
    match (relation, facts.recency) {
        (Relation::Same, _) => PlacementDecision::AlreadyThere,
        (Relation::Newer, _) | (Relation::Unknown, Some(Recency::Superseded)) => PlacementDecision::Late,
        (Relation::Unknown, None) => PlacementDecision::AskRecency,
        (Relation::Older, _) | (Relation::Unknown, Some(Recency::Newest | Recency::Unversioned)) => {
            PlacementDecision::Current
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::stamp::tests::stamp, *};

    #[test]
    fn every_case_of_placement() {
        use PlacementDecision::{AlreadyThere, AskRecency, Current, Late};

        let upload = stamp(Some("v2"), Some("20"), "e2", 0);
        let same = stamp(Some("v2"), Some("20"), "e2", 0);
        let older = stamp(Some("v1"), Some("10"), "e1", 0);
        let newer = stamp(Some("v3"), Some("30"), "e3", 0);
        let requested = stamp(Some("v9"), None, "e9", 0);
        let object = |stamp| Occupant::Object(Some(stamp));
        let foreign = Occupant::Object(None);
        for (occupant, recency, decision, why) in [
            (Occupant::Nothing, None, Current, "the key is free"),
            (object(&same), None, AlreadyThere, "an earlier call published it"),
            (object(&older), None, Current, "an older backup is replaced"),
            (object(&newer), None, Late, "a newer backup stays"),
            (object(&older), Some(Recency::Superseded), Current, "stamps take precedence over the recency"),
            (object(&requested), None, AskRecency, "a request has no sequencer"),
            (foreign, None, AskRecency, "an object of another client"),
            (foreign, Some(Recency::Newest), Current, "the newest version may replace it"),
            (foreign, Some(Recency::Superseded), Late, "an older version may not"),
            (foreign, Some(Recency::Unversioned), Current, "without versions the source holds the newest"),
            (object(&requested), Some(Recency::Superseded), Late, "an older version may not replace a request"),
        ] {
            assert_eq!(place(PlacementFacts { upload: &upload, occupant, recency }), decision, "{why}");
        }
    }
}
