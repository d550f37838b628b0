//! ListParts, CompleteMultipartUpload, and what their failures mean.

use aws_sdk_s3::{
    Client,
    config::{Builder, StalledStreamProtectionConfig},
    error::{ProvideErrorMetadata, SdkError},
    operation::complete_multipart_upload::CompleteMultipartUploadError,
    types::{ChecksumType, CompletedMultipartUpload, CompletedPart},
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use holdfast_core::{
    ErrorName, Failure, Named,
    contract::{Precondition, SliceResult, Stored, Transfer},
    names::PartNumber,
};
use holdfast_s3::{self as s3, ObjectRef, failure::Call};

use crate::parts::Upload;

/// Completes the upload. When an earlier try, whose answer was lost, has done so, that is success.
pub(crate) async fn complete(client: &Client, transfer: &Transfer, results: &[SliceResult]) -> Result<Stored, Failure> {
    let upload = Upload::of(transfer, results).map_err(|problem| {
        Failure::new(ErrorName::InputInvalid, format!("the upload cannot be completed: {problem}"))
    })?;
    match list_and_complete(client, transfer, upload).await {
        Ok(stored) => Ok(stored),
        Err(failure) if failure.name() == ErrorName::ChecksumMismatch => {
            Err(refused(client, transfer, upload, failure).await)
        }
        Err(failure) => {
            let stored = s3::published(client, transfer, failure).await?;
            // Another execution may have published the same copy. The parts in its place would be kept, and paid for, also
            // where S3 said that the upload is gone and it is not, or where it lacked a part.
            s3::abort_upload(client, transfer, upload.id).await?;
            Ok(stored)
        }
    }
}

/// Gives up an upload that S3 has refused to complete because its parts are not the source. It never will be completed, and
/// without it a redrive finds `Upload.Gone`, which is settled by a new plan; with it every redrive would be refused alike.
async fn refused(client: &Client, transfer: &Transfer, upload: Upload<'_>, mismatch: Failure) -> Failure {
    match s3::abort_upload(client, transfer, upload.id).await {
        Ok(()) => mismatch.followed_by("The upload was aborted. Redrive: a new plan copies every byte again."),
        Err(failure) => mismatch.followed_by(format!(
            "The upload could not be aborted ({failure}). Abort it (aws s3api abort-multipart-upload), then redrive: a new \
             plan copies every byte again."
        )),
    }
}

async fn list_and_complete(client: &Client, transfer: &Transfer, upload: Upload<'_>) -> Result<Stored, Failure> {
    let stored = s3::list_parts(client, transfer, upload.id, (PartNumber::FIRST, upload.last_part)).await?;
    let parts = upload.part_list(&stored).map_err(|problem| {
        // All slices reported their parts as stored and a listing is consistent, so somebody has meddled with the
        // upload. A retry or a redrive of this state would not bring the part back; a new plan with a new upload does.
        let destination = ObjectRef::current(&transfer.destination);
        let id = upload.id;
        Failure::new(
            ErrorName::UploadGone,
            format!("Upload {id} of {destination} is not whole: {problem}. A new plan is made."),
        )
    })?;
    send(client, transfer, upload, parts).await
}

async fn send(
    client: &Client,
    transfer: &Transfer,
    upload: Upload<'_>,
    parts: Vec<CompletedPart>,
) -> Result<Stored, Failure> {
    let mut request = client
        .complete_multipart_upload()
        .bucket(transfer.destination.bucket.as_str())
        .key(transfer.destination.key.as_str())
        .upload_id(upload.id)
        .multipart_upload(CompletedMultipartUpload::builder().set_parts(Some(parts)).build())
        .set_mpu_object_size(i64::try_from(transfer.source.size).ok())
        .checksum_type(ChecksumType::FullObject)
        .set_checksum_crc64_nvme(upload.crc64nvme.map(|crc| crc.to_string()));
    request = match &transfer.precondition {
        Precondition::IfAbsent => request.if_none_match("*"),
        Precondition::IfMatch(etag) => request.if_match(etag.quoted()),
    };
    // S3 is silent while it puts the parts together, minutes for many of them
    // (https://github.com/smithy-lang/smithy-rs/issues/4439).
    let patient = Builder::new().stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    let output =
        request.customize().config_override(patient).send().await.map_err(|error| failed(transfer, upload, error))?;
    s3::stored(output.version_id(), output.e_tag(), output.checksum_crc64_nvme()).map_err(|problem| {
        // No answer that can be read is as good as none: the next try finds the object by its stamp.
        let destination = ObjectRef::current(&transfer.destination);
        let problem = format!("CompleteMultipartUpload of {destination} answered {problem}");
        Failure::new(ErrorName::S3Unavailable, problem)
    })
}

/// Names the failure of a completion.
fn failed(
    transfer: &Transfer,
    upload: Upload<'_>,
    error: SdkError<CompleteMultipartUploadError, HttpResponse>,
) -> Failure {
    let destination = ObjectRef::current(&transfer.destination);
    let call = destination.call("CompleteMultipartUpload", "s3:PutObject");
    let message = error.message().unwrap_or_default().to_ascii_lowercase();
    match error.code() {
        // InvalidRequest is S3's answer to a size or a checksum that is not that of the parts. Which upload it was is said,
        // because a person may have to abort it where this function cannot.
        Some(code)
            if code == "BadDigest"
                || code == "InvalidRequest" && (message.contains("checksum") || message.contains("size")) =>
        {
            let resource = format!("{destination} (upload {})", upload.id);
            Call { resource, ..call }.s3_failure_named(ErrorName::ChecksumMismatch, error)
        }
        // A part was copied once more after it was listed, by a try that was taken for dead. The list is read anew.
        Some("InvalidPart") => call.s3_failure_named(ErrorName::S3Unavailable, error),
        _ => call.s3_failure(error),
    }
}
