//! Objects from HTML forms (<https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html>).

use std::{fmt::Write, time::SystemTime};

use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use base64::{Engine, engine::general_purpose::STANDARD};
use sandbox_s3::Versioning;
use serde_json::json;
use time::{OffsetDateTime, macros::format_description};

use crate::{
    harness::{REGION, Server, get},
    raw::{self, Answer},
};

/// Posts `hello` as `posted`, with a signed policy.
async fn post(server: &Server) -> Answer {
    let now = SystemTime::now();
    let stamp =
        OffsetDateTime::from(now).format(format_description!("[year][month][day]T[hour][minute][second]Z")).unwrap();
    let credential = format!("AKIDTEST/{}/{REGION}/s3/aws4_request", &stamp[..8]);
    let fields = [
        ("key", "posted"),
        ("x-amz-algorithm", "AWS4-HMAC-SHA256"),
        ("x-amz-credential", &credential),
        ("x-amz-date", &stamp),
    ];
    let mut conditions: Vec<_> = fields.iter().map(|(name, value)| json!({ *name: *value })).collect();
    conditions.push(json!({ "bucket": "bucket" }));
    let policy = json!({ "expiration": "2999-01-01T00:00:00Z", "conditions": conditions }).to_string();
    let policy = STANDARD.encode(policy);
    let signature = calculate_signature(generate_signing_key("secret", now, REGION, "s3"), policy.as_bytes());
    let mut form = String::new();
    for (name, value) in fields.into_iter().chain([("policy", policy.as_str()), ("x-amz-signature", &signature)]) {
        write!(form, "--edge\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").unwrap();
    }
    form.push_str("--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n");
    form.push_str("Content-Type: text/plain\r\n\r\nhello\r\n--edge--\r\n");
    let request = http::Request::post("/bucket").header("host", server.address.to_string());
    let request =
        request.header("content-type", "multipart/form-data; boundary=edge").header("content-length", form.len());
    raw::answer(server, request.body(s3s::Body::from(form)).unwrap()).await
}

#[tokio::test]
async fn the_event_of_a_posted_form_has_its_own_reason() {
    let (server, client) = Server::with_bucket(Versioning::Enabled).await;
    let answer = post(&server).await;
    assert_eq!(answer.status, 204, "{answer:?}");
    assert_eq!(get(&client, "bucket", "posted").await, b"hello");
    let events = server.recorder.events();
    assert_eq!(events[0]["detail"]["reason"], "POST Object", "{events:?}");
}
