//! ListParts, CompleteMultipartUpload, and the meaning of their errors.

use aws_sdk_s3::{
    Client,
    config::{Builder, StalledStreamProtectionConfig},
    error::{ProvideErrorMetadata, SdkError},
    operation::complete_multipart_upload::CompleteMultipartUploadError,
    types::{CompletedMultipartUpload, CompletedPart},
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use holdfast_core::{
    ErrorName, Fact,
    contract::{Copy, Precondition, SliceResult, Stored},
    names::PartNumber,
    source_checksum::Algorithm,
};
use holdfast_s3::{self as s3, ObjectRef, S3Error, failure::Call};

use crate::{
    error::{Abort, Error},
    parts::{Upload, with_checksum},
};

/// Completes the upload. If an earlier call, whose response was lost, completed it, this call succeeds.
pub(crate) async fn complete(client: &Client, copy: &Copy, results: &[SliceResult]) -> Result<Stored, Error> {
    let upload = &Upload::of(copy, results)?;
    match list_and_complete(client, copy, upload).await {
        Ok(stored) => Ok(stored),
        Err(Error::S3(mismatch)) if mismatch.name() == ErrorName::ChecksumMismatch => {
            let abort = abort_refused(client, copy, upload).await;
            Err(Error::Mismatch { mismatch, abort })
        }
        Err(Error::S3(error)) => {
            let stored = s3::recover_published(client, copy, error).await?;
            abort_remaining(client, copy, upload, stored).await
        }
        Err(Error::CompositeDiffers { destination, difference, .. }) => {
            let abort = abort_refused(client, copy, upload).await;
            Err(Error::CompositeDiffers { destination, difference, abort })
        }
        Err(error @ Error::Incomplete { .. }) => match s3::find_published(client, copy).await? {
            Some(stored) => abort_remaining(client, copy, upload, stored).await,
            None => Err(error),
        },
        Err(error @ (Error::NotReady(_) | Error::Mismatch { .. })) => Err(error),
    }
}

/// Aborts an upload that S3 refused to complete because its parts do not match the source. A redrive then finds
/// `Upload.Gone` and makes a new plan. Without the abort S3 would refuse every redrive.
async fn abort_refused(client: &Client, copy: &Copy, upload: &Upload<'_>) -> Abort {
    match s3::abort_upload(client, copy, upload.id).await {
        Ok(()) => Abort::Done,
        Err(error) => Abort::Failed(Box::new(error)),
    }
}

/// Aborts the upload of a copy that is published. Another execution may have published the same copy. S3 keeps and bills
/// the parts of an upload until it is aborted, so the abort does not depend on what S3 said about the upload.
async fn abort_remaining(client: &Client, copy: &Copy, upload: &Upload<'_>, stored: Stored) -> Result<Stored, Error> {
    s3::abort_upload(client, copy, upload.id).await?;
    Ok(stored)
}

async fn list_and_complete(client: &Client, copy: &Copy, upload: &Upload<'_>) -> Result<Stored, Error> {
    let stored = s3::list_parts(client, copy, upload.id, PartNumber::FIRST..=upload.last_part).await?;
    let parts = upload.part_list(&stored).map_err(|problem| Error::Incomplete {
        upload_id: upload.id.to_owned(),
        destination: ObjectRef::current(&copy.destination).to_string(),
        problem,
    })?;
    upload.check_composite(&stored).map_err(|difference| Error::CompositeDiffers {
        destination: ObjectRef::current(&copy.destination).to_string(),
        difference,
        abort: Abort::Done,
    })?;
    Ok(send(client, copy, upload, parts).await?)
}

async fn send(client: &Client, copy: &Copy, upload: &Upload<'_>, parts: Vec<CompletedPart>) -> Result<Stored, S3Error> {
    let mut request = client
        .complete_multipart_upload()
        .bucket(copy.destination.bucket.as_str())
        .key(copy.destination.key.as_str())
        .upload_id(upload.id)
        .multipart_upload(CompletedMultipartUpload::builder().set_parts(Some(parts)).build())
        .set_mpu_object_size(i64::try_from(copy.source.size).ok())
        .checksum_type(s3::checksum_type(copy));
    // S3 takes the value of a whole object. A composite was compared already.
    let whole = upload.checksum.as_ref().filter(|checksum| checksum.composite.is_none());
    request = with_checksum!(request, upload.algorithm, whole.map(|checksum| checksum.value.clone()));
    request = match &copy.precondition {
        Precondition::IfAbsent => request.if_none_match("*"),
        Precondition::IfMatch(etag) => request.if_match(etag.quoted()),
    };
    // S3 sends nothing while it assembles the parts, which can take minutes
    // (https://github.com/smithy-lang/smithy-rs/issues/4439).
    let patient = Builder::new().stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    let output =
        request.customize().config_override(patient).send().await.map_err(|error| failed(copy, upload, error))?;
    // The next attempt finds the object by its stamp.
    s3::stored(output.version_id(), output.e_tag(), output.checksum_crc64_nvme()).map_err(|problem| {
        S3Error::Incomplete {
            operation: "CompleteMultipartUpload",
            resource: ObjectRef::current(&copy.destination).to_string(),
            problem,
        }
    })
}

/// The meaning of an error of CompleteMultipartUpload.
fn failed(copy: &Copy, upload: &Upload<'_>, error: SdkError<CompleteMultipartUploadError, HttpResponse>) -> S3Error {
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
        // An earlier call that was presumed to have ended copied a part again after the list was read. The next attempt
        // reads the list again.
        Some("InvalidPart") => call.s3_failure_named(ErrorName::S3Unavailable, error),
        _ => call.s3_failure(error),
    }
}
