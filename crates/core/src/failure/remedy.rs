//! What to do about an error.

use std::{borrow::Cow, fmt};

type Text = Cow<'static, str>;

/// What to do about an error. It renders as one or two sentences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// Nothing: the state retries. If all retries fail, a later redrive helps.
    Wait,
    /// As [`Remedy::Wait`], but the function may need more time for each invocation.
    ExtendTimeout,
    /// Nothing: the state machine makes a new plan.
    Replan,
    /// Redrive: every byte is copied again.
    CopyAgain,
    /// Abort a multipart upload that S3 refuses to complete, then redrive.
    AbortUpload,
    /// Nothing is left to prove a copy by: compare it by other means.
    CompareCopy,
    /// Too many newer versions are above a copy: find it, and compare it by other means.
    FindCopy,
    /// The backup of an unproven replica is gone.
    KeepReplica,
    /// Copy the newer of two versions to its key.
    CopyNewerVersion,
    /// Grant an action to the role of the function.
    Grant {
        /// For example `s3:GetObject`.
        action: Text,
        /// The resource of the action: an ARN, or an object.
        resource: Text,
    },
    /// As [`Remedy::Grant`], but the answer had no body, so that a KMS key may have been refused instead.
    GrantActionOrKey {
        /// The action.
        action: Text,
        /// The object.
        resource: Text,
    },
    /// Remove an explicit deny.
    Allow {
        /// The denied action.
        action: Text,
        /// The resource of the action.
        resource: Text,
    },
    /// Check the role and the account, because the credentials are not valid.
    CheckCredentials,
    /// End the protection of a version, or grant its deletion.
    AllowDeletion {
        /// The object version.
        object: Text,
    },
    /// Enable a KMS key.
    EnableKey,
    /// Grant the use of the KMS keys of source and destination.
    GrantKey,
    /// Enable a KMS key, or grant its use.
    EnableOrGrantKey,
    /// S3 refused a source without a reason: its key is disabled, its version ID is invalid, or it has a customer key.
    CheckSourceKey,
    /// S3 refused the object at the destination without a reason: its key is disabled, or it has a customer key.
    CheckDestinationKey,
    /// The object is encrypted with a customer-provided key (SSE-C), which only its owner has.
    UploadWithOtherKey,
    /// Restore an object from its archive class.
    Restore {
        /// The object.
        object: Text,
    },
    /// Restore a copy from its archive class, or prove it without reading it.
    RestoreCopy,
    /// Create a bucket, or correct the configuration.
    CreateBucket {
        /// The bucket's name.
        bucket: Text,
    },
    /// Create the topic, or correct the configuration.
    CreateTopic,
    /// Set an environment variable.
    SetVariable {
        /// The variable.
        variable: Text,
        /// What its value must be.
        expected: Text,
    },
    /// Use another bucket than the source bucket.
    SeparateBuckets {
        /// The variable that names the bucket.
        variable: Text,
    },
    /// Stop another client that writes the destination key.
    StopOtherClient,
    /// Request a new backup: a redrive cannot bring back a version that was deleted.
    RequestBackup,
    /// Send a corrected event.
    CorrectInput,
    /// S3 cannot copy the object at all.
    NotPossible,
    /// Report a defect; a redrive may help.
    ReportAndRedrive,
    /// Report a defect; a redrive fails again.
    Report,
    /// Read the log of the function.
    ReadLog,
    /// Raise the concurrency quota of Lambda.
    RaiseConcurrency,
    /// Wait until Lambda is available.
    CheckLambda,
}

/// What a person does once the remedy is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextStep {
    /// Redrive the execution.
    Redrive,
    /// Redrive the execution when the service is available again.
    RedriveLater,
    /// Request a new backup of the source version.
    RequestBackup,
    /// Send a corrected event.
    CorrectInput,
    /// Nothing: neither a redrive nor a new event helps.
    None,
}

