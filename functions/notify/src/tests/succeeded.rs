//! The receipt of a proven backup and the message about it.

use holdfast_core::{ErrorName, receipt::Receipt};
use holdfast_s3::testing::{s3_error, single};

use super::*;

pub(super) const RECEIPT: &str = ".holdfast/receipts/src/a b/20261122T095959Z.v1.json";

fn evidence(differences: &Value) -> Value {
    json!({
        "method": "s3Checksum", "algorithm": "CRC64NVME", "source": "AAAAAAAAAAA=", "copy": "AAAAAAAAAAA=",
        "bytesRead": 0, "etagsEqual": true, "tagsCompared": "count", "differences": differences
    })
}

pub(super) fn input() -> Value {
    json!({
        "backup": single(1536),
        "proven": {
            "destination": {"bucket": "dst", "key": "a b", "region": "eu-west-1"},
            "stored": {"versionId": "b1", "etag": "tag"}, "evidence": evidence(&json!([]))
        },
        "execution": {"arn": EXECUTION, "startedAt": "2026-11-22T10:00:01Z"}
    })
}

#[tokio::test]
async fn a_proven_backup_has_a_receipt_and_a_message() {
    let put = mock!(S3::put_object)
        .match_requests(|request| {
            request.bucket() == Some("dst")
                && request.key() == Some(RECEIPT)
                && request.if_none_match() == Some("*")
                && request.content_type() == Some("application/json")
                && serde_json::from_slice::<Receipt>(request.body().bytes().unwrap())
                    .is_ok_and(|receipt| receipt.execution.arn == EXECUTION)
        })
        .then_output(|| PutObjectOutput::builder().build());
    let (sent, publish) = published();
    let notified = notify([&[&put], &[&publish], &[]], &[], input()).await.unwrap();

    assert_eq!(
        serde_json::to_value(&notified).unwrap(),
        json!({
            "receipt": {"bucket": "dst", "key": RECEIPT, "written": true}, "messageId": "m-1"
        })
    );
    let [message] = sent.all().try_into().unwrap();
    assert_eq!(message.topic_arn(), Some(TOPIC));
    assert_eq!(message.subject(), Some("Backed up 1.5 KiB: s3://src/a b"));
    assert_eq!(attributes(&message), ["bucket=src", "sizeClass=small", "status=SUCCEEDED"]);
    let body = message.message().unwrap();
    for words in [
        "s3://src/a b is backed up and proven.",
        "Version:   v1",
        "Size:      1.5 KiB (1,536 bytes)",
        "Backup:    s3://dst/a b (version b1, eu-west-1)",
        "https://eu-west-1.console.aws.amazon.com/s3/object/dst?region=eu-west-1&prefix=a%20b&versionId=b1",
        "s3Checksum: the CRC64NVME that S3 computed from the parts of the copy is that of the source (AAAAAAAAAAA=); no byte was \
         read",
        "from the upload to this receipt",
        "Receipt:   s3://dst/.holdfast/receipts/src/a b/20261122T095959Z.v1.json",
        "#/v2/executions/details/arn:aws:states:eu-west-1",
    ] {
        assert!(body.contains(words), "{words} is missing in:\n{body}");
    }
    assert_eq!(json_of(&message)["receiptVersion"], 1);
}

#[tokio::test]
async fn the_message_names_a_late_backup_and_differences() {
    let mut input = input();
    input["backup"]["placement"] = json!("late");
    for copy in ["/backup/copy", "/proven"] {
        input.pointer_mut(copy).unwrap()["destination"]["key"] = json!(".holdfast/late/a b/v1");
    }
    input["proven"]["evidence"] = evidence(&json!([
        {"name": "tags.team", "expected": "blue", "repaired": true},
        {"name": "storageClass", "expected": "STANDARD", "found": "GLACIER", "repaired": false},
    ]));
    input["replica"] = json!({
        "destination": {"bucket": "rep", "key": "k", "region": "eu-north-1"}, "stored": {"etag": "tag"},
        "evidence": {
            "method": "bothRead", "algorithm": "SHA256", "source": "ab", "copy": "ab", "bytesRead": 3072,
            "etagsEqual": false, "tagsCompared": "values", "differences": []
        }
    });
    let (sent, publish) = published();
    notify([&[&stored()], &[&publish], &[]], &[], input).await.unwrap();
    let [message] = sent.all().try_into().unwrap();
    let body = message.message().unwrap();
    for words in [
        "This is not the newest version of its key, so it is a late backup at s3://dst/.holdfast/late/a b/v1.",
        "lacked attributes, which were added: tags.team",
        "differs from the plan in: storageClass",
        "Replica:   s3://rep/k (eu-north-1)",
        "both objects were read (3.0 KiB) and have the same SHA256 (ab); tags compared by value",
    ] {
        assert!(body.contains(words), "{words} is missing in:\n{body}");
    }
}

