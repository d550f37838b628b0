//! Plans that are made anew, in either leg: what was given up is aborted, and there are not too many of them.

use holdfast_core::{
    ErrorName, Failure,
    contract::{Destination, Replan},
    event::InvalidInput,
    names::{BucketName, ObjectKey, VersionId},
    receipt::bad_key,
};

use aws_sdk_s3::Client;

use crate::{self as s3, Head, ObjectRef};

/// The leg that is planned: what a transfer that was given up must have been for.
#[derive(Debug, Clone, Copy)]
pub struct Leg<'a> {
    /// The id of the event that announced the upload.
    pub event: &'a str,
    /// Where it copies from: bucket and key.
    pub from: (&'a BucketName, &'a ObjectKey),
    /// The bucket that it copies to.
    pub to: &'a BucketName,
}

/// The destination changed under too many plans in a row.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{object} changed under every one of {plans} plans (the last error was {last}). Find out what else writes to that key, \
     for example a second deployment with the same bucket, stop it, then redrive."
)]
pub struct Contended {
    /// The destination.
    pub object: String,
    /// How many plans were made.
    pub plans: u32,
    /// What the last plan met.
    pub last: String,
}

/// Makes room for a new plan: aborts the upload of the one that was given up, which will never be completed. Refuses one
/// that is not of this leg, so that nobody else's upload is ever aborted, and one plan too many.
pub async fn give_up<E>(client: &Client, replan: &Replan, redrives: u32, leg: Leg<'_>) -> Result<(), E>
where
    E: From<InvalidInput> + From<Failure> + From<Contended>,
{
    check(replan, leg)?;
    let given_up = &replan.given_up;
    if let Some(open) = &given_up.upload {
        s3::abort_upload(client, given_up, &open.upload_id).await?;
    }
    if replan.is_exhausted(redrives) {
        let Destination { bucket, key, .. } = &given_up.destination;
        let object = format!("s3://{bucket}/{key}");
        let plans = replan.attempt.saturating_sub(1);
        return Err(Contended { object, plans, last: replan.error.clone() }.into());
    }
    Ok(())
}

/// The versions that were found not to be their source: those that the earlier plan knew of, and the one that it made. Each is
/// named once.
///
/// One that stands was marked, because it could not be removed. One that is gone was removed for being bad only if that is
/// written down: somebody else may have deleted it, or it was taken back from over a newer one.
pub async fn bad_versions(client: &Client, replan: &Replan) -> Result<Vec<VersionId>, Failure> {
    let given_up = &replan.given_up;
    let mut versions = given_up.bad_versions.clone();
    let rejected = replan.rejected.as_ref().and_then(|stored| Some((stored, stored.version_id.as_ref()?)));
    // What is written without versions is another object under the same id by the next copy.
    if let Some((stored, version)) = rejected.filter(|(_, version)| version.as_str() != "null")
        && !versions.contains(version)
    {
        let Destination { bucket, key, .. } = &given_up.destination;
        let copy = ObjectRef::stored(&given_up.destination, stored);
        let told_at = bad_key(key, version).map_err(|error| {
            Failure::new(ErrorName::Internal, format!("no key can be derived for what is known of {copy}: {error}"))
        })?;
        let told = ObjectRef { key: &told_at, version_id: None, bucket, ..copy };
        if s3::head(client, copy).await?.is_some() || s3::head(client, told).await?.is_some() {
            versions.push(version.clone());
        }
    }
    Ok(versions)
}

/// Whether an earlier plan gave this copy up because it could not be proven: such a one is never taken for the backup again,
/// wherever it is met.
pub fn is_given_up(replan: Option<&Replan>, head: &Head) -> bool {
    replan.is_some_and(|replan| {
        let rejected = replan.rejected.as_ref().is_some_and(|rejected| rejected.is_same(&head.stored()));
        rejected || head.version_id.as_ref().is_some_and(|version| replan.given_up.bad_versions.contains(version))
    })
}

fn check(replan: &Replan, leg: Leg<'_>) -> Result<(), InvalidInput> {
    let given_up = &replan.given_up;
    let source = (&given_up.source.bucket, &given_up.source.key);
    if given_up.event.id == leg.event && source == leg.from && given_up.destination.bucket == *leg.to {
        return Ok(());
    }
    Err(InvalidInput {
        path: "replan.givenUp".to_owned(),
        problem: format!(
            "it copies s3://{}/{} to {} for event {}; expected a transfer of s3://{}/{} to {} for event {}",
            source.0,
            source.1,
            given_up.destination.bucket,
            given_up.event.id,
            leg.from.0,
            leg.from.1,
            leg.to,
            leg.event
        ),
    })
}
