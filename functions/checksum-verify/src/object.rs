//! Object mode: the whole copy against its source.

use std::sync::Arc;

use aws_sdk_s3::Client;
use holdfast_core::{
    ErrorName, Failure, Named,
    checksum::Sha256,
    contract::{
        Algorithm, Evidence, ProofMethod, SliceDigest, SliceResult, Stored, Transfer, Verification, VerifyProgress,
    },
    layout::PartLayout,
    slices,
};
use holdfast_lambda::{Aws, Pace, VerifyMode};
use holdfast_s3::{self as s3, Head, ObjectRef};

use crate::{
    attributes::{self, Compared},
    order,
    proof::{self, Way, mismatch},
    read::Target,
    reject::reject,
    walk::{Sides, Walk, walk},
};

/// What is verified.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) transfer: &'a Transfer,
    pub(crate) stored: &'a Stored,
    pub(crate) slices: &'a [SliceResult],
}

impl<'a> Asked<'a> {
    pub(crate) fn source(self) -> ObjectRef<'a> {
        ObjectRef::source(&self.transfer.source)
    }

    pub(crate) fn copy(self) -> ObjectRef<'a> {
        ObjectRef::stored(&self.transfer.destination, self.stored)
    }

    /// Whether the copy is a replica: what it was copied from is then a backup, and not the upload that the stamp names.
    pub(crate) fn is_replica(self) -> bool {
        let Transfer { source, stamp, .. } = self.transfer;
        source.version_id != stamp.version_id || source.etag != stamp.etag
    }
}

/// That the bytes are the same, and how it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Proof {
    method: ProofMethod,
    algorithm: Algorithm,
    source: String,
    copy: String,
    bytes_read: u64,
}

/// Verifies a copy, as far as the time goes.
pub(crate) async fn verify(
    aws: &Aws,
    mode: VerifyMode,
    asked: Asked<'_>,
    resume: Option<VerifyProgress>,
    pace: Pace,
) -> Result<Verification, Failure> {
    let verified = match prove(aws, mode, asked, resume, pace).await {
        Err(failure) if failure.name() == ErrorName::SourceGone => without_source(aws, asked).await,
        other => other,
    };
    match verified {
        Err(failure) if failure.name() == ErrorName::ChecksumMismatch => Err(reject(aws, asked, failure).await),
        Ok(verification) => match &verification.evidence {
            Some(evidence) => order::check(aws, asked, evidence).await.map(|()| verification),
            None => Ok(verification),
        },
        other @ Err(_) => other,
    }
}

/// Proves a copy whose source is gone, by the full-object checksum that the source had when it was planned.
async fn without_source(aws: &Aws, asked: Asked<'_>) -> Result<Verification, Failure> {
    let client = aws.s3(&asked.transfer.destination.region);
    let head = standing(asked, s3::head(&client, asked.copy()).await?)?;
    let (Some(source), Some(copy)) = (asked.transfer.crc64nvme, head.crc64nvme) else {
        return Err(proof::source_gone(asked));
    };
    let proof = compared(asked, Algorithm::Crc64Nvme, source, copy, (ProofMethod::StoredChecksums, 0))?;
    finished(&client, asked, &head, proof).await
}

/// The proof, with what the copy carries besides its bytes.
async fn finished(client: &Client, asked: Asked<'_>, head: &Head, proof: Proof) -> Result<Verification, Failure> {
    let compared = attributes::compare(client, asked.transfer, asked.copy(), head).await?;
    Ok(Verification { done: true, evidence: Some(evidence(asked.transfer, head, proof, compared)), resume: None })
}

async fn prove(
    aws: &Aws,
    mode: VerifyMode,
    asked: Asked<'_>,
    resume: Option<VerifyProgress>,
    mut pace: Pace,
) -> Result<Verification, Failure> {
    let client = aws.s3(&asked.transfer.destination.region);
    let head = standing(asked, s3::head(&client, asked.copy()).await?)?;
    let layout = proof::layout(asked.transfer)?;
    let digests = slices::digests(layout, asked.slices);
    let size = asked.transfer.source.size;
    let proof = match proof::choose(mode, asked.transfer.crc64nvme, head.crc64nvme, digests) {
        Way::Compare { source, copy } => {
            compared(asked, Algorithm::Crc64Nvme, source, copy, (ProofMethod::StoredChecksums, 0))?
        }
        Way::Combine { source, copy } => {
            let source = slices::crc64nvme(layout, &source);
            compared(asked, Algorithm::Crc64Nvme, source, copy, (ProofMethod::SourceStreamed, size))?
        }
        Way::StreamSource { copy } => match read(aws, asked, layout, Reads::Source, resume, &mut pace).await? {
            Reading::Done(done) => {
                let source = slices::crc64nvme(layout, &done.slices);
                compared(asked, Algorithm::Crc64Nvme, source, copy, (ProofMethod::SourceStreamed, done.bytes_read))?
            }
            Reading::Paused(progress) => return Ok(unfinished(progress)),
        },
        Way::StreamBoth { .. } if head.archived => return Err(unreadable(asked.copy(), &head)),
        Way::StreamBoth { source } => {
            let digested = if source.is_some() { size } else { 0 };
            match read(aws, asked, layout, Reads::Copy { source }, resume, &mut pace).await? {
                Reading::Done(done) => {
                    // Every part or slice of the copy was compared with the source's as it was read.
                    let value = whole_sha256(layout, &done);
                    let bytes_read = done.bytes_read + digested;
                    compared(asked, Algorithm::Sha256, value, value, (ProofMethod::BothStreamed, bytes_read))?
                }
                Reading::Paused(progress) => return Ok(unfinished(progress)),
            }
        }
    };
    finished(&client, asked, &head, proof).await
}

