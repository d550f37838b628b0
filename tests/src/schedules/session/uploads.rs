//! Uploads to the source, in one request or in parts.

use std::{thread, time::Duration};

use aws_sdk_s3::{
    primitives::ByteStream,
    types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart},
};
use serde_json::Value;

use super::Session;
use crate::{
    TestResult,
    fixture::Fixture,
    schedules::step::{Checksum, ExtraAttributes, KEYS, Upload, UploadMethod},
};

const PART_SIZE: usize = 5 << 20;
/// Slightly more than a second: the resolution of `Last-Modified`.
const ONE_SECOND: Duration = Duration::from_millis(1_050);

/// An upload that S3 has accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct UploadedVersion {
    key: &'static str,
    pub(in super::super) version_id: Option<String>,
    pub(in super::super) etag: String,
}

impl UploadedVersion {
    /// Whether an event announces this upload.
    pub(super) fn is_announced_by(&self, event: &Value) -> bool {
        let object = &event["detail"]["object"];
        let version = object["version-id"].as_str();
        object["key"] == self.key
            && version == self.version_id.as_deref()
            && (version.is_some() || object["etag"] == self.etag.trim_matches('"'))
    }
}

impl Session {
    pub(in super::super) async fn upload(&self, upload: &Upload) -> TestResult<UploadedVersion> {
        let fixture = self.fixture()?;
        let bytes = bytes_of(upload);
        match upload.method {
            UploadMethod::SingleRequest => put_object(fixture, upload, bytes).await,
            UploadMethod::Multipart => {
                PendingUpload::send_parts(fixture, upload, &bytes).await?.complete(fixture).await
            }
        }
    }

    /// Sends the parts of the first upload, then uploads the second object in one request, then completes the first.
    /// Returns both in the order of their events. S3 lists the initiation of uploads in whole seconds of the wall
    /// clock, so a second has to pass between the two.
    pub(in super::super) async fn overlapping_uploads(
        &self,
        slow: &Upload,
        quick: &Upload,
    ) -> TestResult<[UploadedVersion; 2]> {
        let fixture = self.fixture()?;
        let pending = PendingUpload::send_parts(fixture, slow, &bytes_of(slow)).await?;
        thread::sleep(ONE_SECOND);
        let quick = put_object(fixture, quick, bytes_of(quick)).await?;
        Ok([quick, pending.complete(fixture).await?])
    }
}

fn metadata(attributes: ExtraAttributes) -> Vec<(String, String)> {
    match attributes {
        ExtraAttributes::None => Vec::new(),
        ExtraAttributes::MetadataAndTags => vec![("owner".to_owned(), "ann".to_owned())],
        ExtraAttributes::FullMetadata => vec![("much".to_owned(), "m".repeat(2_000))],
    }
}

fn tagging(attributes: ExtraAttributes) -> Option<String> {
    (attributes == ExtraAttributes::MetadataAndTags).then(|| "team=blue%20green&empty=".to_owned())
}

fn algorithm(checksum: Checksum) -> ChecksumAlgorithm {
    match checksum {
        Checksum::Crc64Nvme => ChecksumAlgorithm::Crc64Nvme,
        Checksum::Crc32 => ChecksumAlgorithm::Crc32,
    }
}

fn bytes_of(upload: &Upload) -> Vec<u8> {
    upload.letter.to_string().into_bytes().repeat(upload.size)
}

async fn put_object(fixture: &Fixture, upload: &Upload, bytes: Vec<u8>) -> TestResult<UploadedVersion> {
    let key = KEYS[upload.key];
    let mut request = fixture.s3.put_object().bucket(&fixture.outputs.source_bucket).key(key);
    for (name, value) in metadata(upload.attributes) {
        request = request.metadata(name, value);
    }
    let request = request.set_tagging(tagging(upload.attributes)).checksum_algorithm(algorithm(upload.checksum));
    let stored = request.body(ByteStream::from(bytes)).send().await?;
    Ok(UploadedVersion { key, version_id: stored.version_id, etag: stored.e_tag.unwrap_or_default() })
}

/// A multipart upload whose parts are sent.
struct PendingUpload {
    key: &'static str,
    id: Option<String>,
    parts: CompletedMultipartUpload,
}

impl PendingUpload {
    async fn send_parts(fixture: &Fixture, upload: &Upload, bytes: &[u8]) -> TestResult<Self> {
        let (key, bucket) = (KEYS[upload.key], &fixture.outputs.source_bucket);
        let mut request = fixture.s3.create_multipart_upload().bucket(bucket).key(key);
        for (name, value) in metadata(upload.attributes) {
            request = request.metadata(name, value);
        }
        let request = request.set_tagging(tagging(upload.attributes)).checksum_algorithm(algorithm(upload.checksum));
        let id = request.send().await?.upload_id;
        let mut parts = CompletedMultipartUpload::builder();
        for (part, number) in bytes.chunks(PART_SIZE).zip(1..) {
            let request = fixture.s3.upload_part().bucket(bucket).key(key).set_upload_id(id.clone());
            let request = request.part_number(number).checksum_algorithm(algorithm(upload.checksum));
            let stored = request.body(ByteStream::from(part.to_vec())).send().await?;
            let part = CompletedPart::builder().part_number(number).set_e_tag(stored.e_tag);
            let part = part.set_checksum_crc32(stored.checksum_crc32);
            parts = parts.parts(part.set_checksum_crc64_nvme(stored.checksum_crc64_nvme).build());
        }
        Ok(Self { key, id, parts: parts.build() })
    }

    async fn complete(self, fixture: &Fixture) -> TestResult<UploadedVersion> {
        let Self { key, id, parts } = self;
        let request = fixture.s3.complete_multipart_upload().bucket(&fixture.outputs.source_bucket).key(key);
        let stored = request.set_upload_id(id).multipart_upload(parts).send().await?;
        Ok(UploadedVersion { key, version_id: stored.version_id, etag: stored.e_tag.unwrap_or_default() })
    }
}
