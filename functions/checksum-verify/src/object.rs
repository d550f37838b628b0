//! Compares a whole copy with its source.

use std::sync::Arc;

use aws_sdk_s3::Client;
use holdfast_core::{
    ErrorName, Fact,
    checksum::Sha256,
    contract::{Backup, Copy, Evidence, ProofMethod, SliceDigest, SliceResult, Stored, Verification, VerifyProgress},
    event::InvalidInput,
    layout::PartLayout,
    slices,
};
use holdfast_lambda::{Aws, Pace, VerifyMode};
use holdfast_s3::{self as s3, Head, ObjectRef};

use crate::{
    Change, ComparedValue, Error,
    attributes::{self, Compared},
    mismatch::Comparison,
    order,
    proof::{self, Proof, ProofFacts, Strategy},
    read::Target,
    read_back,
    reject::reject,
    walk::{Sides, Walk, walk},
};

/// The copy that is verified.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    /// The plan.
    pub(crate) backup: &'a Backup,
    /// The published object.
    pub(crate) stored: &'a Stored,
    /// The results of the slices.
    pub(crate) slices: &'a [SliceResult],
}

impl<'a> Subject<'a> {
    pub(crate) fn copy(self) -> &'a Copy {
        &self.backup.copy
    }

    pub(crate) fn source(self) -> ObjectRef<'a> {
        ObjectRef::source(&self.copy().source)
    }

    pub(crate) fn published(self) -> ObjectRef<'a> {
        ObjectRef::stored(&self.copy().destination, self.stored)
    }

    fn comparison<T>(self, what: ComparedValue, of_source: &'a T, of_copy: &'a T) -> Comparison<'a, T> {
        Comparison { source: self.source(), copy: self.published(), what, of_source, of_copy }
    }
}

/// Verifies a copy, until it is verified or the time is over.
pub(crate) async fn verify(
    aws: &Aws,
    mode: VerifyMode,
    subject: Subject<'_>,
    resume: Option<VerifyProgress>,
    pace: Pace,
) -> Result<Verification, Error> {
    let verified = match prove(aws, mode, subject, resume, pace.clone()).await {
        Err(error) if error.name() == ErrorName::SourceGone => match subject.copy().checksum() {
            // The copy can be proven by the checksum that the source had.
            Some(_) => prove(aws, VerifyMode::Stored, subject, None, pace).await,
            None => Err(source_gone(subject)),
        },
        other => other,
    };
    match verified {
        Err(Error::Mismatch(mismatch)) => Err(reject(aws, subject, mismatch).await),
        Ok(verification) => match &verification.evidence {
            Some(evidence) => order::check(aws, subject, evidence).await.map(|()| verification),
            None => Ok(verification),
        },
        other @ Err(_) => other,
    }
}

/// Checks a proof, and adds the comparison of the attributes.
async fn finished(client: &Client, subject: Subject<'_>, head: &Head, proof: Proof) -> Result<Verification, Error> {
    subject.comparison(ComparedValue::Object(proof.algorithm), &proof.source, &proof.copy).check()?;
    let compared = attributes::compare(client, subject.copy(), subject.published(), head).await?;
    Ok(Verification { done: true, evidence: Some(evidence(subject.copy(), head, proof, compared)), resume: None })
}

async fn prove(
    aws: &Aws,
    mode: VerifyMode,
    subject: Subject<'_>,
    resume: Option<VerifyProgress>,
    mut pace: Pace,
) -> Result<Verification, Error> {
    let client = aws.s3(&subject.copy().destination.region);
    let head = unchanged(subject, s3::head(&client, subject.published()).await?)?;
    let layout = proof::layout(subject.copy())?;
    let digests = slices::digests(layout, subject.slices);
    let size = subject.copy().source.size;
    let facts = ProofFacts { mode, source: subject.copy().checksum(), digests, copy: &head };
    let proof = match proof::choose(facts) {
        Strategy::Compare { source, copy } => Proof::of_source(source, copy, ProofMethod::S3Checksum, 0),
        Strategy::ReadBack { .. } if head.archived && size > 0 => return Err(unreadable(subject.published(), &head)),
        Strategy::ReadBack { source } => {
            let destination = &subject.copy().destination;
            let copy = Target::copy(client.clone(), destination, subject.stored);
            let digest = read_back::digest(&copy, &source, size, layout, &pace).await?;
            Proof::of_source(source, digest, ProofMethod::ReadBack, size)
        }
        Strategy::Combine { source, copy } => Proof::source_read(slices::crc64nvme(layout, &source), copy, size),
        Strategy::StreamSource { copy } => match read(aws, subject, layout, Reads::Source, resume, &mut pace).await? {
            Reading::Done(Done { slices, bytes_read, .. }) => {
                Proof::source_read(slices::crc64nvme(layout, &slices), copy, bytes_read)
            }
            Reading::Paused(progress) => return Ok(unfinished(progress)),
        },
        Strategy::StreamBoth { .. } if head.archived => return Err(unreadable(subject.published(), &head)),
        Strategy::StreamBoth { source } => {
            let digested = if source.is_some() { size } else { 0 };
            match read(aws, subject, layout, Reads::Copy { source }, resume, &mut pace).await? {
                Reading::Done(done) => Proof::both_read(whole_sha256(layout, &done), done.bytes_read + digested),
                Reading::Paused(progress) => return Ok(unfinished(progress)),
            }
        }
    };
    finished(&client, subject, &head, proof).await
}

