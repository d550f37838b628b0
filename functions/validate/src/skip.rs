//! The plans that skip an upload, with the reason.

use holdfast_core::{
    contract::{Plan, SkipReason},
    event::Upload,
    names::ETag,
};
use holdfast_s3::ObjectRef;

use crate::announced;

/// The configuration excludes the key.
pub(crate) fn excluded(upload: &Upload, prefix: &str) -> Plan {
    let message = format!("{} is excluded: its key starts with {prefix:?}", announced(upload));
    Plan::Skip { reason: SkipReason::Excluded, message }
}

/// A receipt says that the upload is backed up.
pub(crate) fn already_backed_up(receipt: ObjectRef<'_>) -> Plan {
    let message = format!("the receipt {receipt} says that this version is backed up already");
    Plan::Skip { reason: SkipReason::AlreadyBackedUp, message }
}

/// The source was deleted.
pub(crate) fn source_gone(upload: &Upload) -> Plan {
    let message = format!("{} was deleted before it could be copied", announced(upload));
    Plan::Skip { reason: SkipReason::SourceGone, message }
}

/// Another upload replaced this one in a bucket without versions.
pub(crate) fn superseded(upload: &Upload, found: &ETag) -> Plan {
    let message = format!(
        "{} was replaced before it could be copied: its entity tag is {found} and not the one in the event. The newer upload \
         has its own event",
        announced(upload)
    );
    Plan::Skip { reason: SkipReason::Superseded, message }
}
