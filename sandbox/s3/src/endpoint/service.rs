//! The steps before `s3s`: a request ID, and the check of the region in the signature.
//!
//! S3 rejects a request to the wrong region (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingRouting.html>
//! and the error list in <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>). A path-style request
//! gets 301 `PermanentRedirect`, with a body as in <https://github.com/yanganto/s3rs/issues/18>. A virtual-host
//! request, which DNS brings to the right region, gets 400 `AuthorizationHeaderMalformed` with the expected region
//! (<https://github.com/aws/aws-sdk-cpp/issues/1339>). Both carry `x-amz-bucket-region`, the only hint in an answer to
//! HEAD.

use std::{fmt::Write, sync::Arc};

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header, request::Parts};
use http_body_util::{BodyExt, Collected};
use percent_encoding::percent_decode_str;
use quick_xml::escape::escape;
use s3s::{Body, service::S3Service};
use sandbox_core::{identity::Keyring, signature::Scope};

use crate::{
    backend::Backend,
    endpoint::{auth::bucket_of_host, faults::AnswerLoss, malformed_range},
    request::{RequestId, Status, request_id},
};

/// S3's messages for the errors that `s3s` returns without a message.
const SILENT: [(&str, &str); 2] = [
    (
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
    ),
    ("KeyTooLongError", "Your key is too long"),
];

/// Answers HTTP requests to S3. Cheap to clone.
#[derive(Clone)]
pub struct Service {
    inner: S3Service,
    backend: Arc<Backend>,
    keyring: Arc<Keyring>,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").finish_non_exhaustive()
    }
}

impl Service {
    pub(crate) fn new(inner: S3Service, backend: Arc<Backend>, keyring: Arc<Keyring>) -> Self {
        Self { inner, backend, keyring }
    }

    /// Answers one request. A hyper body becomes a [`Body`] by `Body::from`. If the request's extensions contain a
    /// [`std::net::SocketAddr`], events name it as their source.
    pub async fn call(&self, mut request: Request<Body>) -> Response<Body> {
        let id = request_id();
        let mut response = if let Some(refusal) = self.misdirected(&request, &id) {
            refusal
        } else {
            let answer_loss = AnswerLoss::default();
            request.extensions_mut().insert(RequestId(id.clone()));
            request.extensions_mut().insert(answer_loss.clone());
            let (head, body) = request.into_parts();
            let answer = if malformed_range::is_malformed(&head) {
                self.without_range(&head).await
            } else {
                self.answer(Request::from_parts(head, body)).await
            };
            answer_loss.apply(answer)
        };
        if let Some(Status(status)) = response.extensions().get().copied() {
            *response.status_mut() = status;
        }
        if response.status().is_client_error() {
            response = with_message(response).await;
        }
        if let Ok(value) = HeaderValue::from_str(&id) {
            response.headers_mut().insert(HeaderName::from_static("x-amz-id-2"), value.clone());
            response.headers_mut().insert(HeaderName::from_static("x-amz-request-id"), value);
        }
        response
    }

    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        self.inner.call(request).await.unwrap_or_else(|error| {
            tracing::error!(?error, "S3 failed");
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        })
    }

    /// The answer to a read whose range is ignored, unless the request is rejected for another reason.
    async fn without_range(&self, head: &Parts) -> Response<Body> {
        let probe = malformed_range::Probe::default();
        let mut probing = malformed_range::copy(head);
        probing.extensions_mut().insert(probe.clone());
        let refusal = self.answer(probing).await;
        match malformed_range::without_it(head, &self.keyring).filter(|_| probe.is_verified()) {
            Some(request) => self.answer(request).await,
            None => refusal,
        }
    }

    /// Rejects a request with a signature for another region than its bucket's.
    fn misdirected(&self, request: &Request<Body>, id: &str) -> Option<Response<Body>> {
        let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let virtual_bucket = bucket_of_host(host);
        let path = percent_decode_str(request.uri().path()).decode_utf8().ok()?;
        let named = virtual_bucket.or_else(|| path.trim_start_matches('/').split('/').next())?;
        let signed = Scope::of(request.headers(), request.uri())?.region;
        let region = self.backend.state().region(named)?.to_owned();
        // CreateBucket has its own answer for an existing bucket, and us-east-1 answers where a bucket is.
        let bucket_itself = virtual_bucket.map_or(path.trim_matches('/') == named, |_| path == "/");
        let creates =
            request.method() == Method::PUT && bucket_itself && request.uri().query().is_none_or(no_subresource);
        let locates = signed == "us-east-1" && request.uri().query().is_some_and(|query| query.starts_with("location"));
        if region == signed || creates || locates {
            return None;
        }
        Some(refusal(
            &Misdirection { bucket: named, host, region: &region, signed: &signed, id },
            virtual_bucket.is_some(),
        ))
    }
}

/// Adds S3's message to an error that `s3s` answers only by its code.
async fn with_message(response: Response<Body>) -> Response<Body> {
    let (mut head, body) = response.into_parts();
    // The body is in memory, so reading it cannot fail.
    let xml = body.collect().await.map(Collected::to_bytes).unwrap_or_default();
    let text = String::from_utf8_lossy(&xml);
    let added = SILENT.iter().find_map(|(code, message)| {
        let code = format!("<Code>{code}</Code>");
        let is_silent = text.contains(&code) && !text.contains("<Message>");
        is_silent.then(|| text.replace(&code, &format!("{code}<Message>{message}</Message>")))
    });
    let Some(added) = added else { return Response::from_parts(head, Body::from(xml)) };
    head.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(head, Body::from(added))
}

/// SDKs add the operation to the query (`x-id=…`). It is not a subresource.
fn no_subresource(query: &str) -> bool {
    query.split('&').all(|pair| pair.is_empty() || pair.starts_with("x-id="))
}

struct Misdirection<'a> {
    bucket: &'a str,
    host: &'a str,
    region: &'a str,
    signed: &'a str,
    id: &'a str,
}

fn refusal(what: &Misdirection<'_>, virtual_host: bool) -> Response<Body> {
    let Misdirection { bucket, host, region, signed, id } = what;
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>");
    let mut add = |name: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = write!(xml, "<{name}>{}</{name}>", escape(value));
    };
    let status = if virtual_host {
        add("Code", "AuthorizationHeaderMalformed");
        let message =
            format!("The authorization header is malformed; the region '{signed}' is wrong; expecting '{region}'");
        add("Message", &message);
        add("Region", region);
        StatusCode::BAD_REQUEST
    } else {
        add("Code", "PermanentRedirect");
        let message = "The bucket you are attempting to access must be addressed using the specified endpoint. Please \
                       send all future requests to this endpoint.";
        add("Message", message);
        add("Endpoint", host);
        add("Bucket", bucket);
        StatusCode::MOVED_PERMANENTLY
    };
    add("RequestId", id);
    add("HostId", id);
    xml.push_str("</Error>");
    let mut response = Response::new(Body::from(xml));
    *response.status_mut() = status;
    let headers: &mut HeaderMap = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    if let Ok(value) = HeaderValue::from_str(region) {
        headers.insert(HeaderName::from_static("x-amz-bucket-region"), value);
    }
    response
}
