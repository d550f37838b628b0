//! The source of a copy: its version, its conditions, its bytes and their digests. A copy moves no bytes. It only takes
//! time if a digest is not known yet.

use std::sync::Arc;

use s3s::{S3Result, dto, s3_error};

use crate::{
    backend::Backend,
    checksum::{Algorithm, Checksum, Kind},
    errors,
    model::{
        customer_key::CustomerKey,
        version::{Version, shown},
    },
    objects::{
        body::MAX_BODY,
        conditions::{ReadConditions, Verdict},
        corruption::Flip,
    },
    storage::{
        blobs::Held,
        extents::{known_crc64nvme, known_md5, slice},
    },
};

/// The version that a copy reads.
pub(crate) struct Source {
    pub(crate) version: Arc<Version>,
    /// The value for `x-amz-copy-source-version-id`.
    pub(crate) version_id: Option<String>,
    /// The bytes to copy.
    pub(crate) held: Held,
    /// Whether these are all bytes of the object.
    pub(crate) whole: bool,
}

/// The digests of the copied bytes.
pub(crate) struct Proof {
    pub(crate) md5: String,
    pub(crate) crc64nvme: u64,
    pub(crate) checksum: Checksum,
}

/// Uses known digests if all are known. Otherwise, computes them in one pass over the bytes.
pub(crate) async fn prove(held: &mut Held, algorithm: Algorithm, known: Option<&Checksum>) -> S3Result<Proof> {
    if let (Some(md5), Some(crc64nvme)) = (known_md5(held.extents()), known_crc64nvme(held.extents())) {
        let stored = known.filter(|known| known.algorithm == algorithm && known.kind == Kind::FullObject).cloned();
        let checksum = if algorithm == Algorithm::Crc64Nvme { Some(Checksum::crc64nvme(crc64nvme)) } else { stored };
        if let Some(checksum) = checksum {
            return Ok(Proof { md5, crc64nvme, checksum });
        }
    }
    let digests = held.digest(Some(algorithm)).await.map_err(errors::disk)?;
    held.learn(&digests);
    Ok(Proof { md5: digests.md5.clone(), crc64nvme: digests.crc64nvme, checksum: digests.checksum() })
}

/// The conditions on the source of a copy, which both kinds of copy share.
macro_rules! source_conditions {
    ($input:expr) => {
        $crate::objects::conditions::ReadConditions {
            if_match: $input.copy_source_if_match.take(),
            if_none_match: $input.copy_source_if_none_match.take(),
            if_modified_since: $input.copy_source_if_modified_since.take(),
            if_unmodified_since: $input.copy_source_if_unmodified_since.take(),
        }
    };
}

pub(crate) use source_conditions;

/// The bytes of `x-amz-copy-source-range`: from the first up to, not including, the last.
fn source_range(given: &str, size: u64) -> S3Result<(u64, u64)> {
    let form = || {
        errors::invalid_argument(
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the \
             zero-based offsets of the first and last bytes to copy",
        )
    };
    let (first, last) = given.strip_prefix("bytes=").and_then(|range| range.split_once('-')).ok_or_else(form)?;
    let (first, last): (u64, u64) = (first.parse().map_err(|_| form())?, last.parse().map_err(|_| form())?);
    if first > last || last >= size {
        return Err(errors::invalid_argument(format!(
            "Range specified is not valid for source object of size: {size}"
        )));
    }
    // https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html, x-amz-copy-source-range
    if size <= 5 << 20 {
        return Err(errors::invalid_request("You can copy a range only if the source object is greater than 5 MB."));
    }
    Ok((first, last + 1))
}

impl Backend {
    /// Changes one byte of the copied content, and returns the digests of the result.
    pub(crate) async fn prove_flipped(&self, held: &mut Held, flip: Flip, algorithm: Algorithm) -> S3Result<Proof> {
        let source = self.blobs.hold(held.extents().to_vec());
        let (flipped, digests) = self.flipped(source, flip, algorithm).await?;
        *held = flipped;
        Ok(Proof { md5: digests.md5.clone(), crc64nvme: digests.crc64nvme, checksum: digests.checksum() })
    }

    /// Finds the source of a copy, checks its conditions, and holds the bytes of the range, or all of them.
    pub(crate) fn source(
        &self,
        from: &dto::CopySource,
        customer_key: Option<&CustomerKey>,
        conditions: &ReadConditions,
        range: Option<&str>,
    ) -> S3Result<Source> {
        let dto::CopySource::Bucket { bucket, key, version_id } = from else {
            return Err(s3_error!(NotImplemented, "A copy source can only be a bucket and a key"));
        };
        let state = self.state();
        let version = state.find(bucket, key, version_id.as_deref()).map_err(|error| {
            if *error.code() == s3s::S3ErrorCode::MethodNotAllowed {
                errors::invalid_request(
                    "The source of a copy request may not specifically refer to a delete marker by version id.",
                )
            } else {
                error
            }
        })?;
        let shown = shown(state.bucket(bucket)?.record.versioning, &version.id);
        let object = version.object().ok_or_else(errors::no_such_key)?;
        CustomerKey::open(object.attributes.encryption.customer_key.as_ref(), customer_key)?;
        match conditions.judge(&object.etag, version.initiated.time()) {
            Verdict::Proceed => {}
            Verdict::NotModified => return Err(errors::precondition_failed("If-None-Match")),
            Verdict::Failed(name) => return Err(errors::precondition_failed(name)),
        }
        if object.is_out_of_reach(self.now()) {
            return Err(s3_error!(InvalidObjectState, "Operation is not valid for the source object's storage class"));
        }
        let size = object.size();
        let (start, end) = range.map_or(Ok((0, size)), |range| source_range(range, size))?;
        if end - start > MAX_BODY {
            return Err(errors::invalid_request(format!(
                "The specified copy source is larger than the maximum allowable size for a copy source: {MAX_BODY}"
            )));
        }
        let held = self.blobs.hold(slice(&object.extents, start, end));
        Ok(Source { version_id: shown, held, whole: end - start == size, version })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_source_range_has_both_ends_inside_the_source() {
        let size = 6 << 20;
        assert_eq!(source_range("bytes=0-9", size).unwrap(), (0, 10));
        assert_eq!(source_range(&format!("bytes=5-{}", size - 1), size).unwrap(), (5, size));
        for bad in ["0-9", "bytes=0-", "bytes=-5", "bytes=9-0", "bytes=a-b", &format!("bytes=0-{size}")] {
            assert!(source_range(bad, size).is_err(), "{bad} was accepted");
        }
        assert!(source_range("bytes=0-9", 5 << 20).is_err(), "a small source cannot be copied by ranges");
    }
}
