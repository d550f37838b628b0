//! Reads a published copy once and digests it with the algorithm of its source's checksum.

use std::sync::Arc;

use futures::StreamExt;
use holdfast_core::{
    layout::PartLayout,
    source_checksum::{ReadBackDigest, SourceChecksum},
};
use holdfast_lambda::Pace;
use tokio::time::{Instant, timeout_at};

use crate::{
    Error,
    read::{Target, chunks, read_ahead},
};

/// Reads in flight: with 8 MiB each, 64 MiB of memory.
const READS_AT_ONCE: usize = 8;

/// The digest of the copy, in the text form of S3. A copy in one request has at most 5 GiB, which one invocation reads.
pub(crate) async fn digest(
    copy: &Arc<Target>,
    source: &SourceChecksum,
    size: u64,
    layout: PartLayout,
    pace: &Pace,
) -> Result<String, Error> {
    // A composite checksum has parts of its own.
    let layout = source.layout(size).unwrap_or(layout);
    let end = Instant::now() + pace.patience();
    let mut digest = ReadBackDigest::new(source);
    for slice in layout.slices() {
        let copy = Arc::clone(copy);
        let reads = read_ahead(chunks(layout, slice, slice.first_part), READS_AT_ONCE, move |range| {
            let copy = Arc::clone(&copy);
            async move { copy.read(range).await }
        });
        let mut reads = std::pin::pin!(reads);
        loop {
            let next = timeout_at(end, reads.next()).await;
            let next = next.map_err(|_| Error::NoProgress { part: slice.first_part.get() })?;
            let Some((chunk, read)) = next else { break };
            let bytes = read?;
            // On another thread than those that drive the reads.
            let digesting = tokio::task::spawn_blocking(move || {
                digest.update(&bytes);
                digest
            });
            digest = digesting.await?;
            if chunk.ends_part {
                digest.end_part();
            }
        }
    }
    Ok(digest.finish())
}
