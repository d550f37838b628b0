//! Rejects a published copy that does not match its source: it must not be used as a backup. The copy is removed. If
//! object lock or a policy forbids that, or the bucket has no versions, it is marked with a tag. In both cases the error
//! names the version, and a redrive copies the object again.
//!
//! The mark also shows a redrive that the error was reported: the failed state receives the same input again and finds
//! the same version. A marked version leads to a new plan instead of the same error.
//!
//! Before a version is removed, a record of it is written under `.holdfast/rejected/`. If the call ends after the
//! removal, the record is the only way for the next plan, and the receipt, to know the rejected version.
//!
//! Nothing is removed if its source is gone: then even a copy that does not match may be the only one.

use std::collections::BTreeMap;

use aws_sdk_s3::{Client, primitives::ByteStream, types::ServerSideEncryption};
use holdfast_core::{ErrorName, Fact, Recovery, contract::Destination, names::VersionId, receipt::rejected_key};
use holdfast_lambda::Aws;
use holdfast_s3::{self as s3, ObjectRef, S3Error};

use crate::{Change, Error, Mismatch, Obstacle, Rejection, object::Subject};

/// The tag of a rejected version.
const MARK: (&str, &str) = ("holdfast-proof", "failed");

/// Whether a version was removed.
pub(crate) enum Removal {
    /// It was removed.
    Removed,
    /// It cannot be removed.
    Impossible(Obstacle),
}

/// Rejects a copy that does not match its source. Returns the error that says what was done. If that itself fails for a
/// transient reason, the state tries again and finds the same copy.
pub(crate) async fn reject(aws: &Aws, subject: Subject<'_>, mismatch: Box<Mismatch>) -> Error {
    let rejection = match dispose(aws, subject, &mismatch).await {
        Ok(rejection) => rejection,
        Err(Error::S3(error)) if error.name().recovery() == Recovery::Redrive => Rejection::Failed(Box::new(error)),
        Err(error) => return error,
    };
    Error::Rejected { mismatch, rejection }
}

/// Removes or marks the copy.
async fn dispose(aws: &Aws, subject: Subject<'_>, mismatch: &Mismatch) -> Result<Rejection, Error> {
    if !source_exists(aws, subject).await? {
        return Ok(if subject.backup.is_replica() { Rejection::ReplicaKept } else { Rejection::Kept });
    }
    let client = aws.s3(&subject.copy().destination.region);
    let (name, value) = MARK;
    let tags = s3::read_tags(&client, subject.published()).await?;
    let is_marked = tags.get(name).is_some_and(|found| found == value);
    if !is_marked {
        Box::pin(write_record(&client, subject, mismatch)).await?;
    }
    match remove(aws, subject).await? {
        _ if is_marked => Err(Error::RejectedBefore { copy: subject.published().to_string() }),
        Removal::Removed => Ok(Rejection::Removed),
        Removal::Impossible(obstacle) => {
            check_unchanged(&client, subject).await?;
            let mark = BTreeMap::from([(name.to_owned(), value.to_owned())]);
            s3::put_tags(&client, subject.published(), &mark).await?;
            Ok(Rejection::Marked(obstacle))
        }
    }
}

/// Checks that the key still holds the rejected copy, right before it is marked. Without versions another execution may
/// have replaced it by a good backup. S3 has no condition on tags.
async fn check_unchanged(client: &Client, subject: Subject<'_>) -> Result<(), Error> {
    let copy = subject.published();
    let head = s3::head(client, copy).await?;
    let change = match head {
        Some(head) if head.etag == subject.stored.etag => return Ok(()),
        Some(_) => Change::Replaced,
        None => Change::Deleted,
    };
    Err(Error::CopyChanged { copy: copy.to_string(), change })
}

/// Writes the record of a version before it is removed.
async fn write_record(client: &Client, subject: Subject<'_>, mismatch: &Mismatch) -> Result<(), S3Error> {
    let Some(version) = removable(subject) else { return Ok(()) };
    let Destination { bucket, key, .. } = &subject.copy().destination;
    let key = rejected_key(key, version)
        .map_err(|problem| S3Error::RecordKey { copy: subject.published().to_string(), problem })?;
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
pub(crate) async fn source_exists(aws: &Aws, subject: Subject<'_>) -> Result<bool, S3Error> {
    let source = &subject.copy().source;
    let head = s3::head(&aws.s3(&source.region), subject.source()).await?;
    Ok(head.is_some_and(|head| head.etag == source.etag))
}

/// Removes the copy's version. Without versions nothing is removed, because another execution may have replaced the
/// object.
pub(crate) async fn remove(aws: &Aws, subject: Subject<'_>) -> Result<Removal, S3Error> {
    let destination = &subject.copy().destination;
    let Some(version) = removable(subject) else {
        return Ok(Removal::Impossible(Obstacle::NoVersions));
    };
    match s3::remove_version(&aws.s3(&destination.region), destination, version).await {
        Ok(()) => Ok(Removal::Removed),
        Err(error) if error.name() == ErrorName::DestinationDenied => {
            Ok(Removal::Impossible(Obstacle::Denied(Box::new(error))))
        }
        Err(error) => Err(error),
    }
}

/// The version of the copy; `None` if its version ID may name another object later.
fn removable(subject: Subject<'_>) -> Option<&VersionId> {
    subject.stored.version_id.as_ref().filter(|version| version.as_str() != "null")
}
