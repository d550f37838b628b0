//! Invalid events: of uploads, and of ended executions.

use serde_json::{Value, json};

use super::{
    Functions,
    case::{Case, change_at, rows},
    failure_event, valid_payloads,
};

fn upload_cases() -> impl Iterator<Item = Case> {
    let long = |unit: &str, times| Some(json!(unit.repeat(times)));
    let envelope = [
        ("an event that is text", "/event", Some(json!("Object Created")), "."),
        ("an event that is null", "/event", Some(json!(null)), "."),
        ("a list of events", "/event", Some(json!([{}])), "."),
        ("an event without a detail-type", "/event/detail-type", None, "detail-type"),
        ("a detail-type that is null", "/event/detail-type", Some(json!(null)), "detail-type"),
        ("a detail-type that is a list", "/event/detail-type", Some(json!(["Object Created"])), "detail-type"),
        ("a deletion", "/event/detail-type", Some(json!("Object Deleted")), "detail-type"),
        ("a detail-type in lower case", "/event/detail-type", Some(json!("object created")), "detail-type"),
        ("an upload event from another source", "/event/source", Some(json!("com.example")), "source"),
        ("an empty source", "/event/source", Some(json!("")), "source"),
        ("no id", "/event/id", None, "id"),
        ("an empty id", "/event/id", Some(json!("")), "id"),
        ("an id with a line break", "/event/id", Some(json!("a\nb")), "id"),
        ("an id of 2,000 characters", "/event/id", long("i", 2000), "id"),
        ("an id that is a number", "/event/id", Some(json!(7)), "id"),
        ("no region", "/event/region", None, "region"),
        ("a region with a host of its own", "/event/region", Some(json!("eu-west-1.example.com")), "region"),
        ("a region with a path", "/event/region", Some(json!("eu-west-1/x")), "region"),
        ("a region with a user and a port", "/event/region", Some(json!("me@host:80")), "region"),
        ("a region in capitals", "/event/region", Some(json!("EU-WEST-1")), "region"),
        ("a region with a space", "/event/region", Some(json!("eu west 1")), "region"),
        ("a region that ends in a hyphen", "/event/region", Some(json!("eu-west-")), "region"),
        ("a region of 64 characters", "/event/region", long("a", 64), "region"),
        ("no time", "/event/time", None, "time"),
        ("a time without a zone", "/event/time", Some(json!("2026-11-22T10:00:00")), "time"),
        ("a month of 13", "/event/time", Some(json!("2026-13-01T00:00:00Z")), "time"),
        ("a year of six digits", "/event/time", Some(json!("+99999-01-01T00:00:00Z")), "time"),
        ("no detail", "/event/detail", None, "."),
        ("a detail that is text", "/event/detail", Some(json!("{}")), "detail"),
    ];
    let bucket = [
        ("no bucket", "/event/detail/bucket", None, "detail"),
        ("a bucket that is text", "/event/detail/bucket", Some(json!("holdfast-source")), "detail.bucket"),
        ("no name of a bucket", "/event/detail/bucket/name", None, "detail.bucket"),
        ("an empty name of a bucket", "/event/detail/bucket/name", Some(json!("")), "detail.bucket.name"),
        ("a bucket with a path", "/event/detail/bucket/name", Some(json!("source/../other")), "detail.bucket.name"),
        ("a bucket that is an ARN", "/event/detail/bucket/name", Some(json!("arn:aws:s3:::b")), "detail.bucket.name"),
        ("a bucket with a line break", "/event/detail/bucket/name", Some(json!("source\r\n")), "detail.bucket.name"),
        ("a bucket of a megabyte", "/event/detail/bucket/name", long("b", 1 << 20), "detail.bucket.name"),
        (
            "a bucket with a full-width letter",
            "/event/detail/bucket/name",
            Some(json!("ｓource")),
            "detail.bucket.name",
        ),
        ("two dots in a bucket", "/event/detail/bucket/name", Some(json!("a..b")), "detail.bucket.name"),
    ];
    let object = [
        ("no key", "/event/detail/object/key", None, "detail.object"),
        ("an empty key", "/event/detail/object/key", Some(json!("")), "detail.object.key"),
        ("a key that is null", "/event/detail/object/key", Some(json!(null)), "detail.object.key"),
        ("a key that is a list", "/event/detail/object/key", Some(json!(["a", "b"])), "detail.object.key"),
        ("a key of 1,025 bytes", "/event/detail/object/key", long("k", 1025), "detail.object.key"),
        ("a key of 513 letters of two bytes", "/event/detail/object/key", long("é", 513), "detail.object.key"),
        ("an empty version", "/event/detail/object/version-id", Some(json!("")), "detail.object.version-id"),
        ("a version with a NUL", "/event/detail/object/version-id", Some(json!("v\0")), "detail.object.version-id"),
        ("a version with a space", "/event/detail/object/version-id", Some(json!("v 1")), "detail.object.version-id"),
        ("a version of 1,025 bytes", "/event/detail/object/version-id", long("v", 1025), "detail.object.version-id"),
        ("a version that is false", "/event/detail/object/version-id", Some(json!(false)), "detail.object.version-id"),
        ("no entity tag", "/event/detail/object/etag", None, "detail.object.etag"),
        (
            "an entity tag with nothing in its quotes",
            "/event/detail/object/etag",
            Some(json!("\"\"")),
            "detail.object.etag",
        ),
        ("half a quote", "/event/detail/object/etag", Some(json!("\"abc")), "detail.object.etag"),
        ("a weak entity tag", "/event/detail/object/etag", Some(json!("W/\"abc\"")), "detail.object.etag"),
        ("a second header in a tag", "/event/detail/object/etag", Some(json!("a\r\nx-amz: 1")), "detail.object.etag"),
        ("no sequencer", "/event/detail/object/sequencer", None, "detail.object.sequencer"),
        ("an empty sequencer", "/event/detail/object/sequencer", Some(json!("")), "detail.object.sequencer"),
        ("a decimal sequencer", "/event/detail/object/sequencer", Some(json!(55)), "detail.object.sequencer"),
        ("a sequencer with 0x", "/event/detail/object/sequencer", Some(json!("0x55")), "detail.object.sequencer"),
        ("a negative sequencer", "/event/detail/object/sequencer", Some(json!("-55")), "detail.object.sequencer"),
        ("a sequencer of 1,025 digits", "/event/detail/object/sequencer", long("A", 1025), "detail.object.sequencer"),
        ("a later version of the event", "/event/detail/version", Some(json!("1.0")), "detail.version"),
        ("an empty version of the event", "/event/detail/version", Some(json!("")), "detail.version"),
    ];
    rows("Validate", envelope).chain(rows("Validate", bucket)).chain(rows("Validate", object))
}

