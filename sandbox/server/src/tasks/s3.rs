//! `aws-sdk:s3`: the calls to S3 that the state machine makes, with the machine's role and over the wire as for any
//! other caller. Source: Step Functions Developer Guide, "Using AWS SDK service integrations"
//! (`supported-services-awssdk.html`): fields are in Pascal case, and errors are those of the SDK for Java.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use aws_sdk_s3::{
    Client,
    config::{BehaviorVersion, Credentials, Region, retry::RetryConfig},
    error::{ProvideErrorMetadata, SdkError},
    operation::RequestId,
    primitives::ByteStream,
    types::StorageClass,
};
use serde_json::{Map, Value, json};

use sandbox_core::{
    faults::Faults,
    identity::Keyring,
    keys,
    ports::{TaskCall, TaskError},
};

/// The errors of these calls for which the SDK for Java has an exception.
const EXCEPTIONS: [&str; 4] = ["NoSuchKey", "NoSuchBucket", "InvalidObjectState", "InvalidRequest"];

/// The supported calls.
pub(super) const CALLS: &str =
    "listObjectsV2, getObject, headObject, putObject, copyObject and deleteObject of aws-sdk:s3";

/// The caller: a role, and the state that uses it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Caller {
    role_arn: String,
    state: String,
}

/// Clients of this sandbox's S3. Each caller has its own, so that a call can be attributed to its state.
pub(crate) struct S3Calls {
    endpoint_url: String,
    region: String,
    keyring: Arc<Keyring>,
    faults: Faults,
    clients: Mutex<BTreeMap<Caller, Client>>,
}

impl S3Calls {
    pub(crate) fn new(endpoint_url: &str, region: &str, keyring: Arc<Keyring>, faults: Faults) -> Self {
        Self {
            endpoint_url: endpoint_url.to_owned(),
            region: region.to_owned(),
            keyring,
            faults,
            clients: Mutex::default(),
        }
    }

    fn client(&self, call: &TaskCall) -> Client {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let caller = Caller { role_arn: call.role_arn.clone(), state: call.state.clone() };
        let client = clients.entry(caller).or_insert_with(|| {
            let identity = keys::assumed_role(&call.role_arn, &uuid::Uuid::new_v4().simple().to_string());
            self.faults.attribute_to_state(&identity.access_key_id, &call.state);
            self.keyring.add(identity.clone());
            let (id, secret) = (identity.access_key_id, identity.secret_access_key);
            let config = aws_sdk_s3::Config::builder()
                .behavior_version(BehaviorVersion::latest())
                .region(Region::new(self.region.clone()))
                .endpoint_url(&self.endpoint_url)
                .force_path_style(true)
                .credentials_provider(Credentials::new(id, secret, None, None, "sandbox"))
                // The machine's own Retry handles repetitions.
                .retry_config(RetryConfig::disabled())
                .http_client(aws_smithy_http_client::Builder::new().build_http())
                .build();
            Client::from_conf(config)
        });
        client.clone()
    }

    /// Makes a call; `None` if the sandbox does not have the call.
    pub(super) async fn run(&self, call: &TaskCall, operation: &str) -> Option<Result<Value, TaskError>> {
        let client = self.client(call);
        let mut fields = Fields(call.arguments.as_object().cloned().unwrap_or_default());
        Some(match operation {
            "listObjectsV2" => list(&client, &mut fields).await,
            "getObject" => get(&client, &mut fields).await,
            "headObject" => head(&client, &mut fields).await,
            "putObject" => put(&client, &mut fields).await,
            "copyObject" => copy(&client, &mut fields).await,
            "deleteObject" => delete(&client, &mut fields).await,
            _ => return None,
        })
    }
}

/// The arguments that no request field has consumed yet.
struct Fields(Map<String, Value>);

impl Fields {
    /// Text; other values as JSON.
    fn text(&mut self, name: &str) -> Option<String> {
        self.0.remove(name).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    }

    fn number(&mut self, name: &str) -> Option<i32> {
        self.0.remove(name).and_then(|value| value.as_i64()).and_then(|number| i32::try_from(number).ok())
    }

