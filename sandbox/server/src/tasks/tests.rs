#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::{
    lambda::{function_error, invoke_result},
    sns::publish_form,
    *,
};
use sandbox_core::store::Store;
use sandbox_lambda::{Functions, LambdaOptions};

/// A service without functions.
fn tasks(folder: &tempfile::TempDir) -> Tasks {
    let options = LambdaOptions {
        functions: Functions::Binaries { folder: folder.path().to_owned() },
        region: "eu-west-1".to_owned(),
        account: "000000000000".to_owned(),
        endpoint_url: String::new(),
        logs: folder.path().to_owned(),
        time_scale: 0.0,
        keyring: Arc::default(),
        faults: Faults::default(),
    };
    let store = Arc::new(Store::in_memory().unwrap());
    let mut iam = Iam::default();
    let all = json!({ "Statement": [{ "Effect": "Allow", "Action": "*", "Resource": "*" }] });
    iam.add_role("machine", &[all], &[]).unwrap();
    Tasks {
        lambda: Arc::new(Lambda::new(Vec::new(), &options).unwrap()),
        sns: Arc::new(Sns::new(store, folder.path().join("outbox"), "eu-west-1").unwrap()),
        iam: Arc::new(iam),
        s3: S3Calls::new("", "eu-west-1", Arc::default(), Faults::default()),
        faults: Faults::default(),
    }
}

async fn failure_of(role: &str, resource: &str, arguments: Value) -> TaskError {
    let folder = tempfile::tempdir().unwrap();
    let call = TaskCall {
        resource: resource.to_owned(),
        arguments,
        execution_arn: String::new(),
        state: "State".to_owned(),
        role_arn: format!("arn:aws:iam::000000000000:role/{role}"),
    };
    tasks(&folder).run(call).await.unwrap_err()
}

async fn failure(resource: &str, arguments: Value) -> TaskError {
    failure_of("machine", resource, arguments).await
}

/// A cause without the request ID, which differs each time.
fn recorded(cause: &str) -> &str {
    cause.split_once("; Request ID").unwrap().0
}

#[tokio::test]
async fn a_missing_function_has_awss_error() {
    let error = failure("lambda:invoke", json!({ "FunctionName": "missing", "Payload": {} })).await;
    assert_eq!(error.error, "Lambda.ResourceNotFoundException");
    assert_eq!(
        recorded(&error.cause),
        "Function not found: arn:aws:lambda:eu-west-1:000000000000:function:missing:$LATEST (Service: AWSLambda; \
         Status Code: 404; Error Code: ResourceNotFoundException"
    );
    assert!(error.cause.ends_with("; Proxy: null)"), "{}", error.cause);
}

#[tokio::test]
async fn a_call_without_permission_has_awss_error() {
    let error = failure_of("missing", "lambda:invoke", json!({ "FunctionName": "f" })).await;
    assert_eq!(error.error, "Lambda.AWSLambdaException");
    let (caller, sentence) = recorded(&error.cause).split_once(" is not ").unwrap();
    assert!(caller.starts_with("User: arn:aws:sts::000000000000:assumed-role/missing/"), "{caller}");
    assert_eq!(
        sentence,
        "authorized to perform: lambda:InvokeFunction on resource: arn:aws:lambda:eu-west-1:000000000000:function:f \
         because no identity-based policy allows the lambda:InvokeFunction action (Service: AWSLambda; Status Code: \
         403; Error Code: AccessDeniedException"
    );
    let topic = "arn:aws:sns:eu-west-1:000000000000:t";
    let error = failure_of("missing", "sns:publish", json!({ "TopicArn": topic, "Message": "m" })).await;
    assert_eq!(error.error, "SNS.AuthorizationErrorException");
}

#[tokio::test]
async fn an_invocation_without_a_function_names_the_missing_field() {
    let missing = failure("lambda:invoke", json!({ "Payload": {} })).await;
    assert_eq!(missing.cause, "The Arguments of this Task do not have the field FunctionName");
}

#[tokio::test]
async fn a_missing_topic_is_an_sns_error() {
    let topic = "arn:aws:sns:eu-west-1:000000000000:missing";
    let error = failure("sns:publish", json!({ "TopicArn": topic, "Message": { "a": 1 } })).await;
    assert_eq!(error.error, "SNS.NotFoundException");
    assert!(error.cause.contains("(Service: AmazonSNS; Status Code: 404; Error Code: "), "{}", error.cause);
}

#[tokio::test]
async fn an_unsupported_resource_is_named() {
    let error = failure("dynamodb:putItem", json!({})).await;
    assert!(error.cause.contains("arn:aws:states:::dynamodb:putItem"), "{}", error.cause);
}

#[test]
fn the_error_of_a_function_is_its_error_type_with_the_whole_payload_as_cause() {
    let payload = br#"{"errorType":"Source.Denied","errorMessage":"m"}"#;
    let error = function_error(payload);
    assert_eq!((error.error.as_str(), error.cause.as_bytes()), ("Source.Denied", &payload[..]));
    assert_eq!(function_error(b"{}").error, "Lambda.Unknown");
    assert_eq!(function_error(b"not JSON").error, "Lambda.Unknown");
}

#[test]
fn the_result_of_invoke_has_the_fields_that_aws_shows() {
    let result = invoke_result("8e0c9f4e-7a8e-4b55-9d3c-2f1f6f6f1a11", br#"{"a": 1}"#);
    let fields: std::collections::BTreeSet<_> = result.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = ["ExecutedVersion", "Payload", "SdkHttpMetadata", "SdkResponseMetadata", "StatusCode"];
    assert_eq!(fields, expected.into());
    assert_eq!(result["Payload"], json!({ "a": 1 }));
    assert_eq!(result["SdkHttpMetadata"]["HttpHeaders"]["Content-Length"], "8");
    assert_eq!(result["SdkHttpMetadata"]["AllHttpHeaders"]["X-Amz-Executed-Version"], json!(["$LATEST"]));
}

#[test]
fn attributes_of_a_message_become_numbered_fields_of_the_form() {
    let form = publish_form(&json!({
        "TopicArn": "t",
        "Message": { "a": 1 },
        "MessageAttributes": { "status": { "DataType": "String", "StringValue": "OK" } },
    }));
    assert_eq!(form["Message"], r#"{"a":1}"#);
    assert_eq!(form["MessageAttributes.entry.1.Name"], "status");
    assert_eq!(form["MessageAttributes.entry.1.Value.StringValue"], "OK");
}
