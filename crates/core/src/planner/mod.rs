//! The planners of both legs, without I/O: source, method, precondition and attributes of a copy.

pub mod backup;
pub mod replica;

use crate::{
    contract::{Destination, Placement, Precondition},
    object::Head,
};

/// The destination of a copy, and the object at that key when the plan is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The destination.
    pub destination: Destination,
    /// Whether the copy becomes the current one of its key.
    pub placement: Placement,
    /// The current object of the destination key.
    pub current: Option<Head>,
}

/// The precondition of a copy: the current object at the key is still the one in the plan.
pub fn precondition(current: Option<&Head>) -> Precondition {
    current.map_or(Precondition::IfAbsent, |head| Precondition::IfMatch(head.etag.clone()))
}
