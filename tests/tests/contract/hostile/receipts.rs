//! Invalid receipts.

use holdfast_core::{contract::NotifyInput, event::decode, payload::Payload, receipt::Receipt};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{case::change_at, payloads::TOO_LARGE, valid_payloads};

fn receipt() -> Value {
    let input = NotifyInput::read(&valid_payloads()["Notify"]).unwrap();
    serde_json::to_value(Receipt::new(input, OffsetDateTime::UNIX_EPOCH)).unwrap()
}

#[test]
fn an_invalid_receipt_is_rejected_with_the_path() {
    assert!(decode::<Receipt>(&receipt()).is_ok());
    for (description, pointer, change, path) in [
        ("a receipt without a version", "/receiptVersion", None, "."),
        ("a negative version", "/receiptVersion", Some(json!(-1)), "receiptVersion"),
        ("a source without a key", "/source/key", None, "source"),
        ("a source that is too large", "/source/size", Some(json!(TOO_LARGE)), "source.size"),
        ("an empty bucket of the backup", "/backup/destination/bucket", Some(json!("")), "backup.destination.bucket"),
        ("an unknown method of proof", "/backup/evidence/method", Some(json!("unknown")), "backup.evidence.method"),
        ("a digest cut short", "/slices/0/sha256", Some(json!("ab")), "slices[0].sha256"),
        ("a stamp that is not a number", "/stamp/sequencer", Some(json!("x")), "stamp.sequencer"),
        ("an invalid execution", "/execution/arn", Some(json!("arn")), "execution.arn"),
        ("an invalid time", "/completedAt", Some(json!("never")), "completedAt"),
        ("a lag that is too large", "/lagMs", Some(json!(u64::MAX)), "lagMs"),
    ] {
        let mut receipt = receipt();
        change_at(&mut receipt, pointer, change.as_ref());
        let path_of_error = decode::<Receipt>(&receipt).err().map(|error| error.path);
        assert_eq!(path_of_error.as_deref(), Some(path), "{description}");
    }
}
