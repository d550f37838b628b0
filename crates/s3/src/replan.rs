//! The start of another plan, in either leg: abort the upload of the plan that was given up, and limit the number of
//! plans.

use aws_sdk_s3::Client;
use holdfast_core::{
    ErrorName, Fact, Remedy,
    contract::{Backup, Destination, Replan},
    event::InvalidInput,
    names::{BucketName, ObjectKey, VersionId},
    receipt::rejected_key,
};

use crate::{Head, ObjectRef, S3Error, abort_upload, head};

/// The leg that is planned. The plan that was given up must be of the same leg.
#[derive(Debug, Clone, Copy)]
pub struct Leg<'a> {
    /// The id of the event that announced the upload.
    pub event: &'a str,
    /// The bucket and key that it copies from.
    pub from: (&'a BucketName, &'a ObjectKey),
    /// The bucket that it copies to.
    pub to: &'a BucketName,
}

/// Another plan cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ReplanError {
    /// The plan that was given up belongs to another leg or another event.
    #[error(transparent)]
    OtherLeg(#[from] InvalidInput),
    /// The destination changed during every plan that is allowed.
    #[error("{object} changed during {plans} plans in a row. The last error was {last}.")]
    Contended {
        /// The destination.
        object: String,
        /// The number of plans.
        plans: u32,
        /// The error of the last plan.
        last: String,
    },
    /// The upload of the plan that was given up was not aborted.
    #[error(transparent)]
    S3(#[from] S3Error),
}

impl Fact for ReplanError {
    fn name(&self) -> ErrorName {
        match self {
            Self::OtherLeg(error) => error.name(),
            Self::Contended { .. } => ErrorName::DestinationContended,
            Self::S3(error) => error.name(),
        }
    }

    fn remedy(&self) -> Remedy {
        match self {
            Self::OtherLeg(error) => error.remedy(),
            Self::Contended { .. } => self.name().entry().remedy.clone(),
            Self::S3(error) => error.remedy(),
        }
    }
}

/// Aborts the upload of the plan that was given up, because it will never be completed. Refuses a plan of another leg,
/// so that no other upload is aborted, and the plan after the last one that is allowed.
pub async fn give_up(client: &Client, replan: &Replan, redrives: u32, leg: Leg<'_>) -> Result<(), ReplanError> {
    check(replan, leg)?;
    let given_up = &replan.given_up.copy;
    if let Some(open) = &given_up.upload {
        abort_upload(client, given_up, &open.upload_id).await?;
    }
    if replan.is_exhausted(redrives) {
        let Destination { bucket, key, .. } = &given_up.destination;
        let object = format!("s3://{bucket}/{key}");
        let plans = replan.attempt.saturating_sub(1);
        return Err(ReplanError::Contended { object, plans, last: replan.error.clone() });
    }
    Ok(())
}

/// The rejected versions of the destination's key: those that the earlier plan knew, and the one that it made.
///
/// A version that still exists could not be removed. A version that is gone was rejected only if a record of that
/// exists: another client may have deleted it, or it was withdrawn because it replaced a newer one.
pub async fn rejected_versions(client: &Client, replan: &Replan) -> Result<Vec<VersionId>, S3Error> {
    let given_up = &replan.given_up.copy;
    let mut versions = given_up.rejected_versions.clone();
    let rejected = replan.rejected.as_ref().and_then(|stored| Some((stored, stored.version_id.as_ref()?)));
    // Without versions, the next copy is another object with the same version `null`.
    if let Some((stored, version)) = rejected.filter(|(_, version)| version.as_str() != "null")
        && !versions.contains(version)
    {
        let Destination { bucket, key, .. } = &given_up.destination;
        let copy = ObjectRef::stored(&given_up.destination, stored);
        let record =
            rejected_key(key, version).map_err(|problem| S3Error::RecordKey { copy: copy.to_string(), problem })?;
        let record = ObjectRef { key: &record, version_id: None, bucket, ..copy };
        if head(client, copy).await?.is_some() || head(client, record).await?.is_some() {
            versions.push(version.clone());
        }
    }
    Ok(versions)
}

/// Whether an earlier plan rejected this copy because it did not match its source. It is never used as the backup
/// again.
pub fn is_rejected(replan: Option<&Replan>, head: &Head) -> bool {
    replan.is_some_and(|replan| {
        let rejected = replan.rejected.as_ref().is_some_and(|rejected| rejected.is_same(&head.stored()));
        let known = &replan.given_up.copy.rejected_versions;
        rejected || head.version_id.as_ref().is_some_and(|version| known.contains(version))
    })
}

fn check(replan: &Replan, leg: Leg<'_>) -> Result<(), InvalidInput> {
    let Backup { copy: given_up, event, .. } = &replan.given_up;
    let source = (&given_up.source.bucket, &given_up.source.key);
    if event.id == leg.event && source == leg.from && given_up.destination.bucket == *leg.to {
        return Ok(());
    }
    Err(InvalidInput {
        path: "replan.givenUp".to_owned(),
        problem: format!(
            "it copies s3://{}/{} to {} for event {}; expected a copy of s3://{}/{} to {} for event {}",
            source.0, source.1, given_up.destination.bucket, event.id, leg.from.0, leg.from.1, leg.to, leg.event
        ),
    })
}
