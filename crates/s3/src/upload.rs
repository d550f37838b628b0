//! Multipart uploads: open, list parts, abort.

use std::ops::RangeInclusive;

use aws_sdk_s3::{
    Client,
    error::SdkError,
    types::{ChecksumAlgorithm, ChecksumType},
};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use holdfast_core::{
    contract::Copy,
    names::{ETag, PartNumber},
    source_checksum::Algorithm,
};

use super::{
    ObjectRef, S3Error,
    attributes::{expires, with_attributes},
};

/// Opens an upload at the copy's destination and returns its ID. A multipart copy does not inherit attributes from its
/// source, so the request sets all of them. It declares the algorithm and the type of the source's checksum, or a
/// full-object CRC64NVME.
pub async fn open_upload(client: &Client, copy: &Copy, kms_key: Option<&str>) -> Result<String, S3Error> {
    let request = client
        .create_multipart_upload()
        .bucket(copy.destination.bucket.as_str())
        .key(copy.destination.key.as_str())
        .checksum_algorithm(checksum_algorithm(copy.multipart_algorithm()))
        .checksum_type(checksum_type(copy));
    let request = with_attributes!(request, copy, kms_key);
    let destination = ObjectRef::current(&copy.destination);
    let output = request.customize().mutate_request(expires(copy)).send().await.map_err(|error| {
        destination.call("CreateMultipartUpload", "s3:PutObject and s3:PutObjectTagging").s3_failure(error)
    })?;
    output.upload_id().map(str::to_owned).ok_or_else(|| S3Error::Incomplete {
        operation: "CreateMultipartUpload",
        resource: destination.to_string(),
        problem: "the upload ID is missing".to_owned(),
    })
}

/// A part that is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPart {
    /// The part number.
    pub number: PartNumber,
    /// The entity tag.
    pub etag: ETag,
    /// The size in bytes.
    pub size: u64,
    /// The checksum that S3 computed over the part with the algorithm of the upload, in the text form of S3.
    pub checksum: Option<String>,
}

/// The stored parts of the copy's upload with these numbers, in order.
pub async fn list_parts(
    client: &Client,
    copy: &Copy,
    upload_id: &str,
    numbers: RangeInclusive<PartNumber>,
) -> Result<Vec<StoredPart>, S3Error> {
    let destination = ObjectRef::current(&copy.destination);
    let (first, last) = numbers.into_inner();
    let mut parts = Vec::new();
    // A page starts after the part number of its marker.
    let mut marker = first.get() - 1;
    loop {
        let max_parts = i32::try_from(last.get().saturating_sub(marker).min(1000)).unwrap_or(1000);
        let request = client
            .list_parts()
            .bucket(copy.destination.bucket.as_str())
            .key(copy.destination.key.as_str())
            .upload_id(upload_id)
            .part_number_marker(marker.to_string())
            .max_parts(max_parts);
        let page = request
            .send()
            .await
            .map_err(|error| destination.call("ListParts", "s3:ListMultipartUploadParts").s3_failure(error))?;
        for part in page.parts() {
            let part = read(part, copy.multipart_algorithm()).ok_or_else(|| S3Error::Invalid {
                operation: "ListParts",
                resource: destination.to_string(),
                problem: format!("{part:?}"),
            })?;
            marker = part.number.get();
            if part.number > last {
                return Ok(parts);
            }
            parts.push(part);
        }
        if page.is_truncated() != Some(true) || page.parts().is_empty() || marker >= last.get() {
            return Ok(parts);
        }
    }
}

/// The algorithm with the SDK's name.
pub fn checksum_algorithm(algorithm: Algorithm) -> ChecksumAlgorithm {
    match algorithm {
        Algorithm::Crc64Nvme => ChecksumAlgorithm::Crc64Nvme,
        Algorithm::Crc32 => ChecksumAlgorithm::Crc32,
        Algorithm::Crc32C => ChecksumAlgorithm::Crc32C,
        Algorithm::Sha1 => ChecksumAlgorithm::Sha1,
        Algorithm::Sha256 => ChecksumAlgorithm::Sha256,
        Algorithm::Sha512 => ChecksumAlgorithm::Sha512,
        Algorithm::Md5 => ChecksumAlgorithm::Md5,
    }
}

/// The type of the checksum of a multipart copy.
pub fn checksum_type(copy: &Copy) -> ChecksumType {
    match copy.multipart_checksum().and_then(|checksum| checksum.composite) {
        Some(_) => ChecksumType::Composite,
        None => ChecksumType::FullObject,
    }
}

fn read(part: &aws_sdk_s3::types::Part, algorithm: Algorithm) -> Option<StoredPart> {
    let checksum = match algorithm {
        Algorithm::Crc64Nvme => part.checksum_crc64_nvme(),
        Algorithm::Crc32 => part.checksum_crc32(),
        Algorithm::Crc32C => part.checksum_crc32_c(),
        Algorithm::Sha1 => part.checksum_sha1(),
        Algorithm::Sha256 => part.checksum_sha256(),
        Algorithm::Sha512 => part.checksum_sha512(),
        Algorithm::Md5 => part.checksum_md5(),
    };
    Some(StoredPart {
        number: PartNumber::new(u32::try_from(part.part_number()?).ok()?).ok()?,
        etag: ETag::new(part.e_tag()?).ok()?,
        size: u64::try_from(part.size()?).ok()?,
        checksum: checksum.map(str::to_owned),
    })
}

/// Aborts an upload that is not completed any more. A missing upload is not an error.
pub async fn abort_upload(client: &Client, copy: &Copy, upload_id: &str) -> Result<(), S3Error> {
    let request = client
        .abort_multipart_upload()
        .bucket(copy.destination.bucket.as_str())
        .key(copy.destination.key.as_str())
        .upload_id(upload_id);
    match request.send().await {
        Ok(_) => Ok(()),
        Err(SdkError::ServiceError(error)) if error.err().code() == Some("NoSuchUpload") => Ok(()),
        Err(error) => {
            let destination = ObjectRef::current(&copy.destination);
            Err(destination.call("AbortMultipartUpload", "s3:AbortMultipartUpload").s3_failure(error))
        }
    }
}
