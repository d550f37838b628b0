//! Which version of a source key is the newest, asked where what stands at the destination says nothing of its order.

use holdfast_core::{
    contract::{Placement, Source},
    names::VersionId,
    stamp::Stamp,
};
use holdfast_lambda::{
    Failure,
    s3::{self, ObjectRef},
};

use crate::{Validate, plan};

/// How many versions and delete markers of a deleted key are listed.
const LISTED: i32 = 100;

impl Validate {
    /// At the source's own key, if this is the newest version that the source has; else among the late ones.
    pub(crate) async fn place_by_source(&self, source: &Source, stamp: &Stamp) -> Result<Placement, Failure> {
        let client = self.aws.s3(&source.region);
        let key = ObjectRef { version_id: None, ..ObjectRef::source(source) };
        let newest = match s3::head(&client, key).await? {
            Some(head) => head.version_id,
            None => self.newest_of_deleted(source).await?,
        };
        Ok(plan::place_by_source(newest.as_ref(), stamp))
    }

    /// The newest version beneath the delete markers of a key. S3 lists the versions of a key newest first, and the key
    /// itself before those that it is a prefix of
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html>).
    async fn newest_of_deleted(&self, source: &Source) -> Result<Option<VersionId>, Failure> {
        let Source { bucket, key, region, .. } = source;
        let client = self.aws.s3(region);
        let request = client.list_object_versions().bucket(bucket.as_str()).prefix(key.as_str()).max_keys(LISTED);
        let object = ObjectRef { version_id: None, ..ObjectRef::source(source) };
        let call = object.call("ListObjectVersions", "s3:ListBucketVersions");
        let page = request.send().await.map_err(|error| call.s3_failure(error))?;
        let newest = page.versions().iter().find(|version| version.key() == Some(key.as_str()));
        Ok(newest.and_then(|version| VersionId::new(version.version_id()?).ok()))
    }
}
