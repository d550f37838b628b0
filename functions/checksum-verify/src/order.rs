//! Newest stays newest, seen from behind. A copy is published on condition of the entity tag that stood in its plan. Two
//! versions with equal bytes have equal tags (under SSE-S3 a tag is the MD5 of the bytes), so that the condition may hold
//! although a newer upload was published in between: bytes A, B, A, and B arrives last. S3 has no condition on versions.
//!
//! So what lies around a copy that replaced another is looked at once it is proven: between its version and the one that
//! the plan knew, nothing may be newer. If something is, the copy is removed again, and the next plan puts it among the
//! late ones. A copy in parts has its place from when its upload was opened, so that an older one may also lie above.
//!
//! What is asked is cheap. A single copy of the version that is the source's current one cannot have covered a newer one,
//! and most are. For the others the versions are listed. One without a stamp says nothing of its order; as in a plan, the
//! source then tells.

use holdfast_core::{
    ErrorName,
    contract::{Method, Placement, Precondition},
    names::VersionId,
    stamp::Standing,
};
use holdfast_lambda::{
    Aws, Failure,
    s3::{self, Head, Listed, ObjectRef},
};

use crate::{object::Asked, reject};

/// How many versions beneath the copy are looked at, where the one that the plan knew is not found before: as many uploads
/// of equal bytes would have to be published between one plan and its copy.
const LOOKED_AT: usize = 10;

/// What the source tells of the version that was copied.
#[derive(Clone, Copy, PartialEq)]
enum Recency {
    /// It is the current one.
    Newest,
    /// Another one is, or the object is deleted.
    Superseded,
    /// It keeps no versions.
    Untold,
}

/// Checks the place of a proven copy among the versions of its key.
pub(crate) async fn check(aws: &Aws, asked: Asked<'_>) -> Result<(), Failure> {
    let Some(version) = asked.stored.version_id.as_ref() else { return Ok(()) };
    let transfer = asked.transfer;
    let replaced_another = matches!(transfer.precondition, Precondition::IfMatch(_));
    // A copy that was found where it stood may be the very version that the plan knew.
    let is_itself = transfer.replaces.as_ref() == Some(version);
    if !replaced_another || is_itself || transfer.placement == Placement::History {
        return Ok(());
    }
    let recency = recency(aws, asked).await?;
    if recency == Recency::Newest && transfer.method == Method::CopyObject {
        return Ok(());
    }
    let listed = s3::newest_versions(&aws.s3(&transfer.destination.region), &transfer.destination).await?;
    match misplaced(aws, asked, recency, (version, &listed)).await? {
        Some(other) => Err(take_back(aws, asked, &other).await?),
        None => Ok(()),
    }
}

async fn recency(aws: &Aws, asked: Asked<'_>) -> Result<Recency, Failure> {
    let source = &asked.transfer.source;
    let pinned = source.version_id.as_ref().filter(|version| version.as_str() != "null");
    if pinned.is_none() {
        return Ok(Recency::Untold);
    }
    let current = ObjectRef { version_id: None, ..asked.source() };
    let head = s3::head(&aws.s3(&source.region), current).await?;
    let is_current = head.is_some_and(|head| head.version_id.as_ref() == pinned);
    Ok(if is_current { Recency::Newest } else { Recency::Superseded })
}

/// The version that shows that the copy has the wrong place: an older one on top, or a newer one covered.
async fn misplaced(
    aws: &Aws,
    asked: Asked<'_>,
    recency: Recency,
    (version, listed): (&VersionId, &[Listed]),
) -> Result<Option<VersionId>, Failure> {
    let Some(position) = listed.iter().position(|listed| listed.version_id == *version) else { return Ok(None) };
    let (above, beneath) = (&listed[..position], &listed[position + 1..]);
    if let Some(on_top) = above.first() {
        // Whatever is newer and on top has the right place, whatever lies beneath.
        let standing = standing(aws, asked, &on_top.version_id).await?;
        return Ok((standing == Standing::Older).then(|| on_top.version_id.clone()));
    }
    let known = asked.transfer.replaces.as_ref();
    for covered in beneath.iter().take(LOOKED_AT).take_while(|listed| Some(&listed.version_id) != known) {
        let is_newer = match standing(aws, asked, &covered.version_id).await? {
            Standing::Newer => true,
            Standing::Unknown => recency == Recency::Superseded,
            Standing::Same | Standing::Older => false,
        };
        if is_newer {
            return Ok(Some(covered.version_id.clone()));
        }
    }
    Ok(None)
}

/// How another version of the key relates to the upload that was copied.
async fn standing(aws: &Aws, asked: Asked<'_>, version: &VersionId) -> Result<Standing, Failure> {
    let destination = &asked.transfer.destination;
    let object = ObjectRef { version_id: Some(version), ..ObjectRef::current(destination) };
    let stamp = s3::head(&aws.s3(&destination.region), object).await?.and_then(|head: Head| head.stamp);
    Ok(stamp.map_or(Standing::Unknown, |stamp| stamp.standing(&asked.transfer.stamp)))
}

/// Takes the copy back, so that the next plan finds a place for it, and answers the failure that leads there. While its
/// source is gone it is the only copy, and stays.
async fn take_back(aws: &Aws, asked: Asked<'_>, other: &VersionId) -> Result<Failure, Failure> {
    let copy = asked.copy();
    let problem = if reject::source_stands(aws, asked).await? {
        match reject::remove(aws, asked).await? {
            Ok(()) => {
                let message = format!(
                    "Uploads of the same bytes had let {copy} and version {other} of its key change places. It was taken \
                     back. A new plan is made."
                );
                return Ok(Failure::new(ErrorName::DestinationChanged, message));
            }
            Err(reason) => reason,
        }
    } else {
        "its source is gone, and it is the only copy.".to_owned()
    };
    let message = format!(
        "Uploads of the same bytes had let {copy} and version {other} of its key change places, so that an older upload is \
         the current backup. The copy is proven, but cannot be taken back: {problem} Copy the newer of the two onto the key \
         (aws s3api copy-object), then redrive."
    );
    Ok(Failure::new(ErrorName::DestinationDenied, message))
}
