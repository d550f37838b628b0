//! The versions of a key beneath its current one: looking for a copy that a newer one has covered, and removing one that
//! is not what it should be.

use aws_sdk_s3::Client;
use holdfast_core::{
    contract::Destination,
    names::VersionId,
    stamp::{Stamp, Standing},
};

use super::{Head, ObjectRef, head};
use crate::Failure;

/// How many of the newest versions are listed. What is looked for was published while an execution ran, so that only
/// uploads of the same minutes can lie on top of it.
const NEWEST: i32 = 50;

/// A version as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its id; `null` where it was written without versioning.
    pub version_id: VersionId,
    /// Bytes.
    pub size: u64,
}

/// The newest versions of a key, the current one first. Delete markers are left out.
pub async fn newest_versions(client: &Client, destination: &Destination) -> Result<Vec<Listed>, Failure> {
    let Destination { bucket, key, .. } = destination;
    let request = client.list_object_versions().bucket(bucket.as_str()).prefix(key.as_str()).max_keys(NEWEST);
    let object = ObjectRef::current(destination);
    let page = request
        .send()
        .await
        .map_err(|error| object.call("ListObjectVersions", "s3:ListBucketVersions").s3_failure(error))?;
    // Keys are listed in their order, so that the key itself comes before those that it is a prefix of.
    let versions = page.versions().iter().filter(|version| version.key() == Some(key.as_str()));
    Ok(versions
        .filter_map(|version| {
            let version_id = VersionId::new(version.version_id()?).ok()?;
            Some(Listed { version_id, size: u64::try_from(version.size()?).ok()? })
        })
        .collect())
}

/// The copy with this stamp and size that stands at a key, also beneath newer versions. `current` is what HeadObject
/// answered for the key.
pub async fn standing_copy(
    client: &Client,
    destination: &Destination,
    (stamp, size): (&Stamp, u64),
    current: Option<&Head>,
) -> Result<Option<Head>, Failure> {
    let is_it = |head: &Head| head.stamp.as_ref().is_some_and(|found| found.standing(stamp) == Standing::Same);
    // Without versions there is nothing beneath.
    let Some((on_top, current)) = current.and_then(|head| Some((head.version_id.as_ref()?, head))) else {
        return Ok(current.filter(|head| is_it(head)).cloned());
    };
    if is_it(current) {
        return Ok(Some(current.clone()));
    }
    let listed = newest_versions(client, destination).await?;
    for version in listed.iter().filter(|version| version.size == size && version.version_id != *on_top) {
        let object = ObjectRef { version_id: Some(&version.version_id), ..ObjectRef::current(destination) };
        if let Some(head) = head(client, object).await?.filter(|head| is_it(head)) {
            return Ok(Some(head));
        }
    }
    Ok(None)
}

/// Removes one version for good. One that is gone already is no error: S3 answers the same.
pub async fn remove_version(client: &Client, destination: &Destination, version_id: &VersionId) -> Result<(), Failure> {
    let request = client
        .delete_object()
        .bucket(destination.bucket.as_str())
        .key(destination.key.as_str())
        .version_id(version_id.as_str());
    let object = ObjectRef { version_id: Some(version_id), ..ObjectRef::current(destination) };
    let call = object.call("DeleteObject", "s3:DeleteObjectVersion");
    request.send().await.map(drop).map_err(|error| call.s3_failure(error))
}