/// Checks that the published object still exists and has the source's size.
fn unchanged(subject: Subject<'_>, head: Option<Head>) -> Result<Head, Error> {
    let copy = subject.published();
    let changed = |change| Error::CopyChanged { copy: copy.to_string(), change };
    let head = head.ok_or_else(|| changed(Change::Deleted))?;
    if head.etag != subject.stored.etag {
        return Err(changed(Change::Replaced));
    }
    subject.comparison(ComparedValue::Size, &subject.copy().source.size, &head.size).check()?;
    Ok(head)
}

/// The error of a copy whose source is gone. In the backup leg a new plan checks whether another execution proved the
/// copy.
fn source_gone(subject: Subject<'_>) -> Error {
    let (source, copy) = (subject.source().to_string(), subject.published().to_string());
    if subject.backup.is_replica() {
        Error::BackupGone { backup: source, replica: copy }
    } else {
        Error::SourceGone { source_version: source, copy }
    }
}

/// The error of a copy that must be restored from its archive before it can be read.
fn unreadable(copy: ObjectRef<'_>, head: &Head) -> Error {
    let class = head.attributes.storage_class.as_deref().unwrap_or("an archive tier");
    Error::CopyArchived { copy: copy.to_string(), class: class.to_owned() }
}

/// What is read, slice by slice.
#[derive(Debug)]
enum Reads {
    /// The source alone.
    Source,
    /// The copy, compared with the digests of the source's slices, or with the source itself.
    Copy { source: Option<Vec<SliceDigest>> },
}

/// Everything that was read.
#[derive(Debug)]
struct Done {
    slices: Vec<SliceDigest>,
    /// Of the parts of the last slice.
    last_parts: Vec<Sha256>,
    bytes_read: u64,
}

#[derive(Debug)]
enum Reading {
    Done(Done),
    Paused(VerifyProgress),
}

/// Reads slice by slice from the position of an earlier call.
async fn read(
    aws: &Aws,
    subject: Subject<'_>,
    layout: PartLayout,
    reads: Reads,
    resume: Option<VerifyProgress>,
    pace: &mut Pace,
) -> Result<Reading, Error> {
    let start = VerifyProgress { slices: Vec::new(), digest: None, bytes_read: 0 };
    let VerifyProgress { slices: mut digests, mut digest, mut bytes_read } = resume.unwrap_or(start);
    if digests.len() >= layout.slices().len() {
        let problem = "all slices are digested already".to_owned();
        return Err(InvalidInput { path: "resume.slices".to_owned(), problem }.into());
    }
    let source = Target::source(aws.s3(&subject.copy().source.region), &subject.copy().source);
    let destination = &subject.copy().destination;
    let copy = Target::copy(aws.s3(&destination.region), destination, subject.stored);
    let (sides, expected) = match reads {
        Reads::Source => (Sides::One(source), None),
        Reads::Copy { source: Some(expected) } => (Sides::One(Arc::clone(&copy)), Some(expected)),
        Reads::Copy { source: None } => (Sides::Both { source, copy }, None),
    };
    let mut last_parts = Vec::new();
    for slice in layout.slices().into_iter().skip(digests.len()) {
        if pace.pieces() > 0 && !pace.may_start() {
            return Ok(Reading::Paused(VerifyProgress { slices: digests, digest: None, bytes_read }));
        }
        let walked = walk(layout, slice, digest.take(), &sides, pace).await?;
        bytes_read += walked.bytes_read;
        match walked.walk {
            Walk::Done { digest, parts } => {
                let position = digests.len();
                if let Some(expected) = expected.as_ref().and_then(|expected| expected.get(position)) {
                    let parts = ComparedValue::Parts { first: slice.first_part, last: slice.last_part };
                    subject.comparison(parts, &expected.sha256, &digest.sha256).check()?;
                }
                digests.push(digest);
                last_parts = parts;
            }
            Walk::Paused(progress) => {
                return Ok(Reading::Paused(VerifyProgress { slices: digests, digest: Some(progress), bytes_read }));
            }
        }
    }
    Ok(Reading::Done(Done { slices: digests, last_parts, bytes_read }))
}

/// The SHA-256 of the object: of its bytes if it has one part, over its parts if it has one slice, otherwise over its
/// slices.
fn whole_sha256(layout: PartLayout, done: &Done) -> Sha256 {
    match (&done.last_parts[..], &done.slices[..]) {
        ([only], _) if layout.part_count() == 1 => *only,
        (_, [only]) => only.sha256,
        (_, several) => slices::sha256(several),
    }
}

fn unfinished(progress: VerifyProgress) -> Verification {
    Verification { done: false, evidence: None, resume: Some(progress) }
}

fn evidence(copy: &Copy, head: &Head, proof: Proof, compared: Compared) -> Evidence {
    Evidence {
        method: proof.method,
        algorithm: proof.algorithm,
        source: proof.source,
        copy: proof.copy,
        bytes_read: proof.bytes_read,
        etags_equal: head.etag == copy.source.etag,
        tags_compared: compared.tags,
        differences: compared.differences,
        rejected_versions: copy.rejected_versions.clone(),
    }
}