#[tokio::test]
async fn with_success_messages_off_the_receipt_is_still_written() {
    for choice in ["failures", "none"] {
        let (put, (sent, publish)) = (stored(), published());
        let environment = [("NOTIFY_ON", choice), ("RECEIPT_BUCKET", "receipts"), ("RECEIPT_PREFIX", "r/")];
        let notified = notify([&[&put], &[&publish], &[]], &environment, input()).await.unwrap();
        assert_eq!((put.num_calls(), sent.all().len(), notified.message_id), (1, 0, None), "{choice}");
        let receipt = notified.receipt.unwrap();
        assert_eq!((receipt.bucket.as_str(), receipt.key.as_str()), ("receipts", "r/src/a b/20261122T095959Z.v1.json"));
    }
}

#[tokio::test]
async fn if_the_receipt_cannot_be_written_nothing_is_published() {
    for (status, code, name, words) in [
        (403, "AccessDenied", ErrorName::DestinationDenied, "Grant s3:PutObject on s3://dst/.holdfast/receipts/"),
        (503, "SlowDown", ErrorName::S3Throttled, "tried again"),
        (500, "InternalError", ErrorName::S3Unavailable, "tried again"),
        (409, "ConditionalRequestConflict", ErrorName::S3Unavailable, "While the receipt was written"),
        (404, "NoSuchBucket", ErrorName::ConfigInvalid, "whether the bucket dst exists"),
        (400, "KMS.DisabledException", ErrorName::KmsDenied, "aws kms enable-key"),
    ] {
        let put = mock!(S3::put_object).then_http_response(move || s3_error(status, code, "no"));
        let (sent, publish) = published();
        let error = notify([&[&put], &[&publish], &[]], &[], input()).await.unwrap_err();
        assert_eq!((error.name(), sent.all().len()), (name, 0), "{status} {code}: {error}");
        assert!(report(&error).contains(words), "{status} {code}: {}", report(&error));
    }
}

#[tokio::test]
async fn a_message_that_cannot_be_published_fails_with_a_name_and_a_remedy() {
    for (status, code, name, words) in [
        (404, "NotFound", ErrorName::TopicNotFound, "SNS_TOPIC_ARN"),
        (403, "AuthorizationError", ErrorName::DestinationDenied, "Grant sns:Publish on arn:aws:sns:"),
        (403, "KMSAccessDenied", ErrorName::KmsDenied, "Grant kms:GenerateDataKey and kms:Decrypt"),
        (400, "InvalidParameter", ErrorName::ConfigInvalid, "topic"),
        (500, "InternalError", ErrorName::SnsUnavailable, "tried again"),
        (429, "Throttled", ErrorName::SnsUnavailable, "tried again"),
    ] {
        let publish = mock!(Sns::publish).then_http_response(move || sns_error(status, code));
        let error = notify([&[&stored()], &[&publish], &[]], &[], input()).await.unwrap_err();
        assert_eq!(error.name(), name, "{status} {code}: {error}");
        assert!(report(&error).contains(words), "{status} {code}: {}", report(&error));
    }
}

/// An error of SNS, which has the form of the query protocol.
fn sns_error(status: u16, code: &str) -> aws_smithy_runtime_api::client::orchestrator::HttpResponse {
    let body = format!(
        "<ErrorResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><Error><Type>Sender</Type>\
         <Code>{code}</Code><Message>no</Message></Error><RequestId>r</RequestId></ErrorResponse>"
    );
    let status = aws_smithy_runtime_api::http::StatusCode::try_from(status).unwrap();
    aws_smithy_runtime_api::client::orchestrator::HttpResponse::new(status, body.into())
}
