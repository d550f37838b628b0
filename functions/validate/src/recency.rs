//! Which version of a source key is the newest, asked where what stands at the destination says nothing of its order.

use holdfast_core::{
    Failure,
    contract::{Placement, Source},
    stamp::Stamp,
};
use holdfast_s3::{self as s3, ObjectRef};

use crate::{Validate, plan};

impl Validate {
    /// At the source's own key, if this is the newest version that the source has; else among the late ones.
    pub(crate) async fn place_by_source(&self, source: &Source, stamp: &Stamp) -> Result<Placement, Failure> {
        let client = self.aws.s3(&source.region);
        let key = ObjectRef { version_id: None, ..ObjectRef::source(source) };
        let newest = match s3::head(&client, key).await? {
            Some(head) => head.version_id,
            None => s3::newest_of_deleted(&client, key).await?,
        };
        Ok(plan::place_by_source(newest.as_ref(), stamp))
    }
}
