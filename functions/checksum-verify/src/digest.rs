//! Digest mode: one slice of the source.

use holdfast_core::{
    contract::{Copy, DigestProgress, SliceResult},
    event::InvalidInput,
    layout::{PartLayout, Slice},
    names::ByteRange,
};
use holdfast_lambda::{Aws, Pace};

use crate::{
    Error,
    read::Target,
    walk::{Sides, Walk, walk},
};

/// Digests a slice from the position of an earlier call, until the slice ends or the time is over.
pub(crate) async fn digest(
    aws: &Aws,
    copy: &Copy,
    slice: Slice,
    resume: Option<DigestProgress>,
    mut pace: Pace,
) -> Result<SliceResult, Error> {
    let layout = copy.layout().ok_or_else(|| InvalidInput {
        path: "copy.upload".to_owned(),
        problem: "it is missing: only a multipart copy has slices".to_owned(),
    })?;
    layout.check(slice)?;
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
