//! A published copy that does not match its source is rejected: it must not be used as a backup. It is removed. If
//! object lock or a policy forbids that, or the bucket has no versions, it is marked with a tag. Either way the failure
//! names the version, and a redrive copies the object again.
//!
//! The mark also tells a redrive that the failure was reported already: the state that failed is entered again with the
//! same input and finds the same version. A marked version leads to a new plan instead of the same failure.
//!
//! Before a version is removed, a record of it is written under `.holdfast/rejected/`. If the call ends after the
//! removal, the record is the only way for the next plan, and the receipt, to know the rejected version.
//!
//! Nothing is removed if its source is gone: then even a copy that does not match may be all that is left.

use std::collections::BTreeMap;

use aws_sdk_s3::{Client, primitives::ByteStream, types::ServerSideEncryption};
use holdfast_core::{
    ErrorName, Failure, Named, Recovery, contract::Destination, names::VersionId, receipt::rejected_key,
};
use holdfast_lambda::Aws;
use holdfast_s3::{self as s3, ObjectRef};

use crate::{object::Subject, proof};

/// The tag of a rejected version.
const MARK: (&str, &str) = ("holdfast-proof", "failed");

/// What was done with a rejected copy.
enum Outcome {
    /// It was removed.
    Removed,
    /// It was marked; the reason why it could not be removed.
    Marked(String),
    /// It was marked before. It is time to copy again.
    MarkedBefore,
    /// It was left as it is, because its source is gone.
    SourceGone,
}

/// Whether a version was removed.
pub(crate) enum Removal {
    /// It was.
    Removed,
    /// It cannot be removed, for this reason.
    Impossible(String),
}

/// Rejects a copy that does not match its source, and says what was done. If that itself fails for a transient reason,
/// the state tries again and finds the same copy.
pub(crate) async fn reject(aws: &Aws, subject: Subject<'_>, mismatch: Failure) -> Failure {
    let again = "Redrive: a new plan copies every byte again";
    match dispose(aws, subject, &mismatch).await {
        Ok(Outcome::Removed) => mismatch.followed_by(format!("That version was removed. {again}.")),
        Ok(Outcome::Marked(reason)) => {
            let (name, value) = MARK;
            mismatch.followed_by(format!(
                "That version is no backup, but it could not be removed: {reason} It has the tag {name}={value} now. \
                 {again}, and the receipt will name the rejected version."
            ))
        }
        Ok(Outcome::MarkedBefore) => Failure::new(
            ErrorName::DestinationChanged,
            format!("The copy {} was rejected before. A new plan is made.", subject.published()),
        ),
        Ok(Outcome::SourceGone) => {
            let what = if subject.backup.is_replica() { "backup" } else { "source" };
            let advice = proof::without_source(subject);
            mismatch.followed_by(format!("The {what} is gone, so the copy was left as it is. {advice}"))
        }
        Err(failure) if failure.name().recovery() == Recovery::Redrive => {
            mismatch.followed_by(format!("The version could not be removed or marked: {failure}"))
        }
        Err(failure) => failure,
    }
}

async fn dispose(aws: &Aws, subject: Subject<'_>, mismatch: &Failure) -> Result<Outcome, Failure> {
    if !source_exists(aws, subject).await? {
        return Ok(Outcome::SourceGone);
    }
    let client = aws.s3(&subject.copy().destination.region);
    let (name, value) = MARK;
    let tags = s3::read_tags(&client, subject.published()).await?;
    let is_marked = tags.get(name).is_some_and(|found| found == value);
    if !is_marked {
        Box::pin(write_record(&client, subject, mismatch)).await?;
    }
    match remove(aws, subject).await? {
        _ if is_marked => Ok(Outcome::MarkedBefore),
        Removal::Removed => Ok(Outcome::Removed),
        Removal::Impossible(reason) => {
            check_unchanged(&client, subject).await?;
            let mark = BTreeMap::from([(name.to_owned(), value.to_owned())]);
            s3::put_tags(&client, subject.published(), &mark).await?;
            Ok(Outcome::Marked(reason))
        }
    }
}

/// Checks that the key still holds the rejected copy, right before it is marked. Without versions another execution may
/// have replaced it by a good backup. S3 has no condition on tags.
async fn check_unchanged(client: &Client, subject: Subject<'_>) -> Result<(), Failure> {
    let copy = subject.published();
    let head = s3::head(client, copy).await?;
    if head.is_some_and(|head| head.etag == subject.stored.etag) {
        return Ok(());
    }
    let problem = format!("The rejected copy {copy} was replaced or deleted. A new plan is made.");
    Err(Failure::new(ErrorName::DestinationChanged, problem))
}

/// Writes the record of a version before it is removed.
async fn write_record(client: &Client, subject: Subject<'_>, mismatch: &Failure) -> Result<(), Failure> {
    let Some(version) = removable(subject) else { return Ok(()) };
    let Destination { bucket, key, .. } = &subject.copy().destination;
    let key = rejected_key(key, version).map_err(|error| {
        let copy = subject.published();
        Failure::new(ErrorName::Internal, format!("the key of the record about {copy} is invalid: {error}"))
    })?;
    let record = ObjectRef { bucket, key: &key, version_id: None, ..subject.published() };
    let request = client
        .put_object()
        .bucket(bucket.as_str())
        .key(key.as_str())
        .content_type("text/plain; charset=utf-8")
        // With S3's own key, this function needs no permission on the bucket's KMS key.
        .server_side_encryption(ServerSideEncryption::Aes256)
        .body(ByteStream::from(mismatch.to_string().into_bytes()));
    request.send().await.map(drop).map_err(|error| record.call("PutObject", "s3:PutObject").s3_failure(error))
}

/// Whether the source still exists, so that it can be copied again.
pub(crate) async fn source_exists(aws: &Aws, subject: Subject<'_>) -> Result<bool, Failure> {
    let source = &subject.copy().source;
    let head = s3::head(&aws.s3(&source.region), subject.source()).await?;
    Ok(head.is_some_and(|head| head.etag == source.etag))
}

/// Removes the copy's version. Without versions nothing is removed, because another execution may have replaced the
/// object.
pub(crate) async fn remove(aws: &Aws, subject: Subject<'_>) -> Result<Removal, Failure> {
    let destination = &subject.copy().destination;
    let Some(version) = removable(subject) else {
        let reason = "the bucket has no versions, and the next copy replaces it.";
        return Ok(Removal::Impossible(reason.to_owned()));
    };
    match s3::remove_version(&aws.s3(&destination.region), destination, version).await {
        Ok(()) => Ok(Removal::Removed),
        Err(failure) if failure.name() == ErrorName::DestinationDenied => Ok(Removal::Impossible(failure.to_string())),
        Err(failure) => Err(failure),
    }
}

/// The version of the copy; `None` if its id may name another object later.
fn removable(subject: Subject<'_>) -> Option<&VersionId> {
    subject.stored.version_id.as_ref().filter(|version| version.as_str() != "null")
}
