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
    contract::{Copy, Precondition, SliceResult, Stored},
    names::PartNumber,
};
use holdfast_s3::{self as s3, ObjectRef, failure::Call};

use crate::parts::Upload;

/// Completes the upload. If an earlier call, whose answer was lost, completed it, that is success.
pub(crate) async fn complete(client: &Client, copy: &Copy, results: &[SliceResult]) -> Result<Stored, Failure> {
    let upload = Upload::of(copy, results).map_err(|problem| {
        Failure::new(ErrorName::InputInvalid, format!("the upload cannot be completed: {problem}"))
    })?;
    match list_and_complete(client, copy, upload).await {
        Ok(stored) => Ok(stored),
        Err(failure) if failure.name() == ErrorName::ChecksumMismatch => {
            Err(refused(client, copy, upload, failure).await)
        }
        Err(failure) => {
            let stored = s3::published(client, copy, failure).await?;
            // Another execution may have published the same copy. The upload is aborted whatever S3 said about it: its
            // parts would be kept and billed.
            s3::abort_upload(client, copy, upload.id).await?;
            Ok(stored)
        }
    }
}

/// Aborts an upload that S3 refused to complete because its parts do not match the source. A redrive then finds
/// `Upload.Gone` and makes a new plan. Without the abort S3 would refuse every redrive.
async fn refused(client: &Client, copy: &Copy, upload: Upload<'_>, mismatch: Failure) -> Failure {
    match s3::abort_upload(client, copy, upload.id).await {
        Ok(()) => mismatch.followed_by("The upload was aborted. Redrive: a new plan copies every byte again."),
        Err(failure) => mismatch.followed_by(format!(
            "The upload could not be aborted ({failure}). Abort it (aws s3api abort-multipart-upload), then redrive: a new \
             plan copies every byte again."
        )),
    }
}

async fn list_and_complete(client: &Client, copy: &Copy, upload: Upload<'_>) -> Result<Stored, Failure> {
    let stored = s3::list_parts(client, copy, upload.id, PartNumber::FIRST..=upload.last_part).await?;
    let parts = upload.part_list(&stored).map_err(|problem| {
        // All slices reported their parts as stored, and listings are consistent, so another client changed the upload.
        // A retry would not bring the part back; a new plan with a new upload does.
        let destination = ObjectRef::current(&copy.destination);
        let id = upload.id;
        Failure::new(
            ErrorName::UploadGone,
            format!("Upload {id} of {destination} is incomplete: {problem}. A new plan is made."),
        )
    })?;
    send(client, copy, upload, parts).await
}

async fn send(client: &Client, copy: &Copy, upload: Upload<'_>, parts: Vec<CompletedPart>) -> Result<Stored, Failure> {
    let mut request = client
        .complete_multipart_upload()
        .bucket(copy.destination.bucket.as_str())
        .key(copy.destination.key.as_str())
        .upload_id(upload.id)
        .multipart_upload(CompletedMultipartUpload::builder().set_parts(Some(parts)).build())
        .set_mpu_object_size(i64::try_from(copy.source.size).ok())
        .checksum_type(ChecksumType::FullObject)
        .set_checksum_crc64_nvme(upload.crc64nvme.map(|crc| crc.to_string()));
    request = match &copy.precondition {
        Precondition::IfAbsent => request.if_none_match("*"),
        Precondition::IfMatch(etag) => request.if_match(etag.quoted()),
    };
    // S3 sends nothing while it assembles the parts, which can take minutes
    // (https://github.com/smithy-lang/smithy-rs/issues/4439).
    let patient = Builder::new().stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    let output =
        request.customize().config_override(patient).send().await.map_err(|error| failed(copy, upload, error))?;
    s3::stored(output.version_id(), output.e_tag(), output.checksum_crc64_nvme()).map_err(|problem| {
        // The next try finds the object by its stamp.
        let destination = ObjectRef::current(&copy.destination);
        let problem = format!("CompleteMultipartUpload of {destination} answered {problem}");
        Failure::new(ErrorName::S3Unavailable, problem)
    })
}

/// Names the failure of a completion.
fn failed(copy: &Copy, upload: Upload<'_>, error: SdkError<CompleteMultipartUploadError, HttpResponse>) -> Failure {
    let destination = ObjectRef::current(&copy.destination);
    let call = destination.call("CompleteMultipartUpload", "s3:PutObject");
    let message = error.message().unwrap_or_default().to_ascii_lowercase();
    match error.code() {
        // InvalidRequest is S3's answer to a size or a checksum that does not match the parts. The message names the
        // upload, because a person may have to abort it.
        Some(code)
            if code == "BadDigest"
                || code == "InvalidRequest" && (message.contains("checksum") || message.contains("size")) =>
        {
            let resource = format!("{destination} (upload {})", upload.id);
            Call { resource, ..call }.s3_failure_named(ErrorName::ChecksumMismatch, error)
        }
        // An earlier call that was thought dead copied a part again after the list was read. The next try reads it
        // again.
        Some("InvalidPart") => call.s3_failure_named(ErrorName::S3Unavailable, error),
        _ => call.s3_failure(error),
    }
}
