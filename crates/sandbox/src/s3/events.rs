//! What S3 tells `EventBridge`, in the shape of
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html>.

use std::net::SocketAddr;

use http::Extensions;
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

use super::{front::RequestId, model::Tick, state::BucketRecord};
use crate::ports::ACCOUNT;

/// The request that caused an event.
#[derive(Debug, Clone)]
pub(super) struct Cause {
    request_id: String,
    source_ip: String,
}

impl Cause {
    /// From the extensions that travel with a request.
    pub(super) fn of(extensions: &Extensions) -> Self {
        Self {
            request_id: extensions.get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default(),
            source_ip: extensions
                .get::<SocketAddr>()
                .map_or_else(|| "127.0.0.1".to_owned(), |address| address.ip().to_string()),
        }
    }
}

/// What happened to an object.
pub(super) enum Happening<'a> {
    /// By `PutObject`, `CopyObject` or `CompleteMultipartUpload`.
    Created { size: u64, etag: &'a str, reason: &'static str },
    /// A version is gone, or a delete marker hides the object.
    Deleted { marker: bool },
}

/// The envelope for `EventBridge`; `None` when the bucket does not send any.
pub(super) fn envelope(
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
        "requester": ACCOUNT,
        "source-ip-address": cause.source_ip,
    });
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
    };
    if let Some(version_id) = version_id {
        object["version-id"] = json!(version_id);
    }
    object["sequencer"] = json!(at.sequencer());
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
