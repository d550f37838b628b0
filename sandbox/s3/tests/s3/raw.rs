//! Requests that no SDK makes, signed and passed to the service directly.

use std::time::SystemTime;

use aws_sigv4::{
    http_request::{
        PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
        UriPathNormalizationMode, sign,
    },
    sign::v4,
};
use bytes::Bytes;
use http_body_util::BodyExt;

use crate::harness::{REGION, Server};

/// The answer to a request.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    /// The status and the error code.
    pub(crate) fn failure(&self) -> (u16, &str) {
        let code = self.body.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
        (self.status, code.map_or("", |(code, _)| code))
    }
}

/// Signs the headers of a request, but not its body, and sends it. A chunked body is declared as such.
pub(crate) async fn send(
    server: &Server,
    (method, target): (&str, &str),
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Answer {
    let body: Bytes = body.into();
    let mut request = http::Request::builder().method(method).uri(target).header("host", server.address.to_string());
    request = request.header("content-length", body.len());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut request = request.body(s3s::Body::from(body)).unwrap();
    let is_chunked = headers.iter().any(|(name, _)| *name == "x-amz-decoded-content-length");
    let payload =
        if is_chunked { SignableBody::StreamingUnsignedPayloadTrailer } else { SignableBody::UnsignedPayload };
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    let identity = aws_sdk_s3::config::Credentials::new("AKIDTEST", "secret", None, None, "test").into();
    let parameters = v4::SigningParams::builder().identity(&identity).region(REGION).name("s3");
    let parameters = parameters.time(SystemTime::now()).settings(settings).build().unwrap().into();
    let given: Vec<(&str, &str)> =
        request.headers().iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    let signable = SignableRequest::new(method, target, given.into_iter(), payload).unwrap();
    let (instructions, _) = sign(signable, &parameters).unwrap().into_parts();
    instructions.apply_to_request_http1x(&mut request);
    answer(server, request).await
}

/// Sends an unmodified request.
pub(crate) async fn answer(server: &Server, request: http::Request<s3s::Body>) -> Answer {
    let (head, body) = server.s3.service().call(request).await.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer { status: head.status.as_u16(), headers: head.headers, body: String::from_utf8_lossy(&body).into_owned() }
}