impl Remedy {
    /// Remedies without a redrive. Their text is fixed, so that a message that ends with it is recognized.
    pub(super) const WITHOUT_REDRIVE: [Self; 8] = [
        Self::CompareCopy,
        Self::FindCopy,
        Self::KeepReplica,
        Self::UploadWithOtherKey,
        Self::RequestBackup,
        Self::CorrectInput,
        Self::NotPossible,
        Self::Report,
    ];

    /// What to do once the remedy is applied.
    pub fn next_step(&self) -> NextStep {
        match self {
            Self::Wait | Self::CheckLambda => NextStep::RedriveLater,
            Self::RequestBackup | Self::KeepReplica => NextStep::RequestBackup,
            Self::CorrectInput => NextStep::CorrectInput,
            Self::CompareCopy | Self::FindCopy | Self::UploadWithOtherKey | Self::NotPossible | Self::Report => {
                NextStep::None
            }
            Self::ExtendTimeout
            | Self::Replan
            | Self::CopyAgain
            | Self::AbortUpload
            | Self::CopyNewerVersion
            | Self::Grant { .. }
            | Self::GrantActionOrKey { .. }
            | Self::Allow { .. }
            | Self::CheckCredentials
            | Self::AllowDeletion { .. }
            | Self::EnableKey
            | Self::GrantKey
            | Self::EnableOrGrantKey
            | Self::CheckSourceKey
            | Self::CheckDestinationKey
            | Self::Restore { .. }
            | Self::RestoreCopy
            | Self::CreateBucket { .. }
            | Self::CreateTopic
            | Self::SetVariable { .. }
            | Self::SeparateBuckets { .. }
            | Self::StopOtherClient
            | Self::ReportAndRedrive
            | Self::ReadLog
            | Self::RaiseConcurrency => NextStep::Redrive,
        }
    }

