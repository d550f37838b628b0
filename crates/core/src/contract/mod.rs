//! The payloads between the states of `statemachine/backup.asl.json` and the six functions: one type for each payload,
//! in camelCase. An older or a newer version of a function may have written a payload. So unknown fields are ignored,
//! and new fields have defaults.
//!
//! | state | function | input | output |
//! |---|---|---|---|
//! | Validate | validate | [`ValidateInput`] | [`Plan`] |
//! | CopyObject | copy-part | [`CopyInput`] without a slice | [`Stored`] |
//! | CopySlice, CopyReplicaSlice | copy-part | [`CopyInput`] with a slice | [`SliceResult`] |
//! | DigestSlice, DigestReplicaSlice | checksum-verify | [`VerifyInput::Digest`] | [`SliceResult`] |
//! | CompleteUpload, CompleteReplica | complete-multipart | [`CompleteInput`] | [`Stored`] |
//! | VerifyBackup, VerifyReplica | checksum-verify | [`VerifyInput::Backup`] | [`Verification`] |
//! | Replicate | cross-region-replicate | [`ReplicateInput`] | [`ReplicaPlan`] |
//! | Notify | notify | [`NotifyInput`] | [`Notified`] |

mod checks;
mod copy;
mod notify;
mod plan;
mod replica;
mod slices;
mod verify;

pub use self::{
    copy::{Backup, Copy, Destination, Method, MultipartUpload, Precondition, Source, Stored},
    notify::{ExecutionRef, Notified, NotifyInput, ReceiptRef},
    plan::{Plan, Replan, SkipReason, ValidateInput},
    replica::{ReplicaPlan, ReplicaTarget, ReplicateInput},
    slices::{CompleteInput, CopyInput, CopyOutput, DigestProgress, SliceDigest, SliceResult},
    verify::{Evidence, ProofMethod, ProvenCopy, TagComparison, Verification, VerifyInput, VerifyProgress},
};
pub use crate::{layout::Slice, order::Placement, source_checksum::Algorithm};

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{event::decode, names::ETag};

    #[test]
    fn an_unknown_field_is_ignored_and_a_malformed_one_is_refused_with_its_path() {
        let slice = |crc: &str| {
            json!({
                "index": 0, "done": true, "bytes": 1, "new": {},
                "digest": {"crc64nvme": crc, "sha256": "0".repeat(64), "sha1": ""}
            })
        };
        assert!(decode::<SliceResult>(&slice("AAAAAAAAAAA=")).is_ok());
        let error = decode::<SliceResult>(&slice("AAAA")).err();
        assert_eq!(error.map(|error| error.path), Some("digest.crc64nvme".to_owned()));
    }

    #[test]
    fn preconditions_and_decisions_have_readable_json() -> Result<(), Box<dyn std::error::Error>> {
        assert_eq!(serde_json::to_value(Precondition::IfAbsent)?, json!("ifAbsent"));
        assert_eq!(serde_json::to_value(Precondition::IfMatch(ETag::new("e")?))?, json!({"ifMatch": "e"}));
        let skip = Plan::Skip { reason: SkipReason::SourceGone, message: "gone".to_owned() };
        assert_eq!(serde_json::to_value(skip)?, json!({"decision": "skip", "reason": "sourceGone", "message": "gone"}));
        Ok(())
    }
}
