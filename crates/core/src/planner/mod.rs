//! The planners of both legs, without I/O: what is copied, how, under which condition and with which attributes.

pub mod backup;
pub mod replica;

use crate::{
    contract::{Destination, Placement, Precondition},
    object::Head,
};

/// Where a copy goes, and the object that is there when the plan is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The place.
    pub destination: Destination,
    /// Whether the copy becomes the current one of its key.
    pub placement: Placement,
    /// The current object of the destination key.
    pub current: Option<Head>,
}

/// The condition under which a copy is published: the object that the plan saw is still there.
pub fn precondition(current: Option<&Head>) -> Precondition {
    current.map_or(Precondition::IfAbsent, |head| Precondition::IfMatch(head.etag.clone()))
}
