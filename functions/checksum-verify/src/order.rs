//! Newest stays newest, seen from behind. A copy is published on condition of the entity tag that stood in its plan. Two
//! versions with equal bytes have equal tags (under SSE-S3 a tag is the MD5 of the bytes), so that the condition may hold
//! although a newer upload was published in between: bytes A, B, A, and B arrives last. S3 has no condition on versions.
//!
//! So what lies around a copy that replaced another is looked at once it is proven: between its version and the one that
//! the plan knew, nothing may be newer. If something is, the copy is put among the late ones and then taken back. A copy in
//! parts has its place from when its upload was opened, so that an older one may also lie above: that a person has to mend.
//!
//! A plan that found the copy standing says that it replaces itself: who made it, and over what, nobody knows any more. Then
//! only what is newer by its stamp counts of what lies beneath.
//!
//! What is asked is cheap. A single copy of the version that is the source's current one cannot have covered a newer one,
//! and most are. For the others the versions are listed. One without a stamp says nothing of its order; as in a plan, the
//! source then tells.

use holdfast_core::{
    ErrorName, Failure, Named,
    checksum::Crc64Nvme,
    contract::{Algorithm, Destination, Evidence, Method, Placement, Precondition, Source, Transfer},
    layout::MAX_PART,
    names::VersionId,
    receipt::history_key,
    stamp::{Stamp, Standing},
};
use holdfast_lambda::Aws;
use holdfast_s3::{self as s3, Head, Listed, ObjectRef, Page, Versions};

use crate::{object::Asked, reject};

/// How many versions beneath the copy are looked at, where the one that the plan knew is not found before: as many uploads
/// would have to be published between one plan and its copy.
const LOOKED_AT: usize = 50;

