//! What passes between the states of `statemachine/backup.asl.json` and the six functions: one type for each payload,
//! camelCase, unknown fields refused.
//!
//! | state | function | input | output |
//! |---|---|---|---|
//! | Validate | validate | [`ValidateInput`] | [`Plan`] |
//! | CopyObject | copy-part | [`CopyInput`] without a slice | [`Stored`] |
//! | CopySlice, CopyReplicaSlice | copy-part | [`CopyInput`] with a slice | [`SliceResult`] |
//! | DigestSlice, DigestReplicaSlice | checksum-verify | [`VerifyInput::Digest`] | [`SliceResult`] |
//! | CompleteUpload, CompleteReplica | complete-multipart | [`CompleteInput`] | [`Stored`] |
//! | VerifyBackup, VerifyReplica | checksum-verify | [`VerifyInput::Object`] | [`Verification`] |
//! | Replicate | cross-region-replicate | [`ReplicateInput`] | [`ReplicaPlan`] |
//! | Notify | notify | [`NotifyInput`] | [`Notified`] |

mod checks;
mod notify;
mod plan;
mod replica;
mod slices;
mod transfer;
mod verify;

pub use self::{
    notify::{ExecutionRef, Notified, NotifyInput, ReceiptRef},
    plan::{Plan, Replan, SkipReason, ValidateInput},
    replica::{ReplicaPlan, ReplicaTarget, ReplicateInput},
    slices::{CompleteInput, CopyInput, CopyOutput, DigestProgress, SliceDigest, SliceResult},
    transfer::{Destination, Method, MultipartUpload, Placement, Precondition, Source, StampPlace, Stored, Transfer},
    verify::{Algorithm, Evidence, ProofMethod, Proven, TagComparison, Verification, VerifyInput, VerifyProgress},
};
pub use crate::layout::Slice;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{event::decode, names::ETag};

    #[test]
    fn an_unknown_field_is_refused_with_its_path() {
        let slice = json!({"index": 0, "done": true, "bytes": 1, "digest": {"crc64nvme": "AAAAAAAAAAA=", "sha1": ""}});
        let error = decode::<SliceResult>(&slice).err();
        assert_eq!(error.map(|error| error.path), Some("digest.sha1".to_owned()));
    }

    #[test]
    fn preconditions_and_decisions_read_as_people_would_write_them() -> Result<(), Box<dyn std::error::Error>> {
        assert_eq!(serde_json::to_value(Precondition::IfAbsent)?, json!("ifAbsent"));
        assert_eq!(serde_json::to_value(Precondition::IfMatch(ETag::new("e")?))?, json!({"ifMatch": "e"}));
        let skip = Plan::Skip { reason: SkipReason::SourceGone, message: "gone".to_owned() };
        assert_eq!(serde_json::to_value(skip)?, json!({"decision": "skip", "reason": "sourceGone", "message": "gone"}));
        Ok(())
    }
}