/// Checks that what stands is the object that was published, and has the source's size.
fn standing(asked: Asked<'_>, head: Option<Head>) -> Result<Head, Failure> {
    let copy = asked.copy();
    let changed = |problem: &str| {
        let problem = format!("{problem} {copy} since it was copied. A new plan is made.");
        Failure::new(ErrorName::DestinationChanged, problem)
    };
    let head = head.ok_or_else(|| changed("Somebody deleted"))?;
    if head.etag != asked.stored.etag {
        return Err(changed("Somebody replaced"));
    }
    let size = asked.transfer.source.size;
    if head.size != size {
        return Err(mismatch(asked.source(), copy, "the size in bytes", (&size, &head.size)));
    }
    Ok(head)
}

/// The failure of a copy that would have to be restored from its archive before it could be read.
fn unreadable(copy: ObjectRef<'_>, head: &Head) -> Failure {
    let class = head.attributes.storage_class.as_deref().unwrap_or("an archive tier");
    Failure::new(
        ErrorName::ConfigInvalid,
        format!(
            "The copy {copy} is stored as {class} and cannot be read back. Set VERIFY_MODE to stored, or restore the copy \
             (aws s3api restore-object) and wait until that is done, then redrive."
        ),
    )
}

/// Compares two values of one digest.
fn compared<T: Copy + Eq + std::fmt::Display>(
    asked: Asked<'_>,
    algorithm: Algorithm,
    source: T,
    copy: T,
    (method, bytes_read): (ProofMethod, u64),
) -> Result<Proof, Failure> {
    let what = match algorithm {
        Algorithm::Crc64Nvme => "the CRC64NVME",
        Algorithm::Sha256 => "the SHA-256",
    };
    if source != copy {
        return Err(mismatch(asked.source(), asked.copy(), what, (&source, &copy)));
    }
    Ok(Proof { method, algorithm, source: source.to_string(), copy: copy.to_string(), bytes_read })
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

/// Reads slice after slice from where an earlier call stopped.
async fn read(
    aws: &Aws,
    asked: Asked<'_>,
    layout: PartLayout,
    reads: Reads,
    resume: Option<VerifyProgress>,
    pace: &mut Pace,
) -> Result<Reading, Failure> {
    let start = VerifyProgress { slices: Vec::new(), digest: None, bytes_read: 0 };
    let VerifyProgress { slices: mut digests, mut digest, mut bytes_read } = resume.unwrap_or(start);
    if digests.len() >= layout.slices().len() {
        let problem = "resume.slices has all slices already: there is nothing to go on with";
        return Err(Failure::new(ErrorName::InputInvalid, problem));
    }
    let source = Target::source(aws.s3(&asked.transfer.source.region), &asked.transfer.source);
    let destination = &asked.transfer.destination;
    let copy = Target::copy(aws.s3(&destination.region), destination, asked.stored);
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
                if let Some(expected) = expected.as_ref().and_then(|expected| expected.get(position))
                    && expected.sha256 != digest.sha256
                {
                    let what = format!("the SHA-256 of parts {} to {}", slice.first_part, slice.last_part);
                    return Err(mismatch(asked.source(), asked.copy(), &what, (&expected.sha256, &digest.sha256)));
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

/// The SHA-256 that stands for the object: its own, where it is one part; over its parts, where it is one slice; over
/// its slices else.
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

fn evidence(transfer: &Transfer, head: &Head, proof: Proof, compared: Compared) -> Evidence {
    Evidence {
        method: proof.method,
        algorithm: proof.algorithm,
        source: proof.source,
        copy: proof.copy,
        bytes_read: proof.bytes_read,
        etags_equal: head.etag == transfer.source.etag,
        tags_compared: compared.tags,
        differences: compared.differences,
        bad_versions: transfer.bad_versions.clone(),
    }
}
