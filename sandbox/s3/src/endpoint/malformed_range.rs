//! Malformed `Range` headers. S3 ignores a range that it cannot parse and returns the whole object
//! (<https://github.com/localstack/localstack/pull/9082>, tested against S3, and RFC 9110, section 14.2). `s3s` rejects
//! it.
//!
//! The header may be signed. The sandbox removes it only after `s3s` verified the request with it, and then signs the
//! rest again for the same caller.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::SystemTime,
};

use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode,
};
use http::{Extensions, HeaderName, Method, Request, Uri, header, request::Parts};
use s3s::{Body, S3Result, dto, s3_error};
use sandbox_core::{
    identity::{Identity, Keyring},
    signature::{Scope, sign_as},
};

/// Whether a read has a range that S3 ignores.
pub(crate) fn is_malformed(head: &Parts) -> bool {
    let reads = matches!(head.method, Method::GET | Method::HEAD);
    let range = head.headers.get(header::RANGE).and_then(|range| range.to_str().ok());
    reads && range.is_some_and(|range| dto::Range::parse(range).is_err())
}

/// The same read, without a body.
pub(crate) fn copy(head: &Parts) -> Request<Body> {
    let mut request = Request::new(Body::empty());
    *request.method_mut() = head.method.clone();
    *request.uri_mut() = head.uri.clone();
    *request.version_mut() = head.version;
    *request.headers_mut() = head.headers.clone();
    *request.extensions_mut() = head.extensions.clone();
    request
}

/// A request that stops after its verification.
#[derive(Debug, Clone, Default)]
pub(crate) struct Probe(Arc<AtomicBool>);

impl Probe {
    /// Stops a probe, now that its caller is verified.
    pub(crate) fn stop(extensions: &Extensions) -> S3Result<()> {
        let Some(Self(is_verified)) = extensions.get() else { return Ok(()) };
        is_verified.store(true, Ordering::Relaxed);
        Err(s3_error!(InvalidRange, "The range is malformed"))
    }

    /// Whether the verification succeeded.
    pub(crate) fn is_verified(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The read without its range, signed by the same caller; `None` if the request is not signed.
pub(crate) fn without_it(head: &Parts, keyring: &Keyring) -> Option<Request<Body>> {
    let scope = Scope::of(&head.headers, &head.uri)?;
    let identity = keyring.get(&scope.access_key_id)?;
    let mut request = copy(head);
    *request.uri_mut() = unsigned(&head.uri)?;
    for name in [header::RANGE, header::AUTHORIZATION, HeaderName::from_static("x-amz-date")] {
        request.headers_mut().remove(name);
    }
    signed(request, &scope, &identity)
}

/// A URI without the parameters of a presigned request.
fn unsigned(uri: &Uri) -> Option<Uri> {
    let kept: Vec<&str> = uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.starts_with("X-Amz-") && !pair.is_empty())
        .collect();
    let query = if kept.is_empty() { String::new() } else { format!("?{}", kept.join("&")) };
    format!("{}{query}", uri.path()).parse().ok()
}

fn signed(mut request: Request<Body>, scope: &Scope, identity: &Identity) -> Option<Request<Body>> {
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    request.headers_mut().remove("x-amz-content-sha256");
    let headers: Option<Vec<(&str, &str)>> =
        request.headers().iter().map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).collect();
    let (method, uri) = (request.method().as_str(), request.uri().to_string());
    let signable = SignableRequest::new(method, uri, headers?.into_iter(), SignableBody::Bytes(&[])).ok()?;
    let (instructions, _) = sign_as((scope, identity), signable, SystemTime::now(), settings)?.into_parts();
    instructions.apply_to_request_http1x(&mut request);
    Some(request)
}
