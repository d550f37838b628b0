//! The restored copy of an archived object.

use std::collections::BTreeSet;

use s3s::dto;
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};

use crate::{
    clock::midnight_after,
    model::object::{Attributes, Object},
};

const HTTP_DATE: &[BorrowedFormatItem<'_>] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");

/// A restored copy, or one in progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Restore {
    /// When the copy becomes readable.
    pub(crate) completes: OffsetDateTime,
    /// When the copy expires.
    pub(crate) expires: OffsetDateTime,
    /// Whether the event of its completion was sent.
    #[serde(default = "announced")]
    pub(crate) is_announced: bool,
}

/// The default for records from before this field existed.
fn announced() -> bool {
    true
}

/// A version with a restore in progress.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Restoring {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) id: String,
}

/// The versions with restores in progress.
pub(crate) type AllRestoring = BTreeSet<Restoring>;

impl Restore {
    /// A new restore.
    pub(crate) fn of(completes: OffsetDateTime, days: Duration) -> Self {
        Self { completes, expires: midnight_after(completes.saturating_add(days)), is_announced: false }
    }

    /// A completed restore with a new expiry.
    pub(crate) fn kept(now: OffsetDateTime, days: Duration) -> Self {
        Self { is_announced: true, ..Self::of(now, days) }
    }

    /// Whether the event of its completion is still due.
    pub(crate) fn needs_event(self) -> bool {
        !self.is_announced
    }

    pub(crate) fn is_under_way(self, now: OffsetDateTime) -> bool {
        now < self.completes
    }

    pub(crate) fn is_readable(self, now: OffsetDateTime) -> bool {
        self.completes <= now && now < self.expires
    }
}

/// Whether the bytes are archived.
pub(crate) fn is_archive(attributes: &Attributes) -> bool {
    matches!(attributes.storage_class.as_str(), dto::StorageClass::GLACIER | dto::StorageClass::DEEP_ARCHIVE)
}

impl Object {
    /// Whether the bytes must be restored before they can be read.
    pub(crate) fn is_out_of_reach(&self, now: OffsetDateTime) -> bool {
        is_archive(&self.attributes) && !self.restore.is_some_and(|restore| restore.is_readable(now))
    }

    /// The header `x-amz-restore`.
    pub(crate) fn shown_restore(&self, now: OffsetDateTime) -> Option<String> {
        let restore = self.restore?;
        if restore.is_under_way(now) {
            return Some("ongoing-request=\"true\"".to_owned());
        }
        let expires = restore.expires.format(HTTP_DATE).unwrap_or_default();
        restore.is_readable(now).then(|| format!("ongoing-request=\"false\", expiry-date=\"{expires}\""))
    }
}
