//! The events of S3 for `EventBridge`, in the form of
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html>.

use sandbox_core::ports::ACCOUNT;
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    model::{bucket::BucketRecord, object::Object, tick::Tick},
    request::Cause,
};

/// A change of an object.
pub(crate) enum Happening<'a> {
    /// By `PutObject`, `POST Object`, `CopyObject` or `CompleteMultipartUpload`.
    Created { size: u64, etag: &'a str, reason: &'static str },
    /// A version was deleted, or a delete marker hides the object.
    Deleted { marker: bool },
    /// The restore of an archived object started.
    RestoreInitiated { object: &'a Object },
    /// A restored copy is readable.
    RestoreCompleted { object: &'a Object, expires: OffsetDateTime },
}

/// The envelope for `EventBridge`; `None` if the bucket sends no events.
pub(crate) fn envelope(
    cause: &Cause,
    bucket: &BucketRecord,
    key: &str,
    version_id: Option<&str>,
    at: Tick,
    what: &Happening<'_>,
) -> Option<Value> {
    if !bucket.event_bridge {
        return None;
    }
    let mut object = json!({ "key": key });
    let mut detail = json!({
        "version": "0",
        "bucket": { "name": bucket.name },
        "request-id": cause.request_id,
        "requester": if cause.source_ip.is_some() { ACCOUNT } else { "s3.amazonaws.com" },
    });
    if let Some(address) = &cause.source_ip {
        detail["source-ip-address"] = json!(address);
    }
    let detail_type = match what {
        Happening::Created { size, etag, reason } => {
            object["size"] = json!(size);
            object["etag"] = json!(etag);
            detail["reason"] = json!(reason);
            "Object Created"
        }
        Happening::Deleted { marker } => {
            detail["reason"] = json!("DeleteObject");
            detail["deletion-type"] = json!(if *marker { "Delete Marker Created" } else { "Permanently Deleted" });
            "Object Deleted"
        }
        Happening::RestoreInitiated { object: restored } => {
            restores(&mut object, &mut detail, restored);
            "Object Restore Initiated"
        }
        Happening::RestoreCompleted { object: restored, expires } => {
            restores(&mut object, &mut detail, restored);
            detail["restore-expiry-time"] = json!(expires.format(&Rfc3339).unwrap_or_default());
            "Object Restore Completed"
        }
    };
    if let Some(version_id) = version_id {
        object["version-id"] = json!(version_id);
    }
    // "Only used with PUTs and DELETEs":
    // https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
    if matches!(what, Happening::Created { .. } | Happening::Deleted { .. }) {
        object["sequencer"] = json!(at.sequencer());
    }
    detail["object"] = object;
    Some(json!({
        "version": "0",
        "id": uuid::Uuid::new_v4().to_string(),
        "detail-type": detail_type,
        "source": "aws.s3",
        "account": ACCOUNT,
        "time": at.time().format(&Rfc3339).unwrap_or_default(),
        "region": bucket.region,
        "resources": [format!("arn:aws:s3:::{}", bucket.name)],
        "detail": detail,
    }))
}

/// The detail of events about restores.
fn restores(object: &mut Value, detail: &mut Value, restored: &Object) {
    object["size"] = json!(restored.size());
    object["etag"] = json!(restored.etag);
    detail["source-storage-class"] = json!(restored.attributes.storage_class);
}
