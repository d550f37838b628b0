//! Signs requests that no SDK makes.

use std::time::SystemTime;

use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};

/// Signs a request with a Host header for a service in the sandbox's region.
pub(crate) async fn signed(
    mut request: http::Request<Full<Bytes>>,
    (key, secret): (&str, &str),
    service: &str,
) -> http::Request<Full<Bytes>> {
    let body = request.body().clone().collect().await.unwrap().to_bytes();
    let credentials = aws_sdk_s3::config::Credentials::new(key, secret, None, None, "test").into();
    let parameters = v4::SigningParams::builder().identity(&credentials).region("eu-west-1").name(service);
    let parameters = parameters.time(SystemTime::now()).settings(SigningSettings::default()).build().unwrap();
    let (method, uri) = (request.method().to_string(), request.uri().to_string());
    let headers: Vec<(String, String)> =
        request.headers().iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let signable = SignableRequest::new(&method, uri, headers, SignableBody::Bytes(&body)).unwrap();
    let (instructions, _) = sign(signable, &parameters.into()).unwrap().into_parts();
    instructions.apply_to_request_http1x(&mut request);
    request
}
