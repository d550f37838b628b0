//! What a person does about an error, for the mail about a failed execution.

use holdfast_core::ErrorName;

/// What to do about an error with this name.
pub(crate) fn for_error(error: &str) -> &'static str {
    match ErrorName::parse(error) {
        Some(name) => for_ours(name),
        None => for_theirs(error),
    }
}

fn for_ours(name: ErrorName) -> &'static str {
    match name {
        ErrorName::S3Throttled => {
            "S3 asked to slow down for longer than the state tries again. Look at what else loads the bucket; then redrive."
        }
        ErrorName::S3Unavailable | ErrorName::SnsUnavailable | ErrorName::StepFunctionsUnavailable => {
            "The service did not answer for longer than the state tries again. Look at the AWS Health Dashboard; then redrive."
        }
        ErrorName::DestinationChanged | ErrorName::DestinationContended => {
            "Something else writes to the destination key. Find it (a second deployment with the same bucket?) and stop it; then redrive."
        }
        ErrorName::UploadGone => {
            "The multipart upload was removed. Look for a lifecycle rule or a person that aborts uploads early; then redrive."
        }
        ErrorName::SourceGone => {
            "The version that was being copied was deleted. If it was the source, a copy that the cause names stands unproven: let other executions for the key end or redrive them first, because they may prove it; else do what the cause says. If it was the backup, find out who deletes backups, and request the backup of the source version anew."
        }
        ErrorName::SourceDenied => {
            "Grant the permission that the cause names to the function's role, and look for a bucket policy that denies it; then redrive."
        }
        ErrorName::SourceArchived => "Restore the object from its archive and wait until that is done; then redrive.",
        ErrorName::SourceUnreadable => {
            "The object's KMS key is disabled or waits for its deletion: enable it, then redrive. Or it is encrypted with a key that only its owner has (SSE-C): ask the owner to upload it again with SSE-S3 or SSE-KMS. Or the event names a version id that is none: send a correct one. In these two cases a redrive does not help."
        }
        ErrorName::SourceTooLarge => "The object is larger than S3 copies. A redrive does not help.",
        ErrorName::DestinationDenied => {
            "Grant the permission that the cause names to the function's role, and look for a bucket or topic policy that denies it; then redrive."
        }
        ErrorName::ChecksumMismatch => {
            "The copy is not the source. The cause says whether it was removed, or never published. Redrive: a new plan copies every byte again. If it comes back, keep the message and find out what lies between the two."
        }
        ErrorName::KmsDenied => {
            "If the KMS key is disabled or waits for its deletion, enable it; else grant kms:Decrypt on the source's key and kms:GenerateDataKey on the destination's key to the function's role. Then redrive."
        }
        ErrorName::TopicNotFound => "Create the topic, or correct SNS_TOPIC_ARN; then redrive.",
        ErrorName::ConfigInvalid => {
            "Do what the cause says. An execution keeps the buckets that it was planned with: where one is missing, create it, then redrive; after a change of the stack's parameters send `Backup Requested` for the object, without a sequencer, instead."
        }
        ErrorName::ConfigLoop => {
            "Set the bucket that the cause names to another one than the source's, and deploy; then redrive."
        }
        ErrorName::InputInvalid => {
            "The event is malformed where the cause says. Send a correct one; a redrive runs with the same event and fails again."
        }
        ErrorName::Internal => {
            "This is a defect of Holdfast. Please report it with this message; a redrive is safe and may help."
        }
    }
}

/// Errors of Lambda and of Step Functions themselves
/// (<https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html>).
fn for_theirs(error: &str) -> &'static str {
    match error {
        "States.Timeout" | "Sandbox.Timedout" => {
            "The function ran out of time. Look at its log for what it waited for; a redrive is safe and goes on where it stopped."
        }
        "Runtime.ExitError" | "Lambda.Unknown" => {
            "The function's process died. Look at its log for a crash or a lack of memory; then redrive."
        }
        "Lambda.TooManyRequestsException" => {
            "Lambda's concurrency was used up. Raise the limit of the account or wait for less load; then redrive."
        }
        "States.DataLimitExceeded" | "States.Runtime" => {
            "The state machine itself went wrong. Please report it with this message."
        }
        _ if error.starts_with("Lambda.") => {
            "Lambda could not run the function. Look at the cause and at the AWS Health Dashboard; then redrive."
        }
        _ => "Look at the cause and at the function's log; a redrive is safe.",
    }
}
