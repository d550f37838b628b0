//! A receipt that is there already: who tells people, and when it is replaced.

use aws_sdk_s3::{operation::get_object::GetObjectOutput, primitives::ByteStream};
use aws_sdk_sfn::{
    operation::describe_execution::DescribeExecutionOutput, primitives::DateTime, types::ExecutionStatus,
};
use holdfast_core::{ErrorName, receipt::Receipt};
use holdfast_s3::testing::{self, bare, s3_error};

use super::{
    succeeded::{RECEIPT, input},
    *,
};

const OTHER: &str = "arn:aws:states:eu-west-1:111122223333:execution:holdfast-backup:e-2";

/// The object at the key of the receipt.
fn existing(bytes: Vec<u8>) -> Rule {
    mock!(S3::get_object)
        .match_requests(|request| (request.bucket(), request.key()) == (Some("dst"), Some(RECEIPT)))
        .then_output(move || GetObjectOutput::builder().e_tag("\"old\"").body(ByteStream::from(bytes.clone())).build())
}

/// A receipt by this execution, for this copy.
fn receipt(execution: &str, bucket: &str, version: &str) -> Vec<u8> {
    let mut input = input();
    input["execution"]["arn"] = json!(execution);
    input["proven"]["destination"]["bucket"] = json!(bucket);
    input["proven"]["stored"]["versionId"] = json!(version);
    let receipt = Receipt::new(serde_json::from_value(input).unwrap(), time::OffsetDateTime::UNIX_EPOCH);
    serde_json::to_vec(&receipt).unwrap()
}

/// The existing receipt names the copy of this execution.
fn existing_receipt(execution: &str) -> Rule {
    existing(receipt(execution, "dst", "b1"))
}

/// The first request to write the receipt fails, because a receipt exists.
fn if_absent_fails() -> Rule {
    mock!(S3::put_object)
        .match_requests(|request| request.if_none_match() == Some("*"))
        .then_http_response(|| s3_error(412, "PreconditionFailed", "it is there"))
}

/// The status of an execution.
fn described(arn: &'static str, status: ExecutionStatus) -> Rule {
    mock!(States::describe_execution).match_requests(move |request| request.execution_arn() == Some(arn)).then_output(
        move || {
            let described = DescribeExecutionOutput::builder().execution_arn(arn).state_machine_arn("m");
            described.start_date(DateTime::from_secs(0)).status(status.clone()).build().unwrap()
        },
    )
}

#[tokio::test]
async fn an_existing_receipt_stays_and_at_least_one_execution_reports_the_backup() {
    let unknown = || mock!(States::describe_execution).then_http_response(|| s3_error(400, "AccessDenied", "no"));
    for (writer, described, messages, why) in [
        (
            EXECUTION,
            described(EXECUTION, ExecutionStatus::Running),
            1,
            "its earlier attempt may have failed to publish",
        ),
        (
            EXECUTION,
            described(EXECUTION, ExecutionStatus::Succeeded),
            0,
            "it has published, and is called again after its end",
        ),
        (
            EXECUTION,
            described(EXECUTION, ExecutionStatus::TimedOut),
            1,
            "it is unknown whether it published before its end",
        ),
        (EXECUTION, unknown(), 1, "its status is unknown"),
        (OTHER, described(OTHER, ExecutionStatus::Running), 0, "the other execution will publish"),
        (OTHER, described(OTHER, ExecutionStatus::Succeeded), 0, "the other execution has published"),
        (OTHER, described(OTHER, ExecutionStatus::Failed), 1, "the other execution reported a failure"),
        (OTHER, described(OTHER, ExecutionStatus::Aborted), 1, "the other execution reported that it was stopped"),
        (OTHER, unknown(), 1, "the status of the other execution is unknown"),
    ] {
        let (sent, publish) = published();
        let rules = [&if_absent_fails(), &existing_receipt(writer)];
        let notified = notify([&rules, &[&publish], &[&described]], &[], input()).await.unwrap();
        assert!(!notified.receipt.unwrap().written);
        assert_eq!((sent.all().len(), notified.message_id.is_some()), (messages, messages == 1), "{why}");
    }
}

