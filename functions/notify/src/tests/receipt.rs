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

/// What lies where the receipt is to go.
fn lies(bytes: Vec<u8>) -> Rule {
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

/// The receipt that is there names the copy of this execution, and was written by this one.
fn standing(execution: &str) -> Rule {
    lies(receipt(execution, "dst", "b1"))
}

/// The first try to write the receipt: there is one already.
fn refused() -> Rule {
    mock!(S3::put_object)
        .match_requests(|request| request.if_none_match() == Some("*"))
        .then_http_response(|| s3_error(412, "PreconditionFailed", "it is there"))
}

/// How an execution has ended, or that it runs.
fn has(arn: &'static str, status: ExecutionStatus) -> Rule {
    mock!(States::describe_execution).match_requests(move |request| request.execution_arn() == Some(arn)).then_output(
        move || {
            let described = DescribeExecutionOutput::builder().execution_arn(arn).state_machine_arn("m");
            described.start_date(DateTime::from_secs(0)).status(status.clone()).build().unwrap()
        },
    )
}

#[tokio::test]
async fn a_receipt_that_is_there_already_stays_and_one_execution_tells_people_at_least() {
    let unknown = || mock!(States::describe_execution).then_http_response(|| s3_error(400, "AccessDenied", "no"));
    for (writer, described, messages, why) in [
        (EXECUTION, has(EXECUTION, ExecutionStatus::Running), 1, "its earlier try may have failed to publish"),
        (
            EXECUTION,
            has(EXECUTION, ExecutionStatus::Succeeded),
            0,
            "it has told, and is called once more after its end",
        ),
        (EXECUTION, has(EXECUTION, ExecutionStatus::TimedOut), 1, "nobody knows whether it has told before its end"),
        (EXECUTION, unknown(), 1, "nobody knows how far it is"),
        (OTHER, has(OTHER, ExecutionStatus::Running), 0, "the other one is about to tell"),
        (OTHER, has(OTHER, ExecutionStatus::Succeeded), 0, "the other one has told"),
        (OTHER, has(OTHER, ExecutionStatus::Failed), 1, "the other one told of a failure"),
        (OTHER, has(OTHER, ExecutionStatus::Aborted), 1, "the other one told that it was stopped"),
        (OTHER, unknown(), 1, "nobody knows how the other one ended"),
    ] {
        let (sent, publish) = published();
        let rules = [&refused(), &standing(writer)];
        let notified = tell([&rules, &[&publish], &[&described]], &[], input()).await.unwrap();
        assert!(!notified.receipt.unwrap().written);
        assert_eq!((sent.all().len(), notified.message_id.is_some()), (messages, messages == 1), "{why}");
    }
}

/// HeadObject of the copy that the receipt names, if it stands.
fn named(version: &'static str, stands: Option<&'static str>) -> Rule {
    let rule = mock!(S3::head_object).match_requests(move |request| {
        (request.bucket(), request.key(), request.version_id()) == (Some("dst"), Some("a b"), Some(version))
    });
    match stands {
        Some(etag) => rule.then_output(move || testing::head_object().version_id(version).e_tag(etag).build()),
        None => rule.then_http_response(|| bare(404)),
    }
}

/// The second try, which takes the place of the receipt that was read.
fn replaced() -> Rule {
    mock!(S3::put_object)
        .match_requests(|request| request.if_match() == Some("\"old\"") && request.if_none_match().is_none())
        .then_output(|| PutObjectOutput::builder().build())
}

#[tokio::test]
async fn a_receipt_is_replaced_and_the_backup_told_where_what_it_names_is_gone() {
    let other = |bucket: &str| receipt(OTHER, bucket, "b0");
    for (there, copy, is_replaced, why) in [
        (other("dst"), named("b0", None), true, "somebody deleted the copy"),
        (other("dst"), named("b0", Some("\"tag\"")), false, "it stands, and one receipt is enough"),
        (other("dst"), named("b0", Some("\"another\"")), true, "something else stands there"),
        (other("before"), named("b0", None), true, "the backups have another bucket by now"),
        (b"no receipt".to_vec(), named("b0", None), true, "it names nothing"),
    ] {
        let (put, states) = (replaced(), has(OTHER, ExecutionStatus::Succeeded));
        let (sent, publish) = published();
        let rules = [&refused(), &put, &lies(there), &copy];
        let notified = tell([&rules, &[&publish], &[&states]], &[], input()).await.unwrap();
        assert_eq!(notified.receipt.unwrap().written, is_replaced, "{why}");
        assert_eq!((put.num_calls(), sent.all().len()), (usize::from(is_replaced), usize::from(is_replaced)), "{why}");
    }
}

#[tokio::test]
async fn a_receipt_that_cannot_be_judged_fails_by_name_and_nothing_is_published() {
    let stale = || lies(receipt(OTHER, "dst", "b0"));
    let lost = || mock!(S3::put_object).then_http_response(|| s3_error(412, "PreconditionFailed", "replaced"));
    let unread = |status, code| mock!(S3::get_object).then_http_response(move || s3_error(status, code, "no"));
    let unseen = || mock!(S3::head_object).then_http_response(|| bare(403));
    for (rules, name, words) in [
        (
            vec![refused(), unread(403, "AccessDenied")],
            ErrorName::DestinationDenied,
            "Grant s3:GetObject on s3://dst/.hold",
        ),
        (vec![refused(), unread(404, "NoSuchKey")], ErrorName::S3Unavailable, "removed meanwhile"),
        (vec![refused(), unread(503, "SlowDown")], ErrorName::S3Throttled, "tried again"),
        (vec![refused(), stale(), unseen()], ErrorName::DestinationDenied, "s3://dst/a b (version b0)"),
        (vec![lost(), stale(), named("b0", None)], ErrorName::S3Unavailable, "replaced or removed meanwhile"),
    ] {
        let (sent, publish) = published();
        let rules: Vec<_> = rules.iter().collect();
        let refusal = tell([&rules, &[&publish], &[]], &[], input()).await.unwrap_err();
        assert_eq!((refusal.name(), sent.all().len()), (name, 0), "{refusal}");
        assert!(refusal.to_string().contains(words), "{refusal}");
    }
}
