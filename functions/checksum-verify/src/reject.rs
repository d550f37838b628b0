//! What becomes of a published copy that is not its source. It must not be taken for a backup: it is removed, and where
//! object lock or a policy forbids that, or the bucket keeps no versions, it is marked with a tag. Either way the failure
//! says which version it was, and a redrive copies the object anew.
//!
//! The mark is also how a redrive knows what was told already: the state that failed is entered again with the same input,
//! and finds the same bad version. A version with the mark leads to a new plan instead of the same failure for ever.
//!
//! What is removed is written down first, beside the copies: a call that dies after the removal leaves nothing else that tells
//! the next plan, and with it the receipt, which version was bad.
//!
//! Nothing is removed while its source is gone: then even a bad copy may be all that is left.

use std::collections::BTreeMap;

use aws_sdk_s3::{Client, primitives::ByteStream, types::ServerSideEncryption};
use holdfast_core::{ErrorName, Failure, Named, Recovery, contract::Destination, names::VersionId, receipt::bad_key};
use holdfast_lambda::Aws;
use holdfast_s3::{self as s3, ObjectRef};

use crate::{object::Asked, proof};

/// The tag of a version that is not what its stamp says.
const MARK: (&str, &str) = ("holdfast-proof", "failed");

/// What was done with a bad copy.
enum Outcome {
    /// It is gone.
    Removed,
    /// It stands, marked; the reason why it could not be removed.
    Marked(String),
    /// It was told before that it is bad: time to copy anew.
    ToldBefore,
    /// Its source is gone: it stands as it is.
    LeftAlone,
}

/// Disposes of a copy that is not its source, and says so. Where that itself fails for a passing reason the state tries
/// again, and finds the same.
pub(crate) async fn reject(aws: &Aws, asked: Asked<'_>, mismatch: Failure) -> Failure {
    let again = "Redrive: a new plan copies every byte again";
    match dispose(aws, asked, &mismatch).await {
        Ok(Outcome::Removed) => mismatch.followed_by(format!("That version was removed. {again}.")),
        Ok(Outcome::Marked(reason)) => {
            let (name, value) = MARK;
            mismatch.followed_by(format!(
                "That version is bad and no backup, but it stays: {reason} It has the tag {name}={value} now. {again}, \
                 and the receipt will name the bad version."
            ))
        }
        Ok(Outcome::ToldBefore) => Failure::new(
            ErrorName::DestinationChanged,
            format!("The copy {} was found to be bad before. A new plan is made.", asked.copy()),
        ),
        Ok(Outcome::LeftAlone) => {
            let what = if asked.is_replica() { "backup" } else { "source" };
            let advice = proof::without_source(asked);
            mismatch.followed_by(format!("The {what} is gone by now, so the copy was left as it is. {advice}"))
        }
        Err(failure) if failure.name().recovery() == Recovery::Redrive => {
            mismatch.followed_by(format!("Nothing could be done about that version: {failure}"))
        }
        Err(failure) => failure,
    }
}

async fn dispose(aws: &Aws, asked: Asked<'_>, mismatch: &Failure) -> Result<Outcome, Failure> {
    if !source_stands(aws, asked).await? {
        return Ok(Outcome::LeftAlone);
    }
    let client = aws.s3(&asked.transfer.destination.region);
    let (name, value) = MARK;
    let told = s3::read_tags(&client, asked.copy()).await?.get(name).is_some_and(|found| found == value);
    if !told {
        Box::pin(write_down(&client, asked, mismatch)).await?;
    }
    let removed = remove(aws, asked).await?;
    match removed {
        _ if told => Ok(Outcome::ToldBefore),
        Ok(()) => Ok(Outcome::Removed),
        Err(reason) => {
            look_again(&client, asked).await?;
            let mark = BTreeMap::from([(name.to_owned(), value.to_owned())]);
            s3::put_tags(&client, asked.copy(), &mark).await?;
            Ok(Outcome::Marked(reason))
        }
    }
}

/// Looks once more whether it is the bad copy that stands, right before it is marked: without versions its key may have
/// another object by now, somebody's good backup. S3 takes no condition with tags.
async fn look_again(client: &Client, asked: Asked<'_>) -> Result<(), Failure> {
    let copy = asked.copy();
    let head = s3::head(client, copy).await?;
    if head.is_some_and(|head| head.etag == asked.stored.etag) {
        return Ok(());
    }
    let problem = format!("The copy {copy} was bad, and was replaced or deleted since. A new plan is made.");
    Err(Failure::new(ErrorName::DestinationChanged, problem))
}

/// Writes down what was found about a version that is going to be removed. Once more does no harm.
async fn write_down(client: &Client, asked: Asked<'_>, mismatch: &Failure) -> Result<(), Failure> {
    let Some(version) = removable(asked) else { return Ok(()) };
    let Destination { bucket, key, .. } = &asked.transfer.destination;
    let key = bad_key(key, version).map_err(|error| {
        let copy = asked.copy();
        Failure::new(ErrorName::Internal, format!("no key can be derived for what is known of {copy}: {error}"))
    })?;
    let place = ObjectRef { bucket, key: &key, version_id: None, ..asked.copy() };
    let request = client
        .put_object()
        .bucket(bucket.as_str())
        .key(key.as_str())
        .content_type("text/plain; charset=utf-8")
        // S3's own key, so that this function needs none of the bucket's to encrypt with.
        .server_side_encryption(ServerSideEncryption::Aes256)
        .body(ByteStream::from(mismatch.to_string().into_bytes()));
    request.send().await.map(drop).map_err(|error| place.call("PutObject", "s3:PutObject").s3_failure(error))
}

/// Whether what was copied is still there, so that it can be copied again.
pub(crate) async fn source_stands(aws: &Aws, asked: Asked<'_>) -> Result<bool, Failure> {
    let source = &asked.transfer.source;
    let head = s3::head(&aws.s3(&source.region), asked.source()).await?;
    Ok(head.is_some_and(|head| head.etag == source.etag))
}

/// Removes the copy's version, or says why that cannot be. Without versions nothing is removed: the key's object may have
/// been replaced since it was looked at.
pub(crate) async fn remove(aws: &Aws, asked: Asked<'_>) -> Result<Result<(), String>, Failure> {
    let destination = &asked.transfer.destination;
    let Some(version) = removable(asked) else {
        return Ok(Err("the bucket keeps no versions, and the next copy replaces it.".to_owned()));
    };
    match s3::remove_version(&aws.s3(&destination.region), destination, version).await {
        Ok(()) => Ok(Ok(())),
        Err(failure) if failure.name() == ErrorName::DestinationDenied => Ok(Err(failure.to_string())),
        Err(failure) => Err(failure),
    }
}

/// The version that can be removed without the risk that it is another object by then.
fn removable(asked: Asked<'_>) -> Option<&VersionId> {
    asked.stored.version_id.as_ref().filter(|version| version.as_str() != "null")
}
