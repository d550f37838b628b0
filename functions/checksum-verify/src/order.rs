//! The check after publishing: whether a proven copy replaced a newer one. If it did, it is withdrawn: copied to the
//! late backups, then removed from its key. [`holdfast_core::order`] decides; this module gathers the facts and acts.
//!
//! The check is cheap. A copy that replaced nothing needs none. A copy in one request of the newest version of its key
//! cannot have replaced a newer one, and that takes one HEAD. Only for the others are the versions of the key listed.

use holdfast_core::{
    ErrorName, Fact,
    checksum::Crc64Nvme,
    contract::{Algorithm, Backup, Copy, Destination, Evidence, Method, Placement, Precondition, Source},
    layout::MAX_PART,
    names::VersionId,
    order::{
        Neighbor, PlannedReplacement, PublishedDecision, PublishedFacts, Recency, Stamp, check_published, is_repaired,
    },
    receipt::late_key,
};
use holdfast_lambda::Aws;
use holdfast_s3::{self as s3, ListedVersion, ObjectRef, Page, S3Error, Versions};

use crate::{
    Error, Obstacle, WrongOrder,
    object::Subject,
    reject::{self, Removal},
};

/// The most versions below the copy that are read, if the version that the plan replaced is not found before.
const MAX_BELOW: usize = 50;

/// The versions around a copy.
struct Around {
    /// The current version of the key, if it is another one.
    above: Option<Neighbor>,
    /// The versions below the copy, the nearest first, down to the one that the plan replaced.
    below: Vec<Neighbor>,
}

/// Checks the place of a proven copy among the versions of its key.
pub(crate) async fn check(aws: &Aws, subject: Subject<'_>, evidence: &Evidence) -> Result<(), Error> {
    let copy = subject.copy();
    let (Some(version), Precondition::IfMatch(replaced)) = (&subject.stored.version_id, &copy.precondition) else {
        return Ok(());
    };
    if subject.backup.placement == Placement::Late {
        return Ok(());
    }
    let recency = s3::recency(&aws.s3(&copy.source.region), subject.source()).await?;
    if recency == Recency::Newest && copy.method == Method::CopyObject {
        return Ok(());
    }
    let Some(around) = around(aws, subject, version).await? else { return Ok(()) };
    let upload = carried_stamp(aws, subject).await?;
    // A plan that found the copy already published says that the copy replaces itself.
    let planned = if copy.replaces.as_ref() == Some(version) {
        PlannedReplacement::Unknown
    } else {
        PlannedReplacement::Object(replaced.clone())
    };
    let facts = PublishedFacts {
        upload: &upload,
        method: copy.method,
        planned: &planned,
        recency,
        above: around.above.as_ref(),
        below: &around.below,
    };
    match check_published(&facts) {
        PublishedDecision::InPlace => Ok(()),
        PublishedDecision::Withdraw { newer } => withdraw(aws, subject, evidence, newer, &around).await,
        PublishedDecision::BelowOlder { older } => Err(wrong_order(subject, older, WrongOrder::BelowOlder)),
    }
}

/// Lists and describes the versions around the copy, down to the one that its plan replaced. `None` if the copy does not
/// exist any more, or is below more versions than are listed: then it is not the current backup, and that is logged.
async fn around(aws: &Aws, subject: Subject<'_>, version: &VersionId) -> Result<Option<Around>, S3Error> {
    let destination = &subject.copy().destination;
    let known = subject.copy().replaces.as_ref().filter(|known| *known != version);
    let client = aws.s3(&destination.region);
    let mut versions = Versions::of(&client, ObjectRef::current(destination));
    let (mut above, mut below, mut is_found) = (None, Vec::new(), false);
    'pages: loop {
        let page = match versions.next_page().await? {
            Page::Versions(page) => page,
            Page::End => break,
            Page::LimitReached => {
                tracing::warn!(copy = %subject.published(), "too many versions are above the copy to check its place");
                break;
            }
        };
        for ListedVersion { version_id, .. } in page {
            if version_id == *version {
                is_found = true;
            } else if !is_found {
                above = above.or(Some(version_id));
            } else if Some(&version_id) == known || below.len() == MAX_BELOW {
                break 'pages;
            } else {
                below.push(version_id);
            }
        }
    }
    if !is_found {
        return Ok(None);
    }
    let above = match above {
        Some(above) => neighbor(aws, subject, &above).await?,
        None => None,
    };
    let mut neighbors = Vec::new();
    for version in below {
        neighbors.extend(neighbor(aws, subject, &version).await?);
    }
    Ok(Some(Around { above, below: neighbors }))
}

