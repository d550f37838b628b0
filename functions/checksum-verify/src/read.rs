//! Reads ranges of one object version. A read that breaks off continues from the last byte.

use std::{sync::Arc, time::Duration};

use aws_sdk_s3::{
    Client,
    config::{Builder, ResponseChecksumValidation},
};
use futures::{FutureExt, Stream, StreamExt, future::OptionFuture, stream};
use holdfast_core::{
    Fact, Recovery,
    contract::{Destination, Source, Stored},
    format::error_chain,
    layout::{MIB, PartLayout, Slice},
    names::{BucketName, ByteRange, ETag, ObjectKey, PartNumber, VersionId},
};
use holdfast_s3::{ObjectRef, S3Error, failure::Side};

/// Bytes of one read.
const CHUNK: u64 = 8 * MIB;
/// The most attempts of a read. Each one continues from the last byte.
const TRIES: u32 = 5;
/// The wait before the second attempt. Every further wait is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(200);

/// An object version to read, pinned by its entity tag.
#[derive(Debug)]
pub(crate) struct Target {
    client: Client,
    bucket: BucketName,
    key: ObjectKey,
    version_id: Option<VersionId>,
    etag: ETag,
    side: Side,
}

impl Target {
    /// The source of a copy.
    pub(crate) fn source(client: Client, source: &Source) -> Arc<Self> {
        Arc::new(Self {
            client,
            bucket: source.bucket.clone(),
            key: source.key.clone(),
            version_id: source.version_id.clone(),
            etag: source.etag.clone(),
            side: Side::Source,
        })
    }

    /// A published copy.
    pub(crate) fn copy(client: Client, destination: &Destination, stored: &Stored) -> Arc<Self> {
        Arc::new(Self {
            client,
            bucket: destination.bucket.clone(),
            key: destination.key.clone(),
            version_id: stored.version_id.clone(),
            etag: stored.etag.clone(),
            side: Side::Destination,
        })
    }

