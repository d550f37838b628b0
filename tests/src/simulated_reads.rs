//! Simulates the reads of checksum-verify for an object of zeros that is too large to read. A read advances Tokio's clock
//! by the time that it would take on AWS, and the digests are the true ones of zeros.
//!
//! A run stops before its deadline by the function's own rule (`Pace`), so an object needs as many runs as on AWS at the
//! same speed. Everything but the reads is left to the function.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use bytes::Bytes;
use holdfast_core::{
    checksum::{Crc64Nvme, Sha256},
    contract::{
        Algorithm, Copy, DigestProgress, ProofMethod, SliceDigest, SliceResult, Verification, VerifyInput,
        VerifyProgress,
    },
    layout::{MAX_PART, PartLayout, Slice},
    names::{ByteRange, PartNumber},
    payload::Payload,
    slices,
};
use holdfast_lambda::{Deadline, Pace, VerifyMode};
use sandbox::{Handler, ports::Invocation};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::worst_case;

/// Its error can cross threads, as [`Handler`] requires.
type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// The SHA-256 of the largest part: the output of `head -c 5368709120 /dev/zero | sha256sum`.
const SHA256_OF_A_PART: &str = "7f06c62352aebd8125b2a1841e2b9e1ffcbed602f381c3dcb3200200e383d1d5";

/// The CRC64NVME of n parts of the largest size, by n.
static CRC_OF_PARTS: LazyLock<Vec<Crc64Nvme>> = LazyLock::new(|| {
    let part = crc_of_zeros(MAX_PART);
    let next = |crc: &Crc64Nvme| Some(crc.followed_by(part, MAX_PART));
    std::iter::successors(Some(Crc64Nvme::EMPTY), next).take(MAX_PARTS_OF_SLICE).collect()
});
/// More parts than a slice of the largest object has.
const MAX_PARTS_OF_SLICE: usize = 256;

/// The errors that an invocation with a new payload raises, one per attempt, before it succeeds.
#[derive(Debug, Default)]
pub(crate) struct InjectedErrors {
    errors: Vec<String>,
    attempts: Mutex<HashMap<Bytes, usize>>,
}

impl InjectedErrors {
    pub(crate) fn new(errors: Vec<String>) -> Self {
        Self { errors, attempts: Mutex::default() }
    }

    /// The error of the next attempt with this payload.
    fn next(&self, payload: &Bytes) -> Option<&str> {
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        let attempt = attempts.entry(payload.clone()).or_default();
        *attempt += 1;
        self.errors.get(*attempt - 1).map(String::as_str)
    }
}

/// A checksum-verify that does not read.
pub(crate) struct SimulatedVerify {
    pub(crate) errors: Arc<InjectedErrors>,
    pub(crate) mode: VerifyMode,
    /// The function, in the mode that does not read.
    pub(crate) function: Arc<dyn Handler>,
}

#[async_trait]
impl Handler for SimulatedVerify {
    async fn call(&self, payload: Bytes, deadline: SystemTime) -> Invocation {
        let left = deadline.duration_since(SystemTime::now()).unwrap_or(Duration::ZERO);
        match self.answer(&payload, deadline, Pace::new(Deadline::after(left))).await {
            Ok(outcome) => outcome,
            Err(error) => failed("Internal", &error.to_string()),
        }
    }
}

impl SimulatedVerify {
    async fn answer(&self, payload: &Bytes, deadline: SystemTime, mut pace: Pace) -> Outcome<Invocation> {
        let input: Value = serde_json::from_slice(payload)?;
        match VerifyInput::read(&input)? {
            VerifyInput::Digest { copy, slice, resume } => {
                if let Some(error) = self.errors.next(payload) {
                    return Ok(failed(error, "An error injected by the test."));
                }
                answered(&digest(layout(&copy)?, slice, resume, &mut pace).await?)
            }
            VerifyInput::Backup { backup, slices, resume, .. } if self.mode == VerifyMode::Streamed => {
                let layout = layout(&backup.copy)?;
                let digested = slices::digests(layout, &slices).is_some();
                let progress = read_back(layout, digested, resume, &mut pace).await?;
                if progress.slices.len() < layout.slices().len() {
                    return answered(&Verification { done: false, evidence: None, resume: Some(progress) });
                }
                let digested = if digested { backup.copy.source.size } else { 0 };
                self.proven(input, deadline, &progress, digested).await
            }
            VerifyInput::Backup { .. } => Ok(self.function.call(payload.clone(), deadline).await),
        }
    }

    /// The verification of the function, with the evidence of the simulated reads.
    async fn proven(
        &self,
        mut input: Value,
        deadline: SystemTime,
        progress: &VerifyProgress,
        digested: u64,
    ) -> Outcome<Invocation> {
        input.as_object_mut().map(|input| input.remove("resume"));
        let outcome = self.function.call(input.to_string().into(), deadline).await;
        let Invocation::Answered(verification) = outcome else { return Ok(outcome) };
        let mut verification: Verification = serde_json::from_slice(&verification)?;
        if let Some(evidence) = &mut verification.evidence {
            let value = slices::sha256(&progress.slices).to_string();
            (evidence.method, evidence.algorithm) = (ProofMethod::BothRead, Algorithm::Sha256);
            (evidence.source, evidence.copy) = (value.clone(), value);
            evidence.bytes_read = progress.bytes_read + digested;
        }
        answered(&verification)
    }
}

