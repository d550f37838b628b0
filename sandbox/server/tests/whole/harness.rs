//! A sandbox with the small template, and clients for it.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::{config::Credentials, primitives::ByteStream};
use aws_sdk_sfn::types::ExecutionStatus;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use sandbox::{Functions, Options, Outputs};

use crate::signing;

/// The small template with the example `deployed-probe`, which `cargo test` builds with the tests.
pub(crate) fn options() -> Options {
    let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/small/template.yaml");
    let folder: PathBuf = std::env::current_exe().unwrap().parent().unwrap().with_file_name("examples");
    Options { time_scale: 0.01, ..Options::new(template, Functions::Binaries { folder }) }
}

pub(crate) fn config(outputs: &Outputs, key: &str, secret: &str) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(outputs.region.clone()))
        .endpoint_url(&outputs.endpoint_url)
        .credentials_provider(aws_sdk_s3::config::SharedCredentialsProvider::new(Credentials::new(
            key, secret, None, None, "test",
        )))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build()
}

pub(crate) fn own(outputs: &Outputs) -> SdkConfig {
    config(outputs, &outputs.access_key.id, &outputs.access_key.secret)
}

pub(crate) async fn upload(outputs: &Outputs, key: &str) {
    let s3 = aws_sdk_s3::Client::new(&own(outputs));
    let body = ByteStream::from_static(b"hello");
    s3.put_object().bucket(&outputs.outputs["SourceBucket"]).key(key).body(body).send().await.unwrap();
}

/// The executions, after the expected number of them have ended.
pub(crate) async fn ended(outputs: &Outputs, count: usize) -> Vec<(String, ExecutionStatus)> {
    let states = aws_sdk_sfn::Client::new(&own(outputs));
    let wait = async {
        loop {
            let list = states.list_executions().state_machine_arn(&outputs.outputs["MachineArn"]).send().await.unwrap();
            let found: Vec<_> = list.executions.into_iter().map(|one| (one.execution_arn, one.status)).collect();
            if found.len() == count && found.iter().all(|(_, status)| *status != ExecutionStatus::Running) {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.unwrap()
}

/// Sends one HTTP request, signed for a service.
pub(crate) async fn plain(
    outputs: &Outputs,
    service: &str,
    mut request: http::Request<Full<bytes::Bytes>>,
) -> (u16, http::HeaderMap, String) {
    let address = outputs.endpoint_url.trim_start_matches("http://").to_owned();
    request.headers_mut().insert("Host", address.parse().unwrap());
    let own = (outputs.access_key.id.as_str(), outputs.access_key.secret.as_str());
    send(outputs, signing::signed(request, own, service).await).await
}

/// Sends one unmodified HTTP request with the sandbox as its host.
pub(crate) async fn send(
    outputs: &Outputs,
    request: http::Request<Full<bytes::Bytes>>,
) -> (u16, http::HeaderMap, String) {
    let address = outputs.endpoint_url.trim_start_matches("http://").to_owned();
    let stream = tokio::net::TcpStream::connect(&address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let (head, body) = sender.send_request(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (head.status.as_u16(), head.headers, String::from_utf8_lossy(&body).into_owned())
}
