//! Reads a slice part by part, from the source, from the copy, or from both. Digests every part and compares the two
//! sides.

use std::sync::Arc;

use futures::{Stream, StreamExt, future::OptionFuture, stream::BoxStream};
use holdfast_core::{
    checksum::{Crc64Nvme, Sha256, StreamDigest},
    contract::{DigestProgress, SliceDigest},
    event::InvalidInput,
    layout::{PartLayout, Slice},
    names::ByteRange,
};
use holdfast_lambda::Pace;
use holdfast_s3::S3Error;
use tokio::time::{Instant, timeout};

use crate::{
    ComparedValue, Error,
    mismatch::Comparison,
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

/// The progress of a walk.
#[derive(Debug)]
pub(crate) enum Walk {
    /// The slice is digested.
    Done {
        /// The digest of the slice.
        digest: SliceDigest,
        /// The SHA-256 of each part.
        parts: Vec<Sha256>,
    },
    /// The time is over.
    Paused(DigestProgress),
}

/// The result of a walk.
#[derive(Debug)]
pub(crate) struct Walked {
    /// The progress.
    pub(crate) walk: Walk,
    /// The bytes of the digested parts, of all sides.
    pub(crate) bytes_read: u64,
}

type Read = (Chunk, Result<Vec<u8>, S3Error>);

/// One side, which is read and digested.
struct Lane<'a> {
    reads: BoxStream<'a, Read>,
    digest: StreamDigest,
}

impl<'a> Lane<'a> {
    fn new(reads: impl Stream<Item = Read> + Send + 'a) -> Self {
        Self { reads: reads.boxed(), digest: StreamDigest::default() }
    }

    /// Adds the next chunk to the digest; `None` at the end.
    async fn step(&mut self) -> Result<Option<Chunk>, Error> {
        let Some((chunk, read)) = self.reads.next().await else { return Ok(None) };
        let bytes = read?;
        let mut digest = std::mem::take(&mut self.digest);
        // On another thread than those that drive the reads.
        let digesting = tokio::task::spawn_blocking(move || {
            digest.update(&bytes);
            digest
        });
        self.digest = digesting.await?;
        Ok(Some(chunk))
    }

    /// The digests of all chunks since the last call.
    fn finish(&mut self) -> (Crc64Nvme, Sha256) {
        std::mem::take(&mut self.digest).finish()
    }
}

/// Digests a slice from the position of an earlier walk, until the slice ends or the time is over.
pub(crate) async fn walk(
    layout: PartLayout,
    slice: Slice,
    resume: Option<DigestProgress>,
    sides: &Sides,
    pace: &mut Pace,
) -> Result<Walked, Error> {
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
            let (source, copy, what) = (source.object(), copy.object(), ComparedValue::Part(chunk.part));
            Comparison { source, copy, what, of_source: &sha, of_copy: &of_copy }.check()?;
        }
        let length = layout.range(chunk.part).map_or(0, ByteRange::length);
        bytes_read += length * lanes;
        progress.crc64nvme = progress.crc64nvme.followed_by(crc, length);
        progress.part_sha256.push(sha);
        pace.took(part_began.elapsed());
        part_began = Instant::now();
        let Some(next) = slice.parts().find(|part| *part > chunk.part) else { continue };
        progress.next_part = next;
        if !pace.may_start() {
            return paused(progress, bytes_read, pace);
        }
    }
}

/// The progress of a walk that ran out of time. A walk without progress is an error: the caller would repeat it forever.
fn paused(progress: DigestProgress, bytes_read: u64, pace: &Pace) -> Result<Walked, Error> {
    if pace.pieces() == 0 {
        return Err(Error::NoProgress { part: progress.next_part.get() });
    }
    Ok(Walked { walk: Walk::Paused(progress), bytes_read })
}

/// The progress to continue from, checked against the slice.
fn start(slice: Slice, resume: Option<DigestProgress>) -> Result<DigestProgress, InvalidInput> {
    let progress = resume.unwrap_or(DigestProgress {
        next_part: slice.first_part,
        crc64nvme: Crc64Nvme::EMPTY,
        part_sha256: Vec::new(),
    });
    let digested = progress.part_sha256.len();
    let before = progress.next_part.get().checked_sub(slice.first_part.get());
    if slice.contains(progress.next_part) && before == u32::try_from(digested).ok() {
        return Ok(progress);
    }
    let (first, last, next) = (slice.first_part, slice.last_part, progress.next_part);
    let problem = format!(
        "it continues at part {next} after {digested} digested parts, which does not fit parts {first} to {last}"
    );
    Err(InvalidInput { path: "resume".to_owned(), problem })
}
