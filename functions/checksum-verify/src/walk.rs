//! Reads a slice of one or both sides of a copy part by part, digesting and, with both sides, comparing.

use std::sync::Arc;

use futures::{Stream, StreamExt, future::OptionFuture, stream::BoxStream};
use holdfast_core::{
    ErrorName, Failure,
    checksum::{Crc64Nvme, Sha256, StreamDigest},
    contract::{DigestProgress, SliceDigest},
    layout::{PartLayout, Slice},
    names::{ByteRange, PartNumber},
};
use holdfast_lambda::Pace;
use tokio::time::{Instant, timeout};

use crate::{
    proof,
    read::{Chunk, Target, chunks, read_ahead},
};

/// Reads in flight, of both sides together: with 8 MiB each, 64 MiB of memory.
const READS_AT_ONCE: usize = 8;

/// What is read.
#[derive(Debug, Clone)]
pub(crate) enum Sides {
    /// One object.
    One(Arc<Target>),
    /// Source and copy, compared part by part.
    Both { source: Arc<Target>, copy: Arc<Target> },
}

/// How far a walk came.
#[derive(Debug)]
pub(crate) enum Walk {
    /// To the slice's end.
    Done {
        /// The slice's digest.
        digest: SliceDigest,
        /// Of its parts.
        parts: Vec<Sha256>,
    },
    /// Time ran out.
    Paused(DigestProgress),
}

/// A walk's answer.
#[derive(Debug)]
pub(crate) struct Walked {
    /// How far it came.
    pub(crate) walk: Walk,
    /// Bytes that it read and that count, of all sides.
    pub(crate) bytes_read: u64,
}

type Read = (Chunk, Result<Vec<u8>, Failure>);

/// One side being read and digested.
struct Lane<'a> {
    reads: BoxStream<'a, Read>,
    digest: StreamDigest,
}

impl<'a> Lane<'a> {
    fn new(reads: impl Stream<Item = Read> + Send + 'a) -> Self {
        Self { reads: reads.boxed(), digest: StreamDigest::default() }
    }

    /// Takes the next chunk into the digest; none at the end.
    async fn step(&mut self) -> Result<Option<Chunk>, Failure> {
        let Some((chunk, read)) = self.reads.next().await else { return Ok(None) };
        let bytes = read?;
        let mut digest = std::mem::take(&mut self.digest);
        // Off the threads that drive the reads.
        let digesting = tokio::task::spawn_blocking(move || {
            digest.update(&bytes);
            digest
        });
        self.digest = digesting
            .await
            .map_err(|error| Failure::new(ErrorName::Internal, format!("digesting ended by itself: {error}")))?;
        Ok(Some(chunk))
    }

    /// The digests of everything since the last call.
    fn finish(&mut self) -> (Crc64Nvme, Sha256) {
        std::mem::take(&mut self.digest).finish()
    }
}

/// Walks through a slice from where an earlier walk stopped, as far as the time goes.
pub(crate) async fn walk(
    layout: PartLayout,
    slice: Slice,
    resume: Option<DigestProgress>,
    sides: &Sides,
    pace: &mut Pace,
) -> Result<Walked, Failure> {
    let mut progress = start(slice, resume)?;
    let lane = |target: &Arc<Target>, at_once| {
        let target = Arc::clone(target);
        Lane::new(read_ahead(chunks(layout, slice, progress.next_part), at_once, move |range| {
            let target = Arc::clone(&target);
            async move { target.read(range).await }
        }))
    };
    let (mut first, mut second) = match sides {
        Sides::One(target) => (lane(target, READS_AT_ONCE), None),
        Sides::Both { source, copy } => (lane(source, READS_AT_ONCE / 2), Some(lane(copy, READS_AT_ONCE / 2))),
    };
    let lanes = 1 + u64::from(second.is_some());
    let mut bytes_read = 0;
    let mut part_began = Instant::now();
    loop {
        let step = async {
            let second = OptionFuture::from(second.as_mut().map(Lane::step));
            let (chunk, other) = futures::join!(first.step(), second);
            other.transpose()?;
            chunk
        };
        let chunk = match timeout(pace.patience(), step).await {
            Ok(chunk) => chunk?,
            Err(_) => return paused(progress, bytes_read, pace),
        };
        let Some(chunk) = chunk else {
            let sha256 = Sha256::over_parts(&progress.part_sha256);
            let digest = SliceDigest { crc64nvme: progress.crc64nvme, sha256 };
            return Ok(Walked { walk: Walk::Done { digest, parts: progress.part_sha256 }, bytes_read });
        };
        if !chunk.ends_part {
            continue;
        }
        let (crc, sha) = first.finish();
        if let (Some(second), Sides::Both { source, copy }) = (&mut second, sides) {
            let (_, of_copy) = second.finish();
            proof::same_part(source, copy, chunk.part, sha, of_copy)?;
        }
        let length = layout.range(chunk.part).map_or(0, ByteRange::length);
        bytes_read += length * lanes;
        progress.crc64nvme = progress.crc64nvme.followed_by(crc, length);
        progress.part_sha256.push(sha);
        pace.took(part_began.elapsed());
        part_began = Instant::now();
        match chunk.part {
            part if part == slice.last_part => {}
            part => progress.next_part = after(part)?,
        }
        if chunk.part != slice.last_part && !pace.may_start() {
            return paused(progress, bytes_read, pace);
        }
    }
}

/// Stops here, when this invocation has come any further at all. One that has not would be called again for ever.
fn paused(progress: DigestProgress, bytes_read: u64, pace: &Pace) -> Result<Walked, Failure> {
    if pace.pieces() == 0 {
        return Err(Failure::new(
            ErrorName::S3Unavailable,
            format!(
                "Part {} was not read in the time of one invocation. It is tried again; if it lasts, give \
                 checksum-verify a longer timeout and redrive.",
                progress.next_part
            ),
        ));
    }
    Ok(Walked { walk: Walk::Paused(progress), bytes_read })
}

fn after(part: PartNumber) -> Result<PartNumber, Failure> {
    PartNumber::new(part.get() + 1).map_err(|error| Failure::new(ErrorName::Internal, error.to_string()))
}

/// The progress to go on from, checked against the slice.
fn start(slice: Slice, resume: Option<DigestProgress>) -> Result<DigestProgress, Failure> {
    let progress = resume.unwrap_or(DigestProgress {
        next_part: slice.first_part,
        crc64nvme: Crc64Nvme::EMPTY,
        part_sha256: Vec::new(),
    });
    let digested = progress.next_part.get().checked_sub(slice.first_part.get());
    if slice.contains(progress.next_part) && digested == u32::try_from(progress.part_sha256.len()).ok() {
        Ok(progress)
    } else {
        Err(Failure::new(
            ErrorName::InputInvalid,
            format!(
                "resume does not belong to parts {} to {}: it goes on at part {} after {} digested ones",
                slice.first_part,
                slice.last_part,
                progress.next_part,
                progress.part_sha256.len()
            ),
        ))
    }
}
