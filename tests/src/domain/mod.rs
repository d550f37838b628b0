//! The domain check: every promise about source, backup, replica, receipts, executions and messages, checked after no
//! execution runs any more.
//!
//! It does not call the product's decisions. It reads every object through S3, computes the digests and keys itself, and
//! compares the outputs of executions with the objects.
//!
//! The [`Report`] counts leftovers that the design allows. Each test states how many of them it allows ([`Tolerance`]).

mod attributes;
mod changes;
mod copies;
mod keys;
mod objects;
mod order;
mod outcomes;
mod snapshot;
mod sources;
mod uploads;

use std::{error::Error, fmt};

pub use self::{
    objects::{Bucket, OpenUpload, Version},
    snapshot::{Execution, Settings, Snapshot, StoredReceipt},
};
use crate::{TestResult, fixture::Fixture};

/// A promise. Violations are reported under its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Promise {
    /// Every existing source version has a receipt, or an execution that a redrive finishes.
    NothingLost,
    /// A source version has one receipt, at the key that follows from the version. It is written once, unless the copy
    /// that it names is gone.
    OneReceipt,
    /// The copies that a receipt names exist at the keys that it names.
    CopyExists,
    /// A copy has the bytes of its source.
    SameBytes,
    /// A copy has the headers, metadata, tags and storage class of its source, or its receipt records the difference.
    SameAttributes,
    /// The evidence in a receipt matches the bytes.
    TrueEvidence,
    /// A copy has the stamp of its source version.
    Stamped,
    /// If a replica is configured, every receipt has one.
    Replicated,
    /// The current copy of a key is the copy of the newest source version.
    NewestIsCurrent,
    /// Every visible object is proven.
    EveryObjectProven,
    /// No version is copied twice.
    CopiedOnce,
    /// No upload is open, except for those that a redrive continues.
    NoOpenUpload,
    /// Every execution has ended.
    NothingRunning,
    /// Every execution without success can be redriven.
    Redrivable,
    /// Every execution without success says why in the first line of its cause.
    FailureExplained,
    /// Every outcome is reported at least once.
    OutcomeReported,
}

/// A broken promise.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// The promise.
    pub promise: Promise,
    /// The object or execution, and what is wrong.
    pub message: String,
}

/// The broken promises of a fixture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violations(pub Vec<Violation>);

impl Violations {
    /// The broken promises, each once, in order.
    pub fn promises(&self) -> Vec<Promise> {
        let mut promises: Vec<_> = self.0.iter().map(|violation| violation.promise).collect();
        promises.sort_unstable();
        promises.dedup();
        promises
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} promises are broken:", self.0.len())?;
        self.0.iter().try_for_each(|violation| write!(formatter, "\n  {:?}: {}", violation.promise, violation.message))
    }
}

impl Error for Violations {}

/// The most leftovers that a test allows. The default: none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tolerance {
    /// Open uploads that no execution knows. The response to CreateMultipartUpload was lost; lifecycle removes them.
    pub unknown_uploads: usize,
    /// Copies of a source version that has another, proven copy. A plan found neither a receipt nor a proof of the
    /// first copy.
    pub duplicate_copies: usize,
    /// Newest versions of a key whose copy is late. When it was planned, a newer copy existed. That copy could not be
    /// proven later and was deleted.
    pub newest_versions_late: usize,
}

/// The counts of a domain check without violations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Source versions that are not excluded.
    pub versions: usize,
    /// Source versions with a receipt.
    pub proven: usize,
    /// Receipts, those of deleted versions included.
    pub receipts: usize,
    /// Executions that succeeded, skipped ones included.
    pub succeeded: usize,
    /// Executions that were skipped.
    pub skipped: usize,
    /// Executions without success: ARN and name of the error.
    pub unfinished: Vec<(String, String)>,
    /// Published messages.
    pub messages: usize,
    /// Open uploads that no execution knows.
    pub unknown_uploads: usize,
    /// Copies of a source version that has another, proven copy.
    pub duplicate_copies: usize,
    /// Newest versions of a key whose copy is late.
    pub newest_versions_late: usize,
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { versions, proven, receipts, succeeded, skipped, unfinished, messages, .. } = self;
        write!(
            formatter,
            "{proven} of {versions} versions proven, {receipts} receipts, {succeeded} executions succeeded ({skipped} \
             skipped), {} wait for a redrive, {messages} messages",
            unfinished.len()
        )
    }
}

impl Fixture {
    /// Checks every promise. Waits until all events are delivered, but not for executions: a running one is a
    /// violation. Fault rules also apply to the requests of the check, so remove them first.
    pub async fn check_domain(&self, tolerance: Tolerance) -> TestResult<Report> {
        Ok(Snapshot::take(self).await?.check(tolerance)?)
    }

    /// Checks one upload and its execution. No other key may have the key and a slash as its prefix.
    pub async fn check_upload(&self, key: &str, execution: &str, tolerance: Tolerance) -> TestResult<Report> {
        Ok(Snapshot::of_upload(self, key, execution).await?.check(tolerance)?)
    }
}

/// A running check.
struct Check<'a> {
    snapshot: &'a Snapshot,
    report: Report,
    violations: Vec<Violation>,
}

impl Check<'_> {
    fn violated(&mut self, promise: Promise, message: impl Into<String>) {
        self.violations.push(Violation { promise, message: message.into() });
    }

    /// Reports the leftovers that exceed the tolerance.
    fn check_tolerance(&mut self, tolerance: Tolerance) {
        let Report { unknown_uploads, duplicate_copies, newest_versions_late, .. } = self.report;
        for (promise, found, allowed, what) in [
            (
                Promise::NoOpenUpload,
                unknown_uploads,
                tolerance.unknown_uploads,
                "uploads are open that no execution knows",
            ),
            (
                Promise::CopiedOnce,
                duplicate_copies,
                tolerance.duplicate_copies,
                "copies duplicate the proven copy of their version",
            ),
            (
                Promise::NewestIsCurrent,
                newest_versions_late,
                tolerance.newest_versions_late,
                "copies of the newest version of a key are late",
            ),
        ] {
            if found > allowed {
                self.violated(promise, format!("{found} {what}; at most {allowed} are allowed"));
            }
        }
    }
}

impl Snapshot {
    /// Checks every promise.
    pub fn check(&self, tolerance: Tolerance) -> Result<Report, Violations> {
        let mut check = Check { snapshot: self, report: Report::default(), violations: Vec::new() };
        check.check_sources();
        check.check_receipts();
        check.check_order();
        check.check_unproven_objects();
        check.check_uploads();
        check.check_outcomes();
        check.check_tolerance(tolerance);
        let Check { report, mut violations, .. } = check;
        violations.sort();
        if violations.is_empty() { Ok(report) } else { Err(Violations(violations)) }
    }
}
