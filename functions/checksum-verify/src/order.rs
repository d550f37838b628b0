//! Newest stays newest, seen from behind. A copy is published on condition of the entity tag that stood in its plan. Two
//! versions with equal bytes have equal tags (under SSE-S3 a tag is the MD5 of the bytes), so that the condition may hold
//! although a newer upload was published in between: bytes A, B, A, and B arrives last. S3 has no condition on versions.
//!
//! So what lies around a copy that replaced another is looked at once it is proven: between its version and the one that
//! the plan knew, nothing may be newer. If something is, the copy is put among the late ones and then taken back. A copy in
//! parts has its place from when its upload was opened, so that an older one may also lie above: that a person has to mend.
//!
//! What is asked is cheap. A single copy of the version that is the source's current one cannot have covered a newer one,
//! and most are. For the others the versions are listed. One without a stamp says nothing of its order; as in a plan, the
//! source then tells.

use holdfast_core::{
    ErrorName,
    checksum::Crc64Nvme,
    contract::{Algorithm, Destination, Evidence, Method, Placement, Precondition, Source, Transfer},
    layout::MAX_PART,
    names::VersionId,
    receipt::history_key,
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

/// How a copy has the wrong place, and which version shows it.
enum Misplaced {
    /// It lies on top of a newer one.
    Covers(VersionId),
    /// An older one lies on top of it.
    IsCovered(VersionId),
}

/// Checks the place of a proven copy among the versions of its key.
pub(crate) async fn check(aws: &Aws, asked: Asked<'_>, evidence: &Evidence) -> Result<(), Failure> {
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
        Some(Misplaced::Covers(newer)) => Err(take_back(aws, asked, evidence, &newer).await?),
        Some(Misplaced::IsCovered(older)) => {
            let reason = "S3 puts an object in parts where its upload was opened, not where it was completed.";
            Err(changed_places(asked, &older, reason))
        }
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

/// The version that shows that the copy has the wrong place. An older one on top that was copied in one request came after
/// this copy, and is taken back by its own execution; only one in parts may have been there before.
async fn misplaced(
    aws: &Aws,
    asked: Asked<'_>,
    recency: Recency,
    (version, listed): (&VersionId, &[Listed]),
) -> Result<Option<Misplaced>, Failure> {
    let Some(position) = listed.iter().position(|listed| listed.version_id == *version) else { return Ok(None) };
    let (above, beneath) = (&listed[..position], &listed[position + 1..]);
    // A copy in one request that lies on top came later, and its own execution looks after it.
    if let Some(on_top) = above.first()
        && asked.transfer.method == Method::Multipart
        && standing(aws, asked, &on_top.version_id).await? == Standing::Older
    {
        return Ok(Some(Misplaced::IsCovered(on_top.version_id.clone())));
    }
    // What is covered counts also where something lies on top, because that may be taken back by its own execution.
    let known = asked.transfer.replaces.as_ref();
    for covered in beneath.iter().take(LOOKED_AT).take_while(|listed| Some(&listed.version_id) != known) {
        let is_newer = match standing(aws, asked, &covered.version_id).await? {
            Standing::Newer => true,
            Standing::Unknown => recency == Recency::Superseded,
            Standing::Same | Standing::Older => false,
        };
        if is_newer {
            return Ok(Some(Misplaced::Covers(covered.version_id.clone())));
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

/// Takes a copy back that covers a newer one, so that the next plan finds a place for it, and answers the failure that
/// leads there.
async fn take_back(aws: &Aws, asked: Asked<'_>, evidence: &Evidence, newer: &VersionId) -> Result<Failure, Failure> {
    let stays =
        |reason| changed_places(asked, newer, &format!("The copy is proven, but cannot be taken back: {reason}"));
    if let Err(reason) = Box::pin(keep(aws, asked, evidence)).await? {
        return Ok(stays(reason));
    }
    match reject::remove(aws, asked).await? {
        Ok(()) => {
            let message = format!(
                "Uploads of the same bytes had let {} cover the newer version {newer} of its key. It was taken back. A new \
                 plan is made.",
                asked.copy()
            );
            Ok(Failure::new(ErrorName::DestinationChanged, message))
        }
        Err(reason) => Ok(stays(reason)),
    }
}

/// Makes sure that what is taken back is not lost, whatever comes next: a backup is copied among the late ones first, where
/// the next plan finds and proves it, also if its source is gone by then. A replica has its backup. Answers why that cannot
/// be, if it cannot.
async fn keep(aws: &Aws, asked: Asked<'_>, evidence: &Evidence) -> Result<Result<(), String>, Failure> {
    let Transfer { source, destination, stamp, .. } = asked.transfer;
    if asked.is_replica() {
        let stands = reject::source_stands(aws, asked).await?;
        return Ok(if stands { Ok(()) } else { Err("its backup is gone, and it is the only copy.".to_owned()) });
    }
    // What one CopyObject takes is what one part takes.
    if source.size > MAX_PART {
        return Ok(Err("it is too large to be copied among the late ones in one request.".to_owned()));
    }
    let key = match history_key(&destination.key, stamp) {
        Ok(key) => key,
        Err(error) => return Ok(Err(format!("it has no place among the late ones: {error}."))),
    };
    let late = Transfer {
        source: Source {
            bucket: destination.bucket.clone(),
            key: destination.key.clone(),
            version_id: asked.stored.version_id.clone(),
            etag: asked.stored.etag.clone(),
            size: source.size,
            region: destination.region.clone(),
        },
        destination: Destination { key, ..destination.clone() },
        precondition: Precondition::IfAbsent,
        method: Method::CopyObject,
        upload: None,
        placement: Placement::History,
        ..asked.transfer.clone()
    };
    // Without a key: only a bucket that encrypts with S3's own has equal tags for equal bytes.
    let kept = s3::copy_object(&aws.s3(&destination.region), &late, None).await?;
    let differs = |kept: Crc64Nvme| evidence.algorithm == Algorithm::Crc64Nvme && kept.to_string() != evidence.copy;
    let same = !kept.crc64nvme.is_some_and(differs);
    Ok(if same { Ok(()) } else { Err("its copy among the late ones has another checksum.".to_owned()) })
}

/// The failure of a copy whose place a person has to mend.
fn changed_places(asked: Asked<'_>, other: &VersionId, reason: &str) -> Failure {
    let message = format!(
        "Uploads of the same bytes had let {} and version {other} of its key change places, so that an older upload is the \
         current backup. {reason} Copy the newer of the two onto the key (aws s3api copy-object), then redrive.",
        asked.copy()
    );
    Failure::new(ErrorName::DestinationDenied, message)
}