fn failure_cases() -> impl Iterator<Item = Case> {
    let arn = |text: &str| Some(json!(text));
    rows(
        "Notify",
        [
            (
                "a detail-type that notify does not support",
                "/detail-type",
                Some(json!("Object Created")),
                "detail-type",
            ),
            ("an ended execution from another source", "/source", Some(json!("com.example")), "source"),
            ("an ended execution without detail", "/detail", None, "."),
            ("no execution", "/detail/executionArn", None, "detail"),
            ("an empty execution", "/detail/executionArn", arn(""), "detail.executionArn"),
            (
                "a command instead of an execution",
                "/detail/executionArn",
                arn("arn:aws:states:eu-west-1:1:execution:m:n; rm -rf ~"),
                "detail.executionArn",
            ),
            (
                "a state machine instead of an execution",
                "/detail/executionArn",
                arn("arn:aws:states:eu-west-1:1:stateMachine:m"),
                "detail.executionArn",
            ),
            (
                "an execution of another service",
                "/detail/executionArn",
                arn("arn:aws:glue:eu-west-1:1:execution:m:n"),
                "detail.executionArn",
            ),
            (
                "an execution on two lines",
                "/detail/executionArn",
                arn("arn:aws:states:eu-west-1:1:execution:m:n\nTo: all"),
                "detail.executionArn",
            ),
            ("a running execution", "/detail/status", Some(json!("RUNNING")), "detail.status"),
            ("a successful execution", "/detail/status", Some(json!("SUCCEEDED")), "detail.status"),
            ("a status in lower case", "/detail/status", Some(json!("failed")), "detail.status"),
            ("a start in words", "/detail/startDate", Some(json!("yesterday")), "detail.startDate"),
            ("a start that is too large", "/detail/startDate", Some(json!(u64::MAX)), "detail.startDate"),
            ("a stop in fractions", "/detail/stopDate", Some(json!(0.5)), "detail.stopDate"),
            ("an input that is not text", "/detail/input", Some(json!({})), "detail.input"),
        ],
    )
}

/// Every invalid event, with the valid event that it changes.
pub(super) fn cases() -> Vec<(Case, Value)> {
    let upload = valid_payloads().remove("Validate").unwrap();
    let with_base = |base: Value| move |case: Case| (case, base.clone());
    upload_cases().map(with_base(upload)).chain(failure_cases().map(with_base(failure_event()))).collect()
}

#[tokio::test]
async fn a_backup_request_is_validated_like_an_s3_event() {
    let functions = Functions::new().await;
    for (case, mut payload) in cases().into_iter().filter(|(case, _)| case.state == "Validate") {
        // These fields are optional in a request.
        let is_optional =
            case.change.is_none() && matches!(case.path, "detail.object.etag" | "detail.object.sequencer");
        if is_optional || case.pointer.starts_with("/event/detail-type") || case.path == "source" || case.path == "." {
            continue;
        }
        change_at(&mut payload, "/event/detail-type", Some(&json!("Backup Requested")));
        case.apply(&mut payload);
        let outcome = functions.check_rejection(case.state, payload.to_string().as_bytes(), case.path).await;

        assert_eq!(outcome, Ok(()), "{}", case.description);
    }
}

#[tokio::test]
async fn keys_that_look_like_paths_queries_or_commands_are_valid() {
    let functions = Functions::new().await;
    let mut payload = valid_payloads().remove("Validate").unwrap();

    payload.as_object_mut().unwrap().remove("replan");

    for key in ["../up", "..", ".", "a/../../b", "?versionId=x", "$(reboot)", "a\0b", "\u{feff}", "\u{202e}gpj", "null"]
    {
        payload["event"]["detail"]["object"]["key"] = json!(key);
        let report = functions.invoke("Validate", payload.to_string().as_bytes()).await.unwrap_err();
        assert_eq!(report.error_type, holdfast_core::ErrorName::S3Unavailable, "{key:?}: {report:?}");
    }
}
