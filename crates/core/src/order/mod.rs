//! Order: which upload of a key is the newer one, at which key a copy is stored, and whether a published copy has to be
//! withdrawn.
//!
//! Every decision about order is a pure function in this module. The Lambda functions gather facts, call it, and act.
//! `docs/order.md` explains the rules with sequence diagrams.
//!
//! - [`Stamp`]: identifies the source upload of a copy, in the metadata of the copy.
//! - [`place`]: decides the placement of a copy, before it is made.
//! - [`check_published`]: decides whether a copy replaced a newer one, after it is published and proven.

mod placement;
mod published;
mod stamp;

pub use self::{
    placement::{Occupant, Placement, PlacementDecision, PlacementFacts, Recency, place},
    published::{Neighbor, PlannedReplacement, PublishedDecision, PublishedFacts, check_published, is_repaired},
    stamp::{METADATA_LIMIT, Relation, STAMP_NAME, Stamp, StampedMetadata},
};
