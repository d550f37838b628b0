//! How an upload was proven: from the answer of its execution to the receipt, and to the words for it.

use aws_sdk_s3::Client;
use holdfast_core::{
    contract::{Evidence, Notified, Plan, ProofMethod, ReceiptRef},
    receipt::Receipt,
};
use serde_json::Value;

use crate::{aws::AwsError, text};

/// What an execution that succeeded came to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Conclusion {
    /// A backup with a receipt.
    Proven(ReceiptRef),
    /// Nothing had to be done, and why.
    Skipped(String),
    /// Something that this program does not know.
    Unknown,
}

impl Conclusion {
    /// Reads an execution's output.
    pub(crate) fn of(output: Option<&Value>) -> Self {
        let Some(output) = output else { return Self::Unknown };
        if let Ok(Notified { receipt: Some(receipt), .. }) = serde_json::from_value(output.clone()) {
            return Self::Proven(receipt);
        }
        match serde_json::from_value(output.clone()) {
            Ok(Plan::Skip { message, .. }) => Self::Skipped(message),
            _ => Self::Unknown,
        }
    }
}

/// Reads a receipt.
pub(crate) async fn receipt(s3: &Client, place: &ReceiptRef) -> Result<Receipt, AwsError> {
    let wanted = || format!("the receipt s3://{}/{} cannot be read", place.bucket, place.key);
    let request = s3.get_object().bucket(place.bucket.as_str()).key(place.key.as_str());
    let answer = request.send().await.map_err(|error| AwsError::new(wanted(), error.into_service_error()))?;
    let bytes = answer.body.collect().await.map_err(|error| AwsError::other(wanted(), error))?;
    serde_json::from_slice(&bytes.into_bytes()).map_err(|error| AwsError::other(wanted(), error))
}

/// How the copies of a receipt were proven, for example `stored CRC64NVME (backup, replica)`.
pub(crate) fn words(receipt: &Receipt) -> String {
    let backup = method(&receipt.backup.evidence);
    let Some(replica) = receipt.replica.as_ref().map(|replica| method(&replica.evidence)) else {
        return format!("{backup} (backup)");
    };
    if backup == replica {
        format!("{backup} (backup, replica)")
    } else {
        format!("{backup} (backup), {replica} (replica)")
    }
}

/// How one copy was proven.
pub(crate) fn method(evidence: &Evidence) -> String {
    let algorithm = serde_json::to_value(evidence.algorithm).ok();
    let algorithm = algorithm.as_ref().and_then(Value::as_str).unwrap_or_default();
    let read = text::size(evidence.bytes_read);
    match evidence.method {
        ProofMethod::StoredChecksums => format!("stored {algorithm}"),
        ProofMethod::SourceStreamed => format!("{algorithm}, {read} of the source read"),
        ProofMethod::BothStreamed => format!("{algorithm}, {read} of both sides read"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_output_is_a_receipt_or_a_reason_to_skip_or_unknown() {
        let notified = json!({"receipt": {"bucket": "backup", "key": "r/k.json", "written": true}, "messageId": "m"});
        let Conclusion::Proven(place) = Conclusion::of(Some(&notified)) else { panic!("{notified} has a receipt") };
        assert_eq!((place.bucket.as_str(), place.key.as_str()), ("backup", "r/k.json"));

        let skip = json!({"decision": "skip", "reason": "alreadyBackedUp", "message": "it stands already"});
        assert_eq!(Conclusion::of(Some(&skip)), Conclusion::Skipped("it stands already".to_owned()));

        for unknown in [json!({}), json!({"receipt": null}), json!("x")] {
            assert_eq!(Conclusion::of(Some(&unknown)), Conclusion::Unknown, "{unknown}");
        }
        assert_eq!(Conclusion::of(None), Conclusion::Unknown);
    }

    #[test]
    fn the_words_for_a_proof_say_what_was_read() -> Result<(), serde_json::Error> {
        let evidence = |method: &str, algorithm: &str, bytes_read: u64| {
            serde_json::from_value::<Evidence>(json!({
                "method": method, "algorithm": algorithm, "source": "a", "copy": "a", "bytesRead": bytes_read,
                "etagsEqual": true, "tagsCompared": "count", "differences": []
            }))
        };
        for (evidence, expected) in [
            (evidence("storedChecksums", "CRC64NVME", 0)?, "stored CRC64NVME"),
            (evidence("sourceStreamed", "CRC64NVME", 2048)?, "CRC64NVME, 2.0 KiB of the source read"),
            (evidence("bothStreamed", "SHA256", 10)?, "SHA256, 10 B of both sides read"),
        ] {
            assert_eq!(method(&evidence), expected);
        }
        Ok(())
    }
}