/// What the source tells of the version that was copied.
#[derive(Clone, Copy, PartialEq)]
enum Recency {
    /// It is the current one.
    Current,
    /// It is the newest one of a key that was deleted since.
    Newest,
    /// Another one is newer.
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

/// What lies around a copy among the versions of its key.
struct Around {
    /// The current version, where that is another one.
    on_top: Option<VersionId>,
    /// What lies beneath it, the nearest first.
    beneath: Vec<VersionId>,
}

/// Checks the place of a proven copy among the versions of its key.
pub(crate) async fn check(aws: &Aws, asked: Asked<'_>, evidence: &Evidence) -> Result<(), Failure> {
    let Some(version) = asked.stored.version_id.as_ref() else { return Ok(()) };
    let transfer = asked.transfer;
    // A copy that was found where it stood is said to replace itself.
    let replaced_something = matches!(transfer.precondition, Precondition::IfMatch(_));
    if !replaced_something || transfer.placement == Placement::History {
        return Ok(());
    }
    let recency = recency(aws, asked).await?;
    if recency == Recency::Current && transfer.method == Method::CopyObject {
        return Ok(());
    }
    let Some(around) = around(aws, asked, version).await? else { return Ok(()) };
    match misplaced(aws, asked, recency, &around).await? {
        Some(Misplaced::Covers(newer)) => take_back(aws, asked, evidence, (&newer, around.on_top.as_ref())).await,
        Some(Misplaced::IsCovered(older)) => {
            let reason = "S3 puts an object in parts where its upload was opened, not where it was completed.";
            Err(changed_places(asked, &older, reason))
        }
        None => Ok(()),
    }
}

/// Lists the versions around the copy, down to the one that its plan knew. None where the copy is gone by now, or lies beneath
/// more versions than are listed: it is not what restore finds then, and that is logged.
async fn around(aws: &Aws, asked: Asked<'_>, version: &VersionId) -> Result<Option<Around>, Failure> {
    let destination = &asked.transfer.destination;
    let known = asked.transfer.replaces.as_ref().filter(|known| *known != version);
    let client = aws.s3(&destination.region);
    let mut versions = Versions::of(&client, ObjectRef::current(destination));
    let (mut on_top, mut beneath, mut is_found) = (None, Vec::new(), false);
    loop {
        let page = match versions.next_page().await? {
            Page::Versions(page) => page,
            Page::End => break,
            Page::CutShort => {
                tracing::warn!(copy = %asked.copy(), "too many versions lie on top for its place to be looked at");
                break;
            }
        };
        for Listed { version_id, .. } in page {
            if version_id == *version {
                is_found = true;
            } else if !is_found {
                on_top = on_top.or(Some(version_id));
            } else if Some(&version_id) == known {
                return Ok(Some(Around { on_top, beneath }));
            } else {
                beneath.push(version_id);
            }
            if beneath.len() == LOOKED_AT {
                return Ok(Some(Around { on_top, beneath }));
            }
        }
    }
    Ok(is_found.then_some(Around { on_top, beneath }))
}

async fn recency(aws: &Aws, asked: Asked<'_>) -> Result<Recency, Failure> {
    let source = &asked.transfer.source;
    let pinned = source.version_id.as_ref().filter(|version| version.as_str() != "null");
    if pinned.is_none() {
        return Ok(Recency::Untold);
    }
    let key = ObjectRef { version_id: None, ..asked.source() };
    let client = aws.s3(&source.region);
    let (newest, recency) = match s3::head(&client, key).await? {
        Some(head) => (head.version_id, Recency::Current),
        None => (s3::newest_of_deleted(&client, key).await?, Recency::Newest),
    };
    Ok(if newest.as_ref() == pinned { recency } else { Recency::Superseded })
}

/// The version that shows that the copy has the wrong place. An older one on top that was copied in one request came after
/// this copy, and is taken back by its own execution; only one in parts may have been there before.
async fn misplaced(
    aws: &Aws,
    asked: Asked<'_>,
    recency: Recency,
    around: &Around,
) -> Result<Option<Misplaced>, Failure> {
    let ours = stamp(aws, asked).await?;
    let standing = |head: Option<&Head>| {
        let stamp = head.and_then(|head| head.stamp.as_ref());
        stamp.map_or(Standing::Unknown, |stamp| stamp.standing(&ours))
    };
    // A copy in one request that lies on top came later, and its own execution looks after it.
    if let Some(on_top) = &around.on_top
        && asked.transfer.method == Method::Multipart
        && standing(version_of_key(aws, asked, on_top).await?.as_ref()) == Standing::Older
    {
        return Ok(Some(Misplaced::IsCovered(on_top.clone())));
    }
    let mut of_this_plan = asked.transfer.replaces != asked.stored.version_id;
    // What is covered counts also where something lies on top, because that may be taken back by its own execution.
    for (depth, covered) in around.beneath.iter().enumerate() {
        let head = version_of_key(aws, asked, covered).await?;
        if depth == 0 && head.as_ref().is_some_and(|head| !is_expected(asked.transfer, head)) {
            of_this_plan = false;
        }
        let is_newer = match standing(head.as_ref()) {
            Standing::Newer => true,
            Standing::Unknown => of_this_plan && recency == Recency::Superseded,
            Standing::Same | Standing::Older => false,
        };
        if is_newer {
            return Ok(Some(Misplaced::Covers(covered.clone())));
        }
    }
    Ok(None)
}

/// Whether the plan of the copy may have been published over this one, the nearest beneath it. Where it may not, another
/// execution of the same event has made the copy, by a plan that knew what it covers. An object in parts may have been
/// completed later than it lies.
fn is_expected(transfer: &Transfer, beneath: &Head) -> bool {
    let held = matches!(&transfer.precondition, Precondition::IfMatch(etag) if *etag == beneath.etag);
    held || transfer.method == Method::Multipart || beneath.etag.is_of_parts()
}

/// The stamp of the upload that was copied. An operator's request knows no order; the copy that it found may.
async fn stamp(aws: &Aws, asked: Asked<'_>) -> Result<Stamp, Failure> {
    let planned = &asked.transfer.stamp;
    if planned.sequencer.is_some() {
        return Ok(planned.clone());
    }
    let client = aws.s3(&asked.transfer.destination.region);
    let carried = s3::head(&client, asked.copy()).await?.and_then(|head| head.stamp);
    Ok(carried.unwrap_or_else(|| planned.clone()))
}

/// Another version of the copy's key.
async fn version_of_key(aws: &Aws, asked: Asked<'_>, version: &VersionId) -> Result<Option<Head>, Failure> {
    let destination = &asked.transfer.destination;
    let object = ObjectRef { version_id: Some(version), ..ObjectRef::current(destination) };
    s3::head(&aws.s3(&destination.region), object).await
}

/// Takes a copy back that covers a newer one, so that the next plan finds a place for it, and answers the failure that
/// leads there. One that has to stay does no harm once the newer one lies on top again.
async fn take_back(
    aws: &Aws,
    asked: Asked<'_>,
    evidence: &Evidence,
    (newer, on_top): (&VersionId, Option<&VersionId>),
) -> Result<(), Failure> {
    let removed = match Box::pin(keep(aws, asked, evidence)).await? {
        Ok(()) => reject::remove(aws, asked).await?,
        Err(reason) => Err(reason),
    };
    let Err(reason) = removed else {
        let message = format!(
            "Uploads of the same bytes had let {} cover the newer version {newer} of its key. It was taken back. A new plan is \
             made.",
            asked.copy()
        );
        return Err(Failure::new(ErrorName::DestinationChanged, message));
    };
    if Box::pin(is_mended(aws, asked, (newer, on_top))).await? {
        return Ok(());
    }
    Err(changed_places(asked, newer, &format!("The copy is proven, but cannot be taken back: {reason}")))
}

/// Whether the newer version was put on top again, or one that is newer still.
async fn is_mended(
    aws: &Aws,
    asked: Asked<'_>,
    (newer, on_top): (&VersionId, Option<&VersionId>),
) -> Result<bool, Failure> {
    let Some(on_top) = on_top else { return Ok(false) };
    let (newer, on_top) = (version_of_key(aws, asked, newer).await?, version_of_key(aws, asked, on_top).await?);
    let Some((newer, on_top)) = newer.zip(on_top) else { return Ok(false) };
    Ok(match (&newer.stamp, &on_top.stamp) {
        (Some(newer), Some(on_top)) => matches!(on_top.standing(newer), Standing::Same | Standing::Newer),
        (None, None) => newer.etag == on_top.etag && newer.size == on_top.size,
        (Some(_), None) | (None, Some(_)) => false,
    })
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
    let kept = s3::copy_object(&aws.s3(&destination.region), &late, None).await.map_err(|failure| {
        if failure.name() != ErrorName::SourceGone {
            return failure;
        }
        // Another execution of the same event found the same, and was quicker.
        Failure::new(
            ErrorName::DestinationChanged,
            format!("{} was taken back meanwhile. A new plan is made.", asked.copy()),
        )
    })?;
    let differs = |kept: Crc64Nvme| evidence.algorithm == Algorithm::Crc64Nvme && kept.to_string() != evidence.copy;
    let same = !kept.crc64nvme.is_some_and(differs);
    Ok(if same { Ok(()) } else { Err("its copy among the late ones has another checksum.".to_owned()) })
}

/// The failure of a copy whose place a person has to mend.
fn changed_places(asked: Asked<'_>, other: &VersionId, reason: &str) -> Failure {
    let message = format!(
        "Uploads of the same bytes had let {} and version {other} of its key change places, so that an older upload is the \
         current backup. {reason} Copy the newer of the two onto the key (aws s3api copy-object; above 5 GiB in \
         parts, with upload-part-copy), then redrive.",
        asked.copy()
    );
    Failure::new(ErrorName::DestinationDenied, message)
}
