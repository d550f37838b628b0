//! Fault rules that change a stored byte. S3's checksum is that of the stored bytes, as if the byte changed in transit.

use futures::StreamExt;
use s3s::{S3Result, dto::StreamingBlob};

use crate::{
    backend::Backend,
    checksum::{Algorithm, digest::Digests},
    objects::body::{Taken, refusal},
    storage::{blobs::Held, extents::total},
};

/// The byte that changes when a request stores content.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flip {
    /// The offset, modulo the length of the content.
    pub(crate) offset: u64,
}

impl Backend {
    /// The same content with one changed byte, in a new blob. Other objects that share the given content do not change.
    pub(crate) async fn flipped(&self, held: Held, flip: Flip, algorithm: Algorithm) -> S3Result<(Held, Digests)> {
        let wrong = flip.offset.checked_rem(total(held.extents())).unwrap_or_default();
        let mut position = 0;
        let body = held.stream().map(move |chunk| {
            let bytes = chunk.map_err(std::io::Error::other)?;
            let at = usize::try_from(wrong.wrapping_sub(position)).unwrap_or(usize::MAX);
            position += bytes.len() as u64;
            if at >= bytes.len() {
                return Ok(bytes);
            }
            let mut changed = bytes.to_vec();
            changed[at] ^= 0x01;
            Ok::<_, std::io::Error>(changed.into())
        });
        self.blobs.write(StreamingBlob::wrap(body), Some(algorithm), u64::MAX).await.map_err(refusal)
    }

    /// A received body after the change of one byte.
    pub(crate) async fn flipped_body(&self, taken: Taken, flip: Option<&Flip>) -> S3Result<Taken> {
        let Some(flip) = flip else { return Ok(taken) };
        let (held, digests) = self.flipped(taken.held, *flip, taken.checksum.algorithm).await?;
        Ok(Taken { held, md5: digests.md5.clone(), crc64nvme: digests.crc64nvme, checksum: digests.checksum() })
    }
}