    fn texts(&mut self, name: &str) -> Option<std::collections::HashMap<String, String>> {
        let members = self.0.remove(name)?.as_object()?.clone();
        Some(members.into_iter().filter_map(|(name, value)| Some((name, value.as_str()?.to_owned()))).collect())
    }

    /// Rejects a call with arguments that the sandbox ignores.
    fn done(&self) -> Result<(), TaskError> {
        let Some(name) = self.0.keys().next() else { return Ok(()) };
        let cause = format!("The sandbox does not know the field {name} of this call");
        Err(TaskError { error: "States.Runtime".to_owned(), cause })
    }
}

/// The existing fields of an answer.
fn answer<const N: usize>(fields: [(&str, Option<Value>); N]) -> Value {
    let there = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(there.collect())
}

fn text(value: Option<&str>) -> Option<Value> {
    value.map(Value::from)
}

fn date(value: Option<&aws_sdk_s3::primitives::DateTime>) -> Option<Value> {
    value.map(|date| Value::from(date.to_string()))
}

async fn list(client: &Client, fields: &mut Fields) -> Result<Value, TaskError> {
    let call = client
        .list_objects_v2()
        .set_bucket(fields.text("Bucket"))
        .set_prefix(fields.text("Prefix"))
        .set_delimiter(fields.text("Delimiter"))
        .set_start_after(fields.text("StartAfter"))
        .set_continuation_token(fields.text("ContinuationToken"))
        .set_expected_bucket_owner(fields.text("ExpectedBucketOwner"))
        .set_max_keys(fields.number("MaxKeys"));
    fields.done()?;
    let listed = call.send().await.map_err(|error| failure(&error))?;
    let contents = listed.contents().iter().map(|object| {
        answer([
            ("ETag", text(object.e_tag())),
            ("Key", text(object.key())),
            ("LastModified", date(object.last_modified())),
            ("Size", object.size().map(Value::from)),
            ("StorageClass", object.storage_class().map(|class| json!(class.as_str()))),
        ])
    });
    let prefixes = listed.common_prefixes().iter().map(|one| json!({"Prefix": one.prefix()}));
    Ok(answer([
        ("Contents", Some(contents.collect())),
        ("CommonPrefixes", (!listed.common_prefixes().is_empty()).then(|| prefixes.collect())),
        ("IsTruncated", listed.is_truncated().map(Value::from)),
        ("KeyCount", listed.key_count().map(Value::from)),
        ("MaxKeys", listed.max_keys().map(Value::from)),
        ("Name", text(listed.name())),
        ("NextContinuationToken", text(listed.next_continuation_token())),
        ("Prefix", text(listed.prefix())),
    ]))
}

async fn get(client: &Client, fields: &mut Fields) -> Result<Value, TaskError> {
    let call = client
        .get_object()
        .set_bucket(fields.text("Bucket"))
        .set_key(fields.text("Key"))
        .set_version_id(fields.text("VersionId"))
        .set_range(fields.text("Range"))
        .set_if_match(fields.text("IfMatch"))
        .set_expected_bucket_owner(fields.text("ExpectedBucketOwner"));
    fields.done()?;
    let got = call.send().await.map_err(|error| failure(&error))?;
    let known = answer([
        ("ContentLength", got.content_length().map(Value::from)),
        ("ContentType", text(got.content_type())),
        ("ETag", text(got.e_tag())),
        ("LastModified", date(got.last_modified())),
        ("Metadata", got.metadata().map(|metadata| json!(metadata))),
        ("VersionId", text(got.version_id())),
    ]);
    let broken = |error: aws_sdk_s3::primitives::ByteStreamError| client_failure(error.to_string());
    let bytes = got.body.collect().await.map_err(broken)?.into_bytes();
    let mut whole = known;
    whole["Body"] = Value::from(String::from_utf8_lossy(&bytes).into_owned());
    Ok(whole)
}