/// HeadObject of the copy that the receipt names: its ETag, or none if the copy is gone.
fn named_copy(version: &'static str, etag: Option<&'static str>) -> Rule {
    let rule = mock!(S3::head_object).match_requests(move |request| {
        (request.bucket(), request.key(), request.version_id()) == (Some("dst"), Some("a b"), Some(version))
    });
    match etag {
        Some(etag) => rule.then_output(move || testing::head_object().version_id(version).e_tag(etag).build()),
        None => rule.then_http_response(|| bare(404)),
    }
}

/// The second request, which replaces the receipt that was read.
fn replaced() -> Rule {
    mock!(S3::put_object)
        .match_requests(|request| request.if_match() == Some("\"old\"") && request.if_none_match().is_none())
        .then_output(|| PutObjectOutput::builder().build())
}

#[tokio::test]
async fn a_receipt_is_replaced_if_its_copy_is_gone() {
    let other = |bucket: &str| receipt(OTHER, bucket, "b0");
    for (bytes, copy, is_replaced, why) in [
        (other("dst"), named_copy("b0", None), true, "the copy was deleted"),
        (other("dst"), named_copy("b0", Some("\"tag\"")), false, "the copy exists, and one receipt is enough"),
        (other("dst"), named_copy("b0", Some("\"another\"")), true, "another object is there"),
        (other("before"), named_copy("b0", None), true, "the stack has another backup bucket now"),
        (b"not a receipt".to_vec(), named_copy("b0", None), true, "it names nothing"),
    ] {
        let (put, states) = (replaced(), described(OTHER, ExecutionStatus::Succeeded));
        let (sent, publish) = published();
        let rules = [&if_absent_fails(), &put, &existing(bytes), &copy];
        let notified = notify([&rules, &[&publish], &[&states]], &[], input()).await.unwrap();
        assert_eq!(notified.receipt.unwrap().written, is_replaced, "{why}");
        assert_eq!((put.num_calls(), sent.all().len()), (usize::from(is_replaced), usize::from(is_replaced)), "{why}");
    }
}

#[tokio::test]
async fn if_the_existing_receipt_cannot_be_read_nothing_is_published() {
    let outdated = || existing(receipt(OTHER, "dst", "b0"));
    let lost = || mock!(S3::put_object).then_http_response(|| s3_error(412, "PreconditionFailed", "replaced"));
    let unreadable = |status, code| mock!(S3::get_object).then_http_response(move || s3_error(status, code, "no"));
    let forbidden = || mock!(S3::head_object).then_http_response(|| bare(403));
    for (rules, name, words) in [
        (
            vec![if_absent_fails(), unreadable(403, "AccessDenied")],
            ErrorName::DestinationDenied,
            "Grant s3:GetObject on s3://dst/.hold",
        ),
        (
            vec![if_absent_fails(), unreadable(404, "NoSuchKey")],
            ErrorName::S3Unavailable,
            "replaced or removed the receipt s3://dst/.hold",
        ),
        (vec![if_absent_fails(), unreadable(503, "SlowDown")], ErrorName::S3Throttled, "tried again"),
        (vec![if_absent_fails(), outdated(), forbidden()], ErrorName::DestinationDenied, "s3://dst/a b (version b0)"),
        (
            vec![lost(), outdated(), named_copy("b0", None)],
            ErrorName::S3Unavailable,
            "replaced or removed the receipt s3://dst/.hold",
        ),
    ] {
        let (sent, publish) = published();
        let rules: Vec<_> = rules.iter().collect();
        let error = notify([&rules, &[&publish], &[]], &[], input()).await.unwrap_err();
        assert_eq!((error.name(), sent.all().len()), (name, 0), "{error}");
        assert!(report(&error).contains(words), "{}", report(&error));
    }
}