    /// The text of a remedy without fields.
    fn fixed_text(&self) -> Option<&'static str> {
        Some(match self {
            Self::Wait => {
                "It is tried again automatically. If the execution still fails, redrive it when the service is available."
            }
            Self::ExtendTimeout => {
                "It is tried again automatically. If the execution still fails, give the function a longer timeout, then \
                 redrive."
            }
            Self::Replan => "A new plan is made.",
            Self::CopyAgain => {
                "Redrive to copy the object again. If the error repeats, keep this message and check the bucket policies \
                 and gateways between the two buckets."
            }
            Self::CheckCredentials => {
                "S3 rejected the credentials of this function: check that its role exists and that the account is active. Then \
                 redrive."
            }
            Self::AbortUpload => {
                "Abort the upload (aws s3api abort-multipart-upload). Then redrive to copy the object again."
            }
            Self::CompareCopy => {
                "Redrive any other failed execution of this upload first: it may know the checksum of the source. Otherwise \
                 compare the copy by other means, and keep it."
            }
            Self::FindCopy => {
                "Find the copy with aws s3api list-object-versions: its metadata holdfast-stamp names the source version. If \
                 it exists, compare it by other means; a redrive fails again."
            }
            Self::KeepReplica => {
                "If the source version still exists, request a new backup of it, which also proves this replica. Otherwise \
                 keep the replica and compare it by other means."
            }
            Self::CopyNewerVersion => {
                "Copy the newer of the two versions to the key (aws s3api copy-object; above 5 GiB with upload-part-copy). \
                 Then redrive."
            }
            Self::EnableKey => "Enable the KMS key, and cancel its deletion if one is scheduled. Then redrive.",
            Self::GrantKey => {
                "Grant kms:Decrypt on the source's key and kms:GenerateDataKey on the destination's key to this \
                 function's role, then redrive."
            }
            Self::EnableOrGrantKey => {
                "If the KMS key is disabled or pending deletion, enable it (aws kms enable-key). Otherwise grant \
                 kms:Decrypt and kms:GenerateDataKey to this function's role; then redrive."
            }
            Self::CheckSourceKey => {
                "S3 gives no reason: if the object's KMS key is disabled, enable it, then redrive. If the version ID is \
                 invalid, correct the event; an object under SSE-C cannot be backed up."
            }
            Self::CheckDestinationKey => {
                "S3 gives no reason: if the KMS key of the object there is disabled, enable it (aws kms enable-key). If \
                 another client stored that object under SSE-C, delete it; then redrive."
            }
            Self::UploadWithOtherKey => {
                "The object is encrypted with a customer-provided key (SSE-C) and cannot be backed up. Upload it again with \
                 SSE-S3 or SSE-KMS, or exclude its prefix."
            }
            Self::RestoreCopy => {
                "Set VERIFY_MODE to stored, or restore the copy (aws s3api restore-object) and wait until the restore is \
                 complete. Then redrive."
            }
            Self::CreateTopic => "Create the topic, or correct SNS_TOPIC_ARN. Then redrive.",
            Self::StopOtherClient => {
                "Find the other client that writes this key, for example a second deployment with the same bucket, and \
                 stop it. Then redrive."
            }
            Self::RequestBackup => {
                "A redrive cannot restore the deleted version. If the source version still exists, request a new backup of it."
            }
            Self::CorrectInput => "Send a corrected event. A redrive has the same input and fails again.",
            Self::NotPossible => "S3 cannot copy this object, so that a redrive does not help.",
            Self::ReportAndRedrive => {
                "This is a defect of Holdfast. Please report it with this message; a redrive is safe."
            }
            Self::Report => {
                "This is a defect of Holdfast. Please report it with this message; a redrive does not help."
            }
            Self::ReadLog => {
                "Read the log of the function to find what it waited for or why it ended. A redrive is safe and resumes \
                 the execution in the failed state."
            }
            Self::RaiseConcurrency => {
                "Raise the concurrency quota of Lambda in this account, or wait until other functions need less. Then redrive."
            }
            Self::CheckLambda => {
                "Check the cause, the permissions of the state machine's role and the AWS Health Dashboard. Then redrive."
            }
            Self::Grant { .. }
            | Self::GrantActionOrKey { .. }
            | Self::Allow { .. }
            | Self::AllowDeletion { .. }
            | Self::Restore { .. }
            | Self::CreateBucket { .. }
            | Self::SetVariable { .. }
            | Self::SeparateBuckets { .. } => return None,
        })
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(text) = self.fixed_text() {
            return formatter.write_str(text);
        }
        match self {
            Self::Grant { action, resource } => {
                write!(formatter, "Grant {action} on {resource} to this function's role, then redrive.")
            }
            Self::GrantActionOrKey { action, resource } => write!(
                formatter,
                "Grant {action} on {resource} to this function's role and, if a KMS key encrypts it, kms:Decrypt on that key \
                 (SourceKmsKeyId, KmsKeyId or ReplicaKmsKeyId). Then redrive."
            ),
            Self::Allow { action, resource } => write!(
                formatter,
                "A policy denies {action} on {resource}. Exempt this function's role from that policy, then redrive."
            ),
            Self::AllowDeletion { object } => write!(
                formatter,
                "Grant s3:DeleteObjectVersion on {object} to this function's role, or end the object lock that protects it. \
                 Then redrive."
            ),
            Self::Restore { object } => write!(
                formatter,
                "Restore {object} from its archive class (aws s3api restore-object). When the restore is complete, redrive."
            ),
            Self::CreateBucket { bucket } => write!(
                formatter,
                "Check whether the bucket {bucket} exists, and in which region; if it is missing, create it, then redrive. If \
                 the configuration names the wrong bucket, correct it and request a new backup."
            ),
            Self::SetVariable { variable, expected } => {
                write!(formatter, "Set {variable} to {expected}, deploy, then redrive.")
            }
            Self::SeparateBuckets { variable } => {
                write!(formatter, "Set {variable} to another bucket than the source bucket, deploy, then redrive.")
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
