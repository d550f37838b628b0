//! A stand-in for the reading of checksum-verify, for an object of nothing but zeros that is too large to be read: its
//! bytes take the time that they would take, on Tokio's clock, and none moves. The digests that it answers are true.
//!
//! It stops before its time is up by the very rule that the function itself uses (`Pace`), so that an object takes as
//! many runs as it would on AWS at the same speed. What is not reading, it leaves to the function.

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
use holdfast_sandbox::{ports::Invocation, sandbox::Handler};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::worst_case;

/// That it cannot be done is an answer of the stand-in, which crosses threads.
type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// What `head -c 5368709120 /dev/zero | sha256sum` prints: the SHA-256 of the largest part.
const SHA256_OF_A_PART: &str = "7f06c62352aebd8125b2a1841e2b9e1ffcbed602f381c3dcb3200200e383d1d5";

/// The CRC64NVME of so many of the largest parts.
static CRC_OF_PARTS: LazyLock<Vec<Crc64Nvme>> = LazyLock::new(|| {
    let part = crc_of_zeros(MAX_PART);
    let more = |crc: &Crc64Nvme| Some(crc.followed_by(part, MAX_PART));
    std::iter::successors(Some(Crc64Nvme::EMPTY), more).take(PARTS_OF_A_SLICE).collect()
});
/// More than any slice of the largest object has.
const PARTS_OF_A_SLICE: usize = 256;

/// The errors that digesting fails with before it works, each time that it is asked something new.
#[derive(Debug, Default)]
pub(crate) struct Troubles {
    errors: Vec<String>,
    met: Mutex<HashMap<Bytes, usize>>,
}

impl Troubles {
    pub(crate) fn new(errors: Vec<String>) -> Self {
        Self { errors, met: Mutex::default() }
    }

    /// The next error for a function that is asked this.
    fn next(&self, payload: &Bytes) -> Option<&str> {
        let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        let met = met.entry(payload.clone()).or_default();
        *met += 1;
        self.errors.get(*met - 1).map(String::as_str)
    }
}

/// The stand-in.
pub(crate) struct Zeros {
    pub(crate) troubles: Arc<Troubles>,
    pub(crate) mode: VerifyMode,
    /// The function itself, in the mode that reads nothing.
    pub(crate) function: Arc<dyn Handler>,
}

#[async_trait]
impl Handler for Zeros {
    async fn call(&self, payload: Bytes, deadline: SystemTime) -> Invocation {
        let left = deadline.duration_since(SystemTime::now()).unwrap_or(Duration::ZERO);
        match self.answer(&payload, deadline, Pace::new(Deadline::after(left))).await {
            Ok(outcome) => outcome,
            Err(error) => failed("Internal", &error.to_string()),
        }
    }
}

impl Zeros {
    async fn answer(&self, payload: &Bytes, deadline: SystemTime, mut pace: Pace) -> Outcome<Invocation> {
        let input: Value = serde_json::from_slice(payload)?;
        match VerifyInput::read(&input)? {
            VerifyInput::Digest { copy, slice, resume } => {
                if let Some(error) = self.troubles.next(payload) {
                    return Ok(failed(error, "Another try is wanted."));
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

    /// What the function itself says of everything but the bytes, as the proof by what was read.
    async fn proven(
        &self,
        mut asked: Value,
        deadline: SystemTime,
        progress: &VerifyProgress,
        digested: u64,
    ) -> Outcome<Invocation> {
        asked.as_object_mut().map(|asked| asked.remove("resume"));
        let outcome = self.function.call(asked.to_string().into(), deadline).await;
        let Invocation::Answered(verification) = outcome else { return Ok(outcome) };
        let mut verification: Verification = serde_json::from_slice(&verification)?;
        if let Some(evidence) = &mut verification.evidence {
            let value = slices::sha256(&progress.slices).to_string();
            (evidence.method, evidence.algorithm) = (ProofMethod::BothStreamed, Algorithm::Sha256);
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
    Ok(copy.layout().ok_or("an object in one piece can be read")?)
}

/// The digest mode of checksum-verify.
async fn digest(
    layout: PartLayout,
    slice: Slice,
    resume: Option<DigestProgress>,
    pace: &mut Pace,
) -> Outcome<SliceResult> {
    Ok(match read(layout, slice, resume, 1, pace).await? {
        Read::Whole(digest) => {
            let bytes = layout.slice_bytes(slice);
            SliceResult { index: slice.index, done: true, bytes, digest: Some(digest), resume: None }
        }
        Read::UpTo(progress) => {
            let before = slice.parts().take_while(|part| *part < progress.next_part);
            let bytes = before.filter_map(|part| layout.range(part)).map(ByteRange::length).sum();
            SliceResult { index: slice.index, done: false, bytes, digest: None, resume: Some(progress) }
        }
    })
}

/// How its object mode reads a copy back, and the source beside it unless that was digested: as far as the time goes.
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
            Read::Whole(digest) => {
                progress.bytes_read += (slice.parts().count() - before) as u64 * MAX_PART * sides;
                progress.slices.push(digest);
            }
            Read::UpTo(digest) => {
                progress.digest = Some(digest);
                progress.bytes_read += (parts(&progress.digest) - before) as u64 * MAX_PART * sides;
                break;
            }
        }
    }
    Ok(progress)
}

/// How far a slice was read.
enum Read {
    Whole(SliceDigest),
    UpTo(DigestProgress),
}

/// Reads a slice of so many sides, as far as the time goes: part after part, as checksum-verify does.
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
            return Err(format!("only parts of {MAX_PART} bytes are known, and part {part} has {length}").into());
        }
        let time = worst_case::reading(MAX_PART * sides);
        if timeout(pace.patience(), sleep(time)).await.is_err() {
            return Ok(Read::UpTo(progress));
        }
        pace.took(time);
        progress.part_sha256.push(Sha256::try_from(SHA256_OF_A_PART.to_owned())?);
        let crc = CRC_OF_PARTS.get(progress.part_sha256.len()).ok_or("the slice has more parts than are known")?;
        progress.crc64nvme = *crc;
        if part != slice.last_part {
            progress.next_part = PartNumber::new(part.get() + 1)?;
            if !pace.may_start() {
                return Ok(Read::UpTo(progress));
            }
        }
    }
    let sha256 = Sha256::over_parts(&progress.part_sha256);
    Ok(Read::Whole(SliceDigest { crc64nvme: progress.crc64nvme, sha256 }))
}

/// The CRC64NVME of so many zeros: that of twice as many follows from two of one.
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