fn answered(answer: &impl Serialize) -> Outcome<Invocation> {
    Ok(Invocation::Answered(serde_json::to_vec(answer)?.into()))
}

fn failed(error: &str, message: &str) -> Invocation {
    Invocation::Failed(json!({"errorType": error, "errorMessage": message}).to_string().into())
}

fn layout(copy: &Copy) -> Outcome<PartLayout> {
    Ok(copy.layout().ok_or("an object without parts is not simulated")?)
}

/// The digest mode of checksum-verify.
async fn digest(
    layout: PartLayout,
    slice: Slice,
    resume: Option<DigestProgress>,
    pace: &mut Pace,
) -> Outcome<SliceResult> {
    Ok(match read(layout, slice, resume, 1, pace).await? {
        Read::Complete(digest) => {
            let bytes = layout.slice_bytes(slice);
            SliceResult { index: slice.index, done: true, bytes, digest: Some(digest), resume: None }
        }
        Read::Partial(progress) => {
            let before = slice.parts().take_while(|part| *part < progress.next_part);
            let bytes = before.filter_map(|part| layout.range(part)).map(ByteRange::length).sum();
            SliceResult { index: slice.index, done: false, bytes, digest: None, resume: Some(progress) }
        }
    })
}

/// The object mode of checksum-verify: reads the copy, and the source unless it was digested, until the deadline.
async fn read_back(
    layout: PartLayout,
    digested: bool,
    resume: Option<VerifyProgress>,
    pace: &mut Pace,
) -> Outcome<VerifyProgress> {
    let sides = if digested { 1 } else { 2 };
    let mut progress = resume.unwrap_or(VerifyProgress { slices: Vec::new(), digest: None, bytes_read: 0 });
    for slice in layout.slices().into_iter().skip(progress.slices.len()) {
        if pace.pieces() > 0 && !pace.may_start() {
            break;
        }
        let parts = |digest: &Option<DigestProgress>| digest.as_ref().map_or(0, |digest| digest.part_sha256.len());
        let before = parts(&progress.digest);
        match read(layout, slice, progress.digest.take(), sides, pace).await? {
            Read::Complete(digest) => {
                progress.bytes_read += (slice.parts().count() - before) as u64 * MAX_PART * sides;
                progress.slices.push(digest);
            }
            Read::Partial(digest) => {
                progress.digest = Some(digest);
                progress.bytes_read += (parts(&progress.digest) - before) as u64 * MAX_PART * sides;
                break;
            }
        }
    }
    Ok(progress)
}

/// The progress in a slice.
enum Read {
    Complete(SliceDigest),
    Partial(DigestProgress),
}

/// Reads a slice of this many objects, part by part, until the deadline.
async fn read(
    layout: PartLayout,
    slice: Slice,
    resume: Option<DigestProgress>,
    sides: u64,
    pace: &mut Pace,
) -> Outcome<Read> {
    let start = DigestProgress { next_part: slice.first_part, crc64nvme: Crc64Nvme::EMPTY, part_sha256: Vec::new() };
    let mut progress = resume.unwrap_or(start);
    let from = progress.next_part;
    for part in slice.parts().filter(|part| *part >= from) {
        let length = layout.range(part).map_or(0, ByteRange::length);
        if length != MAX_PART {
            return Err(format!("only parts of {MAX_PART} bytes are simulated, and part {part} has {length}").into());
        }
        let time = worst_case::read_time(MAX_PART * sides);
        if timeout(pace.patience(), sleep(time)).await.is_err() {
            return Ok(Read::Partial(progress));
        }
        pace.took(time);
        progress.part_sha256.push(Sha256::try_from(SHA256_OF_A_PART.to_owned())?);
        let crc = CRC_OF_PARTS.get(progress.part_sha256.len()).ok_or("the slice has too many parts")?;
        progress.crc64nvme = *crc;
        if part != slice.last_part {
            progress.next_part = PartNumber::new(part.get() + 1)?;
            if !pace.may_start() {
                return Ok(Read::Partial(progress));
            }
        }
    }
    let sha256 = Sha256::over_parts(&progress.part_sha256);
    Ok(Read::Complete(SliceDigest { crc64nvme: progress.crc64nvme, sha256 }))
}

/// The CRC64NVME of this many zeros, by repeated doubling.
fn crc_of_zeros(length: u64) -> Crc64Nvme {
    let (mut doubled, mut doubled_length) = (Crc64Nvme::of(&[0]), 1);
    let (mut crc, mut left) = (Crc64Nvme::EMPTY, length);
    while left > 0 {
        if left % 2 == 1 {
            crc = crc.followed_by(doubled, doubled_length);
        }
        left /= 2;
        doubled = doubled.followed_by(doubled, doubled_length);
        doubled_length *= 2;
    }
    crc
}