async fn head(client: &Client, fields: &mut Fields) -> Result<Value, TaskError> {
    let call = client
        .head_object()
        .set_bucket(fields.text("Bucket"))
        .set_key(fields.text("Key"))
        .set_version_id(fields.text("VersionId"))
        .set_expected_bucket_owner(fields.text("ExpectedBucketOwner"));
    fields.done()?;
    let got = call.send().await.map_err(|error| failure(&error))?;
    Ok(answer([
        ("ContentLength", got.content_length().map(Value::from)),
        ("ContentType", text(got.content_type())),
        ("ETag", text(got.e_tag())),
        ("LastModified", date(got.last_modified())),
        ("Metadata", got.metadata().map(|metadata| json!(metadata))),
        ("StorageClass", got.storage_class().map(|class| json!(class.as_str()))),
        ("VersionId", text(got.version_id())),
    ]))
}

async fn put(client: &Client, fields: &mut Fields) -> Result<Value, TaskError> {
    let call = client
        .put_object()
        .set_bucket(fields.text("Bucket"))
        .set_key(fields.text("Key"))
        .set_content_type(fields.text("ContentType"))
        .set_if_match(fields.text("IfMatch"))
        .set_if_none_match(fields.text("IfNoneMatch"))
        .set_tagging(fields.text("Tagging"))
        .set_metadata(fields.texts("Metadata"))
        .set_storage_class(fields.text("StorageClass").map(|class| StorageClass::from(class.as_str())))
        .set_body(fields.text("Body").map(|body| ByteStream::from(body.into_bytes())));
    fields.done()?;
    let stored = call.send().await.map_err(|error| failure(&error))?;
    Ok(answer([("ETag", text(stored.e_tag())), ("VersionId", text(stored.version_id()))]))
}

async fn copy(client: &Client, fields: &mut Fields) -> Result<Value, TaskError> {
    let call = client
        .copy_object()
        .set_bucket(fields.text("Bucket"))
        .set_key(fields.text("Key"))
        .set_copy_source(fields.text("CopySource"))
        .set_copy_source_if_match(fields.text("CopySourceIfMatch"))
        .set_if_match(fields.text("IfMatch"))
        .set_if_none_match(fields.text("IfNoneMatch"))
        .set_storage_class(fields.text("StorageClass").map(|class| StorageClass::from(class.as_str())));
    fields.done()?;
    let copied = call.send().await.map_err(|error| failure(&error))?;
    let result = copied.copy_object_result();
    let result = result.map(|one| answer([("ETag", text(one.e_tag())), ("LastModified", date(one.last_modified()))]));
    Ok(answer([
        ("CopyObjectResult", result),
        ("CopySourceVersionId", text(copied.copy_source_version_id())),
        ("VersionId", text(copied.version_id())),
    ]))
}

async fn delete(client: &Client, fields: &mut Fields) -> Result<Value, TaskError> {
    let call = client
        .delete_object()
        .set_bucket(fields.text("Bucket"))
        .set_key(fields.text("Key"))
        .set_version_id(fields.text("VersionId"));
    fields.done()?;
    let deleted = call.send().await.map_err(|error| failure(&error))?;
    Ok(answer([("DeleteMarker", deleted.delete_marker().map(Value::from)), ("VersionId", text(deleted.version_id()))]))
}

/// An error as Step Functions shows it: `S3.NoSuchKeyException`, or `S3.S3Exception` if the SDK has no exception for
/// it.
fn failure<E: ProvideErrorMetadata>(error: &SdkError<E>) -> TaskError {
    let Some(response) = error.raw_response() else { return client_failure(format!("{:?}", error.code())) };
    let status = response.status().as_u16();
    // An answer to HEAD has no body with a code.
    let code = error.code().unwrap_or(if status == 404 { "NoSuchKey" } else { "S3" });
    let code = if code == "NotFound" { "NoSuchKey" } else { code };
    let name = if EXCEPTIONS.contains(&code) { code } else { "S3" };
    let message = error.message().unwrap_or("null");
    let request = error.request_id().unwrap_or("null");
    TaskError {
        error: format!("S3.{name}Exception"),
        cause: format!("{message} (Service: S3, Status Code: {status}, Request ID: {request})"),
    }
}

/// A call that was not answered.
fn client_failure(cause: String) -> TaskError {
    TaskError { error: "S3.SdkClientException".to_owned(), cause }
}
