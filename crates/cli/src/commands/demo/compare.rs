//! Reads an object and its copies back and compares them, trusting no checksum but its own.

use aws_sdk_s3::Client;
use futures::future::try_join3;
use holdfast_core::{
    checksum::{Sha256, StreamDigest},
    contract::Stored,
    names::VersionId,
    receipt::Receipt,
};
use serde::Serialize;

use crate::{
    aws::{AwsError, Clients},
    progress::Stage,
};

/// The SHA-256 of an object's bytes and of its copies', as they were read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Digests {
    /// Of the source.
    pub(super) source: Sha256,
    /// Of the backup.
    pub(super) backup: Sha256,
    /// Of the replica, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) replica: Option<Sha256>,
}

impl Digests {
    /// Whether all are the same.
    pub(super) fn are_equal(&self) -> bool {
        self.source == self.backup && self.replica.is_none_or(|replica| replica == self.source)
    }
}

/// One object version to read.
struct Place<'a> {
    s3: &'a Client,
    bucket: &'a str,
    key: &'a str,
    version: Option<&'a VersionId>,
    size: u64,
}

/// Reads the versions that a receipt names, from end to end, never more than a few chunks in memory.
pub(super) async fn read_back(clients: &Clients, receipt: &Receipt, stage: &Stage) -> Result<Digests, AwsError> {
    let source = &receipt.source;
    let size = source.size;
    let copy = |s3, destination, stored| place(s3, destination, stored, size);
    let replica = receipt.replica.as_ref();
    let replica = replica.map(|proven| copy(&clients.replica_s3, &proven.destination, &proven.stored));
    let source = Place {
        s3: &clients.s3,
        bucket: source.bucket.as_str(),
        key: source.key.as_str(),
        version: source.version_id.as_ref(),
        size,
    };
    let backup = copy(&clients.s3, &receipt.backup.destination, &receipt.backup.stored);
    let replica = async {
        match replica {
            Some(replica) => digest(replica, stage).await.map(Some),
            None => Ok(None),
        }
    };
    let reads = try_join3(digest(source, stage), digest(backup, stage), replica);
    // Three of the SDK's request futures are too much for the stack of a task.
    let (source, backup, replica) = Box::pin(reads).await?;
    Ok(Digests { source, backup, replica })
}

fn place<'a>(
    s3: &'a Client,
    destination: &'a holdfast_core::contract::Destination,
    stored: &'a Stored,
    size: u64,
) -> Place<'a> {
    let (bucket, key) = (destination.bucket.as_str(), destination.key.as_str());
    Place { s3, bucket, key, version: stored.version_id.as_ref(), size }
}

async fn digest(place: Place<'_>, stage: &Stage) -> Result<Sha256, AwsError> {
    let wanted = || format!("s3://{}/{} cannot be read back", place.bucket, place.key);
    let request = place
        .s3
        .get_object()
        .bucket(place.bucket)
        .key(place.key)
        .set_version_id(place.version.map(|version| version.as_str().to_owned()));
    let mut body = request.send().await.map_err(|error| AwsError::new(wanted(), error.into_service_error()))?.body;
    let mut digest = StreamDigest::default();
    while let Some(bytes) = body.try_next().await.map_err(|error| AwsError::other(wanted(), error))? {
        digest.update(&bytes);
        stage.add(bytes.len() as u64);
    }
    if digest.length() != place.size {
        let reason = format!("it has {} bytes where the receipt says {}", digest.length(), place.size);
        return Err(AwsError::other(wanted(), reason));
    }
    Ok(digest.finish().1)
}
