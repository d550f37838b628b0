//! The domain check: everything that Holdfast promises about source, backup, replica, receipts, executions and
//! messages, asked of a world in which nothing moves any more.
//!
//! It trusts no answer of the product: objects are read back byte for byte through S3, receipts are recomputed, and
//! what an execution says of itself is compared with the present objects. Each violation gets a sentence.
//!
//! The [`Report`] counts what the design allows, and each test says how much of it it expects ([`Known`]): uploads
//! whose CreateMultipartUpload answer was lost, and copies that a plan made again because it found no receipt.

mod copies;
mod differences;
mod facts;
mod objects;
mod order;
mod outcomes;
mod sources;
mod uploads;

use std::{error::Error, fmt};

pub use self::{
    facts::{Execution, Facts, FiledReceipt, Settings},
    objects::{Bucket, OpenUpload, Version},
};
use crate::{TestResult, world::World};

/// A promise, by the name that a broken one is reported under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// Every source version that exists has a receipt, or an execution that a redrive finishes.
    NothingLost,
    /// A source version has one receipt, at the key that follows from the version. It is written once, unless the copy
    /// that it names is gone.
    OneReceipt,
    /// What a receipt names exists, in the place that it says.
    CopyStands,
    /// A copy has the bytes of its source.
    SameBytes,
    /// A copy has the headers, metadata, tags and storage class of its source, or the receipt says what differs.
    SameAttributes,
    /// The evidence of a receipt is true of the bytes that stand.
    TrueEvidence,
    /// A copy carries the stamp of its source version.
    Stamped,
    /// Where a replica is configured every receipt has one.
    Replicated,
    /// The current copy of a key is that of its newest version.
    NewestOnTop,
    /// No object is visible that is not proven.
    NothingUnproven,
    /// No copy was made twice.
    CopiedOnce,
    /// No upload is open that no redrive needs.
    NoOpenUpload,
    /// Every execution has ended.
    Quiet,
    /// Every execution that did not succeed can be redriven.
    Redrivable,
    /// Every execution that did not succeed says why in its first line.
    SaysWhy,
    /// Every outcome was told to people at least once.
    Told,
}

/// A broken promise.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// Which one.
    pub rule: Rule,
    /// What is wrong, where.
    pub sentence: String,
}

/// Every broken promise of a world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violations(pub Vec<Violation>);

impl Violations {
    /// The names of the broken promises, each once, in order.
    pub fn rules(&self) -> Vec<Rule> {
        let mut rules: Vec<_> = self.0.iter().map(|violation| violation.rule).collect();
        rules.sort_unstable();
        rules.dedup();
        rules
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} promises are broken:", self.0.len())?;
        self.0.iter().try_for_each(|violation| write!(formatter, "\n  {:?}: {}", violation.rule, violation.sentence))
    }
}

impl Error for Violations {}

/// Traces that a test knows it has left, because the design does. The default: none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Known {
    /// At most so many uploads are open that no execution knows of: they were opened by calls whose answer was lost,
    /// and lifecycle removes them.
    pub unanswered_openings: usize,
    /// At most so many copies stand beside the proven one of the same source version: made by a plan that found neither
    /// receipt nor proof of an earlier copy.
    pub copies_beside: usize,
    /// At most so many times the newest version of a key has its copy among the late ones: a newer one stood when it
    /// was planned, which nobody could prove later, and a person has deleted that as advised.
    pub newest_left_late: usize,
}

/// The present objects of a world that keeps its promises.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Source versions that are to be backed up.
    pub versions: usize,
    /// Source versions with a receipt, each of whose copies was read back.
    pub proven: usize,
    /// Receipts, also of versions that do not exist any more.
    pub receipts: usize,
    /// Executions that succeeded.
    pub succeeded: usize,
    /// Those of them that had nothing to do.
    pub skipped: usize,
    /// The executions that did not succeed: ARN and name of the error.
    pub unfinished: Vec<(String, String)>,
    /// Messages that were published.
    pub messages: usize,
    /// Open uploads that no execution knows of.
    pub unanswered_openings: usize,
    /// Copies beside the proven one of the same source version.
    pub copies_beside: usize,
    /// Copies of the newest versions of their keys that lie among the late ones.
    pub newest_left_late: usize,
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { versions, proven, receipts, succeeded, skipped, unfinished, messages, .. } = self;
        write!(
            formatter,
            "{proven} of {versions} versions proven, {receipts} receipts, {succeeded} executions succeeded ({skipped} had \
             nothing to do), {} wait for a redrive, {messages} messages",
            unfinished.len()
        )
    }
}

impl World {
    /// Looks at everything and checks every promise. Waits for events under way, but not for executions: one that still
    /// runs is a violation. Faults should be lifted, or they hit the check itself.
    pub async fn check_domain(&self, known: Known) -> TestResult<Report> {
        Ok(Facts::of(self).await?.check(known)?)
    }

    /// The same of one upload alone, whose key no other one continues after a slash, and of its execution.
    pub async fn check_upload(&self, key: &str, execution: &str, known: Known) -> TestResult<Report> {
        Ok(Facts::of_upload(self, key, execution).await?.check(known)?)
    }
}

/// A check under way.
struct Check<'a> {
    facts: &'a Facts,
    report: Report,
    violations: Vec<Violation>,
}

impl Check<'_> {
    fn broken(&mut self, rule: Rule, sentence: impl Into<String>) {
        self.violations.push(Violation { rule, sentence: sentence.into() });
    }
}

impl Facts {
    /// Checks every promise.
    pub fn check(&self, known: Known) -> Result<Report, Violations> {
        let mut check = Check { facts: self, report: Report::default(), violations: Vec::new() };
        check.sources();
        check.receipts();
        check.newest_on_top();
        check.nothing_unproven();
        check.uploads();
        check.outcomes();
        check.known(known);
        let Check { report, mut violations, .. } = check;
        violations.sort();
        if violations.is_empty() { Ok(report) } else { Err(Violations(violations)) }
    }
}

impl Check<'_> {
    /// No more traces than are known of.
    fn known(&mut self, known: Known) {
        let Report { unanswered_openings, copies_beside, newest_left_late, .. } = self.report;
        if unanswered_openings > known.unanswered_openings {
            let expected = known.unanswered_openings;
            let sentence = format!("{unanswered_openings} uploads are open that no execution knows of, not {expected}");
            self.broken(Rule::NoOpenUpload, sentence);
        }
        if copies_beside > known.copies_beside {
            let expected = known.copies_beside;
            let sentence =
                format!("{copies_beside} copies stand beside the proven one of their version, not {expected}");
            self.broken(Rule::CopiedOnce, sentence);
        }
        if newest_left_late > known.newest_left_late {
            let expected = known.newest_left_late;
            let sentence = format!(
                "{newest_left_late} copies of the newest version of a key lie among the late ones, not {expected}"
            );
            self.broken(Rule::NewestOnTop, sentence);
        }
    }
}
