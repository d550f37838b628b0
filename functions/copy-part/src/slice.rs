//! Copies the missing parts of one slice.

use std::num::NonZeroUsize;

use aws_sdk_s3::{
    Client,
    config::{Builder, StalledStreamProtectionConfig},
    error::ProvideErrorMetadata,
};
use holdfast_core::{
    ErrorName, Fact,
    contract::{Copy, SliceResult},
    encoding,
    event::InvalidInput,
    layout::{PartLayout, Slice},
    names::{ByteRange, PartNumber},
};
use holdfast_lambda::{Deadline, Pace};
use holdfast_s3::{self as s3, ObjectRef, S3Error, StoredPart};

use crate::{Error, schedule};

/// Copies the missing parts of a slice, as far as the time allows.
pub(crate) async fn copy(
    client: &Client,
    copy: &Copy,
    slice: Slice,
    concurrency: NonZeroUsize,
    deadline: Deadline,
) -> Result<SliceResult, Error> {
    let (upload_id, layout) = checked(copy, slice)?;
    let stored = match s3::list_parts(client, copy, upload_id, slice.first_part..=slice.last_part).await {
        Ok(stored) => stored,
        Err(error) => return Ok(completed_before(client, copy, slice, layout, error).await?),
    };
    let missing = missing(layout, slice, &stored);
    let missing_bytes: u64 = missing.iter().map(|part| bytes(layout, *part)).sum();
    let run = schedule::run(missing, concurrency, Pace::new(deadline), async |part| {
        copy_part(client, copy, upload_id, part, range(layout, part)).await.map(|()| bytes(layout, part))
    })
    .await;
    if let Some(error) = run.error {
        return Ok(completed_before(client, copy, slice, layout, error).await?);
    }
    if run.left > 0 && run.done.is_empty() {
        let destination = ObjectRef::current(&copy.destination).to_string();
        return Err(Error::NoProgress { missing: run.left, slice: slice.index, destination });
    }
    Ok(SliceResult {
        index: slice.index,
        done: run.left == 0,
        bytes: layout.slice_bytes(slice) - missing_bytes + run.done.iter().sum::<u64>(),
        digest: None,
        resume: None,
    })
}

/// The ID and the layout of the upload, if copy and slice agree with each other.
fn checked(copy: &Copy, slice: Slice) -> Result<(&str, PartLayout), InvalidInput> {
    let (Some(upload), Some(layout)) = (&copy.upload, copy.layout()) else {
        let problem = "it is missing: a slice can be copied only into an open upload".to_owned();
        return Err(InvalidInput { path: "copy.upload".to_owned(), problem });
    };
    layout.check(slice)?;
    Ok((&upload.upload_id, layout))
}

/// The slice's parts that are not stored, or have a wrong size.
fn missing(layout: PartLayout, slice: Slice, stored: &[StoredPart]) -> Vec<PartNumber> {
    let is_stored = |part: PartNumber| {
        let found = stored.binary_search_by_key(&part, |stored| stored.number).ok();
        found.is_some_and(|found| stored[found].size == bytes(layout, part))
    };
    slice.parts().filter(|part| !is_stored(*part)).collect()
}

fn bytes(layout: PartLayout, part: PartNumber) -> u64 {
    layout.range(part).map_or(0, ByteRange::length)
}

/// Resolves an error: if the upload is gone because an earlier call completed it, nothing is left to do.
async fn completed_before(
    client: &Client,
    copy: &Copy,
    slice: Slice,
    layout: PartLayout,
    error: S3Error,
) -> Result<SliceResult, S3Error> {
    if error.name() != ErrorName::UploadGone {
        return Err(error);
    }
    s3::recover_published(client, copy, error).await?;
    let bytes = layout.slice_bytes(slice);
    Ok(SliceResult { index: slice.index, done: true, bytes, digest: None, resume: None })
}

/// The range of the source for a part; `None` if the part is the whole object, because S3 copies ranges only of objects
/// that are larger than 5 MB (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html>).
fn range(layout: PartLayout, part: PartNumber) -> Option<ByteRange> {
    layout.range(part).filter(|_| layout.part_count() > 1)
}

/// Copies one part, pinned to the source's version and entity tag.
async fn copy_part(
    client: &Client,
    copy: &Copy,
    upload_id: &str,
    part: PartNumber,
    range: Option<ByteRange>,
) -> Result<(), S3Error> {
    let source = &copy.source;
    let request = client
        .upload_part_copy()
        .bucket(copy.destination.bucket.as_str())
        .key(copy.destination.key.as_str())
        .upload_id(upload_id)
        .part_number(part.as_i32())
        .copy_source(encoding::copy_source(&source.bucket, &source.key, source.version_id.as_ref()))
        .copy_source_if_match(source.etag.quoted())
        .set_copy_source_range(range.map(|range| range.to_string()))
        .customize()
        // S3 sends nothing while it copies. The SDK knows that of CopyObject, but not of UploadPartCopy
        // (https://github.com/smithy-lang/smithy-rs/issues/4439).
        .config_override(Builder::new().stalled_stream_protection(StalledStreamProtectionConfig::disabled()));
    let call = s3::copy_call(copy, "UploadPartCopy", "s3:PutObject");
    let output = request.send().await.map_err(|error| {
        let status = error.raw_response().map(|response| response.status().as_u16());
        if status == Some(412) || error.code() == Some("PreconditionFailed") {
            // The only precondition of a part is on its source.
            call.s3_failure_named(ErrorName::SourceGone, error)
        } else {
            call.s3_failure(error)
        }
    })?;
    if output.copy_part_result().and_then(|result| result.e_tag()).is_none() {
        return Err(S3Error::Incomplete {
            operation: "UploadPartCopy",
            resource: ObjectRef::current(&copy.destination).to_string(),
            problem: format!("the entity tag of part {part} is missing"),
        });
    }
    tracing::debug!(%part, "copied");
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use holdfast_core::names::ETag;

    use super::*;

    fn part(number: u32) -> PartNumber {
        PartNumber::new(number).unwrap()
    }

    #[test]
    fn parts_that_are_absent_or_of_the_wrong_size_are_missing() {
        let layout = PartLayout::with_part_size(25, 10);
        let slice = Slice { index: 0, first_part: part(1), last_part: part(3) };
        let stored = |sizes: &[(u32, u64)]| -> Vec<_> {
            let parts = sizes.iter().map(|&(number, size)| StoredPart {
                number: part(number),
                etag: ETag::new("e").unwrap(),
                size,
                checksum: None,
            });
            parts.collect()
        };
        for (sizes, expected, why) in [
            (&[][..], vec![1, 2, 3], "nothing is stored"),
            (&[(1, 10), (2, 10), (3, 5)], vec![], "everything is stored"),
            (&[(2, 10)], vec![1, 3], "one in the middle is stored"),
            (&[(1, 10), (2, 9), (3, 10)], vec![2, 3], "two have other bytes"),
        ] {
            let numbers: Vec<_> = missing(layout, slice, &stored(sizes)).into_iter().map(PartNumber::get).collect();
            assert_eq!(numbers, expected, "{why}");
        }
    }
}