    /// The object, for messages.
    pub(crate) fn object(&self) -> ObjectRef<'_> {
        ObjectRef { bucket: &self.bucket, key: &self.key, version_id: self.version_id.as_ref(), side: self.side }
    }

    /// Reads all bytes of a range.
    pub(crate) async fn read(&self, range: ByteRange) -> Result<Vec<u8>, S3Error> {
        let mut bytes = Vec::with_capacity(usize::try_from(range.length()).unwrap_or_default());
        let mut tries = 1;
        loop {
            match self.read_rest(range, &mut bytes).await {
                Ok(()) => return Ok(bytes),
                Err(error) if tries < TRIES && error.name().recovery() == Recovery::Retry => {
                    tracing::warn!(%error, read = bytes.len(), "a read broke off and continues");
                    tokio::time::sleep(FIRST_WAIT * (1 << (tries - 1))).await;
                    tries += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Appends the missing bytes of the range to `bytes`.
    async fn read_rest(&self, range: ByteRange, bytes: &mut Vec<u8>) -> Result<(), S3Error> {
        let object = self.object();
        let missing = ByteRange { first: range.first + bytes.len() as u64, ..range };
        let request = self
            .client
            .get_object()
            .bucket(self.bucket.as_str())
            .key(self.key.as_str())
            .set_version_id(self.version_id.as_ref().map(ToString::to_string))
            .if_match(self.etag.quoted())
            .range(missing.to_string())
            .customize()
            // The bytes are digested here, and a range has no checksum of its own.
            .config_override(Builder::new().response_checksum_validation(ResponseChecksumValidation::WhenRequired));
        let call = object.call("GetObject", "s3:GetObject and s3:GetObjectVersion");
        let incomplete =
            |problem| S3Error::Incomplete { operation: "GetObject", resource: object.to_string(), problem };
        let mut body = request.send().await.map_err(|error| call.s3_failure(error))?.body;
        while let Some(piece) = body.next().await {
            let piece = piece.map_err(|error| incomplete(format!("{missing} broke off: {}", error_chain(&error))))?;
            bytes.extend_from_slice(&piece);
            if bytes.len() as u64 > range.length() {
                bytes.clear();
                return Err(incomplete(format!("it has more bytes than {missing}")));
            }
        }
        let lacking = range.length() - bytes.len() as u64;
        if lacking > 0 {
            return Err(incomplete(format!("{missing} ended {lacking} bytes early")));
        }
        Ok(())
    }
}

/// A range of bytes within one part, small enough to be held in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chunk {
    /// The part.
    pub(crate) part: PartNumber,
    /// The range; `None` for the only part of an empty object.
    pub(crate) range: Option<ByteRange>,
    /// Whether it is the last chunk of the part.
    pub(crate) ends_part: bool,
}

/// The chunks of the parts of a slice, in order, starting with the part `from`.
pub(crate) fn chunks(layout: PartLayout, slice: Slice, from: PartNumber) -> impl Iterator<Item = Chunk> + Send {
    let parts = (from.get()..=slice.last_part.get()).filter_map(|number| PartNumber::new(number).ok());
    parts.flat_map(move |part| {
        let range = layout.range(part);
        let count = range.map_or(1, |range| range.length().div_ceil(CHUNK));
        (0..count).map(move |index| Chunk {
            part,
            range: range.map(|range| {
                let first = range.first + index * CHUNK;
                ByteRange { first, last: range.last.min(first + CHUNK - 1) }
            }),
            ends_part: index + 1 == count,
        })
    })
}

/// The bytes of chunks, in order. At most `at_once` chunks are read or held at the same time.
///
/// Every read is a task of its own, so that it continues while the caller digests.
pub(crate) fn read_ahead<F>(
    chunks: impl Iterator<Item = Chunk> + Send,
    at_once: usize,
    read: impl Fn(ByteRange) -> F + Send,
) -> impl Stream<Item = (Chunk, Result<Vec<u8>, S3Error>)> + Send
where
    F: Future<Output = Result<Vec<u8>, S3Error>> + Send + 'static,
{
    stream::iter(chunks)
        .map(move |chunk| {
            let reading = OptionFuture::from(chunk.range.map(&read));
            // Dropping the handle ends the task.
            let (task, handle) = reading.remote_handle();
            tokio::spawn(task);
            handle.map(move |read| (chunk, read.unwrap_or_else(|| Ok(Vec::new()))))
        })
        .buffered(at_once)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn chunks_cover_a_slice_in_order_and_none_spans_two_parts() {
        let part_size = 20 * MIB;
        let layout = PartLayout::with_part_size(50 * MIB + 3, part_size);
        let part = |number| PartNumber::new(number).unwrap();
        let slice = Slice { index: 0, first_part: part(1), last_part: part(3) };
        let chunks: Vec<_> = chunks(layout, slice, part(2)).collect();
        let lengths: Vec<_> = chunks.iter().map(|chunk| chunk.range.unwrap().length()).collect();
        assert_eq!(lengths, [CHUNK, CHUNK, 4 * MIB, CHUNK, 2 * MIB + 3]);
        assert_eq!(chunks[0].range.unwrap().first, part_size);
        assert!(chunks.windows(2).all(|two| two[0].range.unwrap().last + 1 == two[1].range.unwrap().first));
        let ends: Vec<_> = chunks.iter().filter(|chunk| chunk.ends_part).map(|chunk| chunk.part.get()).collect();
        assert_eq!(ends, [2, 3]);
    }

    #[test]
    fn an_empty_object_is_one_chunk_without_bytes() {
        let layout = PartLayout::with_part_size(0, MIB);
        let chunks: Vec<_> = chunks(layout, layout.slices()[0], PartNumber::FIRST).collect();
        assert_eq!(chunks, [Chunk { part: PartNumber::FIRST, range: None, ends_part: true }]);
    }

    #[tokio::test(start_paused = true)]
    async fn reads_continue_while_the_reader_digests_within_the_limit() {
        const SECOND: Duration = Duration::from_secs(1);
        let layout = PartLayout::with_part_size(10, 1);
        let (held, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (reading, highest) = (Arc::clone(&held), Arc::clone(&most));
        let began = tokio::time::Instant::now();
        let slice = Slice { index: 0, first_part: PartNumber::FIRST, last_part: PartNumber::new(10).unwrap() };
        let mut reads = std::pin::pin!(read_ahead(chunks(layout, slice, PartNumber::FIRST), 3, move |range| {
            highest.fetch_max(reading.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            // Later chunks arrive sooner; the order is kept.
            tokio::time::sleep(SECOND * u32::try_from(10 - range.first).unwrap()).map(move |()| Ok(vec![0; 1]))
        }));
        let mut parts = Vec::new();
        while let Some((chunk, read)) = reads.next().await {
            assert_eq!(read.unwrap().len(), 1);
            tokio::time::sleep(SECOND * 5).await;
            held.fetch_sub(1, Ordering::SeqCst);
            parts.push(chunk.part.get());
        }
        assert_eq!(parts, (1..=10).collect::<Vec<_>>());
        assert_eq!(most.load(Ordering::SeqCst), 3);
        // 10 seconds for the first read, then 5 for each of ten digests: the reader waits only for the first read.
        assert_eq!(began.elapsed(), SECOND * 60);
    }
}
