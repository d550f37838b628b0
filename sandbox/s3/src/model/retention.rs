//! Retention of Object Lock: until when, and for whom, a version cannot be deleted.

use s3s::dto;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// The days of a year, as retention counts them.
pub(crate) const YEAR: u32 = 365;

/// The mode of a retention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RetentionMode {
    /// A caller with `s3:BypassGovernanceRetention` can delete the version or shorten its retention.
    Governance,
    /// No caller can.
    Compliance,
}

impl RetentionMode {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        match name {
            dto::ObjectLockMode::GOVERNANCE => Some(Self::Governance),
            dto::ObjectLockMode::COMPLIANCE => Some(Self::Compliance),
            _ => None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Governance => dto::ObjectLockMode::GOVERNANCE,
            Self::Compliance => dto::ObjectLockMode::COMPLIANCE,
        }
    }
}

/// The retention of new versions without a retention of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefaultRetention {
    /// The mode.
    pub mode: RetentionMode,
    /// The period.
    pub period: RetentionPeriod,
}

/// The period of a default retention, in the unit of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RetentionPeriod {
    /// In days.
    Days(u32),
    /// In years of 365 days.
    Years(u32),
}

/// How long a version is retained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Retention {
    pub(crate) mode: RetentionMode,
    pub(crate) until: OffsetDateTime,
}
