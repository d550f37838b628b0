//! Reads an object and its copies back and compares them by SHA-256, without relying on any stored checksum.

use aws_sdk_s3::Client;
use futures::future::try_join3;
use holdfast_core::{
    checksum::{Sha256, StreamDigest},
    contract::ProvenCopy,
    names::VersionId,
    receipt::Receipt,
};
use serde::Serialize;

use crate::{AwsError, Clients};

/// The SHA-256 of an object and of its copies, computed over the bytes that were read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Digests {
    /// The digest of the source.
    pub source: Sha256,
    /// The digest of the backup.
    pub backup: Sha256,
    /// The digest of the replica, if one is configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replica: Option<Sha256>,
}

impl Digests {
    /// Whether all digests are equal.
    pub fn are_equal(&self) -> bool {
        self.source == self.backup && self.replica.is_none_or(|replica| replica == self.source)
    }

    /// The number of objects that were read.
    pub fn count(&self) -> u64 {
        if self.replica.is_some() { 3 } else { 2 }
    }
}

/// One object version to read.
struct ObjectVersion<'a> {
    s3: &'a Client,
    bucket: &'a str,
    key: &'a str,
    version: Option<&'a VersionId>,
    size: u64,
}

/// Reads the versions that a receipt names from end to end, with only a few chunks in memory. Calls `on_read` with the
/// length of each chunk.
pub async fn read_back(
    clients: &Clients,
    receipt: &Receipt,
    on_read: &(dyn Fn(u64) + Sync),
) -> Result<Digests, AwsError> {
    let source = ObjectVersion {
        s3: &clients.s3,
        bucket: receipt.source.bucket.as_str(),
        key: receipt.source.key.as_str(),
        version: receipt.source.version_id.as_ref(),
        size: receipt.source.size,
    };
    let copy = |s3, proven| copy_of(&source, s3, proven);
    let backup = copy(&clients.s3, &receipt.backup);
    let replica = receipt.replica.as_ref().map(|proven| copy(&clients.replica_s3, proven));
    let replica = async {
        match replica {
            Some(replica) => digest(&replica, on_read).await.map(Some),
            None => Ok(None),
        }
    };
    let reads = try_join3(digest(&source, on_read), digest(&backup, on_read), replica);
    // Three of the SDK's request futures are too large for the stack of a task.
    let (source, backup, replica) = Box::pin(reads).await?;
    Ok(Digests { source, backup, replica })
}

fn copy_of<'a>(source: &ObjectVersion<'_>, s3: &'a Client, proven: &'a ProvenCopy) -> ObjectVersion<'a> {
    ObjectVersion {
        s3,
        bucket: proven.destination.bucket.as_str(),
        key: proven.destination.key.as_str(),
        version: proven.stored.version_id.as_ref(),
        size: source.size,
    }
}

async fn digest(object: &ObjectVersion<'_>, on_read: &(dyn Fn(u64) + Sync)) -> Result<Sha256, AwsError> {
    let problem = || format!("s3://{}/{} cannot be read back", object.bucket, object.key);
    let request = object
        .s3
        .get_object()
        .bucket(object.bucket)
        .key(object.key)
        .set_version_id(object.version.map(|version| version.as_str().to_owned()));
    let mut body = request.send().await.map_err(|error| AwsError::new(problem(), &error.into_service_error()))?.body;
    let mut digest = StreamDigest::default();
    while let Some(bytes) = body.try_next().await.map_err(|error| AwsError::unexpected(problem(), error))? {
        digest.update(&bytes);
        on_read(bytes.len() as u64);
    }
    if digest.length() != object.size {
        let reason = format!("it has {} bytes, but the receipt names {}", digest.length(), object.size);
        return Err(AwsError::unexpected(problem(), reason));
    }
    Ok(digest.finish().1)
}
