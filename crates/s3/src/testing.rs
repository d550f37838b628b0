//! Sample backups and S3 responses for the unit tests of this crate and of the functions.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test fails by panicking")]

use std::sync::{Arc, Mutex};

use aws_sdk_s3::{
    operation::{
        head_object::{HeadObjectOutput, builders::HeadObjectOutputBuilder},
        list_object_versions::ListObjectVersionsOutput,
    },
    primitives::DateTime,
    types::ObjectVersion,
};
use aws_smithy_runtime_api::{client::orchestrator::HttpResponse, http::StatusCode};
use aws_smithy_types::body::SdkBody;
use holdfast_core::{
    attributes::Attributes,
    checksum::Crc64Nvme,
    contract::{Backup, Copy, Method, MultipartUpload},
    names::ETag,
    object::Head,
    order::STAMP_NAME,
    source_checksum::HeadChecksum,
};
use serde_json::json;
use time::OffsetDateTime;

/// The stamp of [`single`], as metadata has it.
pub const STAMP: &str = "v=v1 s=0A e=tag m=20261122T095959Z";

/// A copy in one request of `s3://src/a b` (version `v1`, entity tag `tag`) to `s3://dst/a b`, which does not exist.
pub fn single(size: u64) -> Backup {
    serde_json::from_value(json!({
        "copy": {
            "source": {
                "bucket": "src", "key": "a b", "versionId": "v1", "etag": "tag", "size": size, "region": "eu-west-1"
            },
            "destination": {"bucket": "dst", "key": "a b", "region": "eu-west-1"},
            "precondition": "ifAbsent",
            "method": "copyObject",
            "attributes": {
                "contentType": "text/plain", "metadata": {"owner": "ann", STAMP_NAME: STAMP}, "tags": {"team": "blue"}
            },
        },
        "stamp": {"versionId": "v1", "sequencer": "0A", "etag": "tag", "lastModified": "2026-11-22T09:59:59Z"},
        "placement": "current",
        "event": {"id": "e-1", "time": "2026-11-22T10:00:00Z", "sequencer": "0A"},
    }))
    .unwrap()
}

/// The same object copied in parts, as upload `up`.
pub fn multipart(size: u64, part_size: u64) -> Backup {
    let Backup { copy, stamp, placement, event } = single(size);
    let upload = MultipartUpload { upload_id: "up".to_owned(), part_size, part_count: 0 };
    let copy = Copy { method: Method::Multipart, upload: Some(upload.clone()), ..copy };
    let part_count = copy.layout().unwrap().part_count();
    let copy = Copy { upload: Some(MultipartUpload { part_count, ..upload }), ..copy };
    Backup { copy, stamp, placement, event }
}

/// An object with this entity tag and these checksums.
pub fn head(etag: &str, crc64nvme: Option<Crc64Nvme>, checksum: HeadChecksum) -> Head {
    Head {
        version_id: None,
        etag: ETag::new(etag).unwrap(),
        size: 1,
        last_modified: OffsetDateTime::UNIX_EPOCH,
        crc64nvme,
        checksum,
        attributes: Attributes::default(),
        stamp: None,
        tag_count: None,
        archived: false,
    }
}

/// A response of HeadObject with the time of [`single`]'s source.
pub fn head_object() -> HeadObjectOutputBuilder {
    HeadObjectOutput::builder().last_modified(DateTime::from_secs(1_795_341_599))
}

/// A response of S3 with an error in the body.
pub fn s3_error(status: u16, code: &str, message: &str) -> HttpResponse {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(body))
}

/// A response of S3 without a body, as for HeadObject.
pub fn bare(status: u16) -> HttpResponse {
    HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::empty())
}

/// A response of ListObjectVersions with the versions of a key and their sizes, and with another key that has the same
/// prefix.
pub fn versions(key: &str, versions: &[(&str, i64)]) -> ListObjectVersionsOutput {
    let version = |key: &str, id: &str, size| ObjectVersion::builder().key(key).version_id(id).size(size).build();
    let other_key = version(&format!("{key}2"), "other", 5);
    let all = versions.iter().map(|(id, size)| version(key, id, *size)).chain([other_key]).collect();
    ListObjectVersionsOutput::builder().set_versions(Some(all)).build()
}

/// Records the requests that the rule of a mock matches, so that a test can compare them field by field.
#[derive(Debug, Clone)]
pub struct Sent<I>(Arc<Mutex<Vec<I>>>);

impl<I: Clone> Default for Sent<I> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<I: Clone> Sent<I> {
    /// Records a request. Returns true, so that the rule matches every request.
    pub fn note(&self, request: &I) -> bool {
        self.0.lock().unwrap().push(request.clone());
        true
    }

    /// The requests so far.
    pub fn all(&self) -> Vec<I> {
        self.0.lock().unwrap().clone()
    }
}
