//! Digest mode: one slice of the source.

use holdfast_core::{
    ErrorName, Failure,
    contract::{Copy, DigestProgress, SliceResult},
    layout::{PartLayout, Slice},
    names::ByteRange,
};
use holdfast_lambda::{Aws, Pace};

use crate::{
    read::Target,
    walk::{Sides, Walk, walk},
};

/// Digests a slice from where an earlier call stopped, as far as the time goes.
pub(crate) async fn digest(
    aws: &Aws,
    copy: &Copy,
    slice: Slice,
    resume: Option<DigestProgress>,
    mut pace: Pace,
) -> Result<SliceResult, Failure> {
    let layout = copy.layout().ok_or_else(|| {
        let problem = "copy.upload is missing: only a multipart copy has slices";
        Failure::new(ErrorName::InputInvalid, problem)
    })?;
    if slice.first_part > slice.last_part || u64::from(slice.last_part.get()) > layout.part_count() {
        let (first, last, count) = (slice.first_part, slice.last_part, layout.part_count());
        let problem = format!("slice has parts {first} to {last}, but the object has parts 1 to {count}");
        return Err(Failure::new(ErrorName::InputInvalid, problem));
    }
    let source = Target::source(aws.s3(&copy.source.region), &copy.source);
    let walked = walk(layout, slice, resume, &Sides::One(source), &mut pace).await?;
    Ok(match walked.walk {
        Walk::Done { digest, .. } => SliceResult {
            index: slice.index,
            done: true,
            bytes: layout.slice_bytes(slice),
            digest: Some(digest),
            resume: None,
        },
        Walk::Paused(progress) => SliceResult {
            index: slice.index,
            done: false,
            bytes: digested(layout, slice, &progress),
            digest: None,
            resume: Some(progress),
        },
    })
}

/// Bytes of the slice before the part where the digest continues.
fn digested(layout: PartLayout, slice: Slice, progress: &DigestProgress) -> u64 {
    let before = slice.parts().take_while(|part| *part < progress.next_part);
    before.filter_map(|part| layout.range(part)).map(ByteRange::length).sum()
}
