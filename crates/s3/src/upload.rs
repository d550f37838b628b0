//! Multipart uploads: opening one with every attribute of the source, listing its parts, giving it up.

use aws_sdk_s3::{
    Client,
    error::SdkError,
    types::{ChecksumAlgorithm, ChecksumType},
};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use holdfast_core::{
    ErrorName, Failure,
    contract::Transfer,
    names::{ETag, PartNumber},
};

use super::{
    ObjectRef,
    attributes::{expires, with_attributes},
};

/// Opens an upload at the transfer's destination and answers its id. A multipart copy carries over nothing by itself, so
/// every attribute is given here. S3 is asked for a full-object CRC64NVME, which it checks at the end.
pub async fn open_upload(client: &Client, transfer: &Transfer, kms_key: Option<&str>) -> Result<String, Failure> {
    let request = client
        .create_multipart_upload()
        .bucket(transfer.destination.bucket.as_str())
        .key(transfer.destination.key.as_str())
        .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
        .checksum_type(ChecksumType::FullObject);
    let request = with_attributes!(request, transfer, kms_key);
    let destination = ObjectRef::current(&transfer.destination);
    let output = request.customize().mutate_request(expires(transfer)).send().await.map_err(|error| {
        destination.call("CreateMultipartUpload", "s3:PutObject and s3:PutObjectTagging").s3_failure(error)
    })?;
    output.upload_id().map(str::to_owned).ok_or_else(|| {
        Failure::new(ErrorName::S3Unavailable, format!("CreateMultipartUpload of {destination} answered no upload id"))
    })
}

/// A part that is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPart {
    /// Its number.
    pub number: PartNumber,
    /// Its entity tag.
    pub etag: ETag,
    /// Its bytes.
    pub size: u64,
    /// The CRC64NVME that S3 computed over it, as S3 writes it.
    pub crc64nvme: Option<String>,
}

/// The stored parts of the transfer's upload whose numbers lie in `first..=last`, in order, page by page.
pub async fn list_parts(
    client: &Client,
    transfer: &Transfer,
    upload_id: &str,
    (first, last): (PartNumber, PartNumber),
) -> Result<Vec<StoredPart>, Failure> {
    let destination = ObjectRef::current(&transfer.destination);
    let mut parts = Vec::new();
    // The marker is the number after which a page starts.
    let mut marker = first.get() - 1;
    loop {
        let wanted = i32::try_from(last.get().saturating_sub(marker).min(1000)).unwrap_or(1000);
        let request = client
            .list_parts()
            .bucket(transfer.destination.bucket.as_str())
            .key(transfer.destination.key.as_str())
            .upload_id(upload_id)
            .part_number_marker(marker.to_string())
            .max_parts(wanted);
        let page = request
            .send()
            .await
            .map_err(|error| destination.call("ListParts", "s3:ListMultipartUploadParts").s3_failure(error))?;
        for part in page.parts() {
            let part = read(part).ok_or_else(|| {
                Failure::new(
                    ErrorName::Internal,
                    format!("ListParts of {destination} answered a part that cannot be: {part:?}"),
                )
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

fn read(part: &aws_sdk_s3::types::Part) -> Option<StoredPart> {
    Some(StoredPart {
        number: PartNumber::new(u32::try_from(part.part_number()?).ok()?).ok()?,
        etag: ETag::new(part.e_tag()?).ok()?,
        size: u64::try_from(part.size()?).ok()?,
        crc64nvme: part.checksum_crc64_nvme().map(str::to_owned),
    })
}

/// Gives up an upload that will never be completed. One that is gone already is no error.
pub async fn abort_upload(client: &Client, transfer: &Transfer, upload_id: &str) -> Result<(), Failure> {
    let request = client
        .abort_multipart_upload()
        .bucket(transfer.destination.bucket.as_str())
        .key(transfer.destination.key.as_str())
        .upload_id(upload_id);
    match request.send().await {
        Ok(_) => Ok(()),
        Err(SdkError::ServiceError(error)) if error.err().code() == Some("NoSuchUpload") => Ok(()),
        Err(error) => {
            let destination = ObjectRef::current(&transfer.destination);
            Err(destination.call("AbortMultipartUpload", "s3:AbortMultipartUpload").s3_failure(error))
        }
    }
}