/// Another version of the copy's key; `None` if it does not exist any more.
async fn neighbor(aws: &Aws, subject: Subject<'_>, version: &VersionId) -> Result<Option<Neighbor>, S3Error> {
    let destination = &subject.copy().destination;
    let object = ObjectRef { version_id: Some(version), ..ObjectRef::current(destination) };
    let head = s3::head(&aws.s3(&destination.region), object).await?;
    Ok(head.and_then(|head| head.neighbor()))
}

/// The stamp of the upload that was copied. A request has no sequencer; the copy that it found may carry one.
async fn carried_stamp(aws: &Aws, subject: Subject<'_>) -> Result<Stamp, S3Error> {
    let planned = &subject.backup.stamp;
    if planned.sequencer.is_some() {
        return Ok(planned.clone());
    }
    let client = aws.s3(&subject.copy().destination.region);
    let carried = s3::head(&client, subject.published()).await?.and_then(|head| head.stamp);
    Ok(carried.unwrap_or_else(|| planned.clone()))
}

/// Withdraws a copy that replaced a newer one. Returns the error that leads to the next plan, which finds another
/// place for the copy. A copy that cannot be removed is in order if the newer version is current again.
async fn withdraw(
    aws: &Aws,
    subject: Subject<'_>,
    evidence: &Evidence,
    newer: VersionId,
    around: &Around,
) -> Result<(), Error> {
    let removal = match Box::pin(keep(aws, subject, evidence)).await? {
        Kept::Yes => reject::remove(aws, subject).await?,
        Kept::No(obstacle) => Removal::Impossible(obstacle),
    };
    let Removal::Impossible(obstacle) = removal else {
        return Err(Error::Withdrawn { copy: subject.published().to_string(), newer });
    };
    let replaced = around.below.iter().find(|neighbor| neighbor.version_id == newer);
    if replaced.is_some_and(|replaced| is_repaired(replaced, around.above.as_ref())) {
        return Ok(());
    }
    Err(wrong_order(subject, newer, WrongOrder::NotWithdrawn(obstacle)))
}

/// Whether a copy that will be withdrawn is kept at another key.
enum Kept {
    /// It is kept.
    Yes,
    /// It cannot be kept.
    No(Obstacle),
}

/// Keeps a copy before it is removed from its key. A backup is copied to the late backups. The next plan finds and
/// proves it there, even if its source is gone. A replica needs no other copy than its backup.
async fn keep(aws: &Aws, subject: Subject<'_>, evidence: &Evidence) -> Result<Kept, Error> {
    let Backup { copy, stamp, .. } = subject.backup;
    let destination = &copy.destination;
    if subject.backup.is_replica() {
        let exists = reject::source_exists(aws, subject).await?;
        return Ok(if exists { Kept::Yes } else { Kept::No(Obstacle::OnlyCopy) });
    }
    // One CopyObject takes as many bytes as one part.
    if copy.source.size > MAX_PART {
        return Ok(Kept::No(Obstacle::TooLarge));
    }
    let key = match late_key(&destination.key, stamp) {
        Ok(key) => key,
        Err(error) => return Ok(Kept::No(Obstacle::LateKey(error))),
    };
    let late = Copy {
        source: Source {
            bucket: destination.bucket.clone(),
            key: destination.key.clone(),
            version_id: subject.stored.version_id.clone(),
            etag: subject.stored.etag.clone(),
            size: copy.source.size,
            region: destination.region.clone(),
        },
        destination: Destination { key, ..destination.clone() },
        precondition: Precondition::IfAbsent,
        method: Method::CopyObject,
        upload: None,
        ..copy.clone()
    };
    // Without a KMS key: only a bucket that encrypts with S3's own key has equal tags for equal bytes.
    let kept = s3::copy_object(&aws.s3(&destination.region), &late, None).await.map_err(|error| {
        if error.name() != ErrorName::SourceGone {
            return Error::S3(error);
        }
        Error::WithdrawnBefore { copy: subject.published().to_string() }
    })?;
    let differs = |kept: Crc64Nvme| evidence.algorithm == Algorithm::Crc64Nvme && kept.to_string() != evidence.copy;
    Ok(if kept.crc64nvme.is_some_and(differs) { Kept::No(Obstacle::LateCopyDiffers) } else { Kept::Yes })
}

/// The error of a copy in an order that only a person can repair.
fn wrong_order(subject: Subject<'_>, other: VersionId, reason: WrongOrder) -> Error {
    Error::WrongOrder { copy: subject.published().to_string(), other, reason }
}
