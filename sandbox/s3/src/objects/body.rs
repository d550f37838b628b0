//! Receives the body of an upload and verifies what the caller claims about it.

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName, StatusCode};
use s3s::{S3Error, S3Result, TrailingHeaders, dto::StreamingBlob, s3_error};

use crate::{
    backend::Backend,
    checksum::{Algorithm, Checksum, Kind, digest::Digests},
    errors,
    model::lock::{Lock, ObjectLock},
    storage::{
        blobs::{Held, WriteError},
        extents::total,
    },
};

/// The maximum body of one request, and the maximum object of one `CopyObject`.
pub(crate) const MAX_BODY: u64 = 5 << 30;

/// What the caller claims about the body, in headers or in a trailer.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    /// The algorithm of the checksum that the caller sends or requests.
    pub(crate) algorithm: Option<Algorithm>,
    value: Option<String>,
    /// Base64.
    md5: Option<String>,
    /// In bytes, without the framing of a chunked body. Only set for chunked bodies.
    decoded_length: Option<u64>,
    /// The checksum that follows the body as a trailer.
    trailer: Option<Algorithm>,
}

/// Headers with the prefix of checksum headers that contain no checksum.
const ABOUT_CHECKSUMS: [&str; 3] = ["algorithm", "mode", "type"];

/// S3's algorithms that the sandbox does not compute
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html>).
const NOT_HERE: [&str; 5] = ["md5", "sha512", "xxhash128", "xxhash3", "xxhash64"];

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
}

/// The algorithm of a checksum header or trailer. An unsupported algorithm is an error, because the bytes would
/// otherwise be stored unverified. (<https://github.com/versity/versitygw/issues/1104> quotes S3's answer for an
/// unknown algorithm.)
fn algorithm_of(header: &str) -> S3Result<Algorithm> {
    let name = header.strip_prefix("x-amz-checksum-").unwrap_or(header);
    match Algorithm::parse(name) {
        Some(algorithm) => Ok(algorithm),
        None if NOT_HERE.contains(&name) => Err(errors::header_not_implemented(header)),
        None => Err(errors::invalid_request("The algorithm type you specified in x-amz-checksum- header is invalid.")),
    }
}

/// The checksum that follows the body, as announced by `x-amz-trailer`.
fn announced_trailer(headers: &HeaderMap) -> S3Result<Option<Algorithm>> {
    let Some(given) = text(headers, "x-amz-trailer") else { return Ok(None) };
    let given = given.to_ascii_lowercase();
    if !given.starts_with("x-amz-checksum-") {
        return Err(errors::invalid_request("The value specified in the x-amz-trailer header is not supported"));
    }
    algorithm_of(&given).map(Some)
}

/// Rejects a request if its SDK announces another checksum than the one in the request, or if the announced checksum is
/// missing (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html>, x-amz-sdk-checksum-algorithm; S3's
/// answers are quoted in <https://github.com/versity/versitygw/issues/1598> and
/// <https://github.com/versity/versitygw/issues/1593>).
fn as_the_sdk_says(headers: &HeaderMap, sent: Option<Algorithm>) -> S3Result<()> {
    let Some(said) = text(headers, "x-amz-sdk-checksum-algorithm") else { return Ok(()) };
    if NOT_HERE.contains(&said.to_ascii_lowercase().as_str()) {
        return Err(errors::header_not_implemented("x-amz-sdk-checksum-algorithm"));
    }
    match (Algorithm::parse(said), sent) {
        (Some(said), Some(sent)) if said == sent => Ok(()),
        (Some(_), None) => Err(errors::invalid_request(
            "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were \
             found.",
        )),
        _ => Err(errors::invalid_request("Value for x-amz-sdk-checksum-algorithm header is invalid.")),
    }
}

/// The checksum value among the headers. More than one is an error.
pub(crate) fn checksum_header(headers: &HeaderMap) -> S3Result<Option<(Algorithm, String)>> {
    for name in headers.keys().map(HeaderName::as_str) {
        if name.strip_prefix("x-amz-checksum-").is_some_and(|what| !ABOUT_CHECKSUMS.contains(&what)) {
            algorithm_of(name)?;
        }
    }
    let mut given =
        Algorithm::ALL.into_iter().filter_map(|one| text(headers, one.header()).map(|value| (one, value.to_owned())));
    let first = given.next();
    if given.next().is_some() {
        return Err(several_checksums());
    }
    Ok(first)
}

fn several_checksums() -> S3Error {
    errors::invalid_request("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
}

impl Claims {
    /// Reads the headers.
    pub(crate) fn of(headers: &HeaderMap) -> S3Result<Self> {
        let given = checksum_header(headers)?;
        let trailer = announced_trailer(headers)?;
        if given.is_some() && trailer.is_some() {
            return Err(several_checksums());
        }
        let sent = given.as_ref().map(|(algorithm, _)| *algorithm).or(trailer);
        as_the_sdk_says(headers, sent)?;
        let wanted = || text(headers, "x-amz-checksum-algorithm").and_then(Algorithm::parse);
        let number = |name| text(headers, name).and_then(|value| value.parse::<u64>().ok());
        let decoded_length = number("x-amz-decoded-content-length");
        let claims = Self {
            algorithm: sent.or_else(wanted),
            value: given.map(|(_, value)| value),
            md5: text(headers, "content-md5").map(str::to_owned),
            decoded_length,
            trailer,
        };
        if claims.md5.as_deref().is_some_and(|md5| STANDARD.decode(md5).map_or(0, |bytes| bytes.len()) != 16) {
            return Err(s3_error!(InvalidDigest, "The Content-MD5 you specified was invalid."));
        }
        if decoded_length.or_else(|| number("content-length")).is_some_and(|length| length > MAX_BODY) {
            return Err(too_large());
        }
        Ok(claims)
    }

    /// Rejects an upload with Object Lock that has neither Content-MD5 nor a checksum
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html>, Content-MD5).
    pub(crate) fn suffice(&self, lock: &Lock, bucket: Option<ObjectLock>, what: &str) -> S3Result<()> {
        let is_locked = !lock.is_empty() || bucket.is_some_and(|bucket| bucket.default_retention.is_some());
        if is_locked && self.md5.is_none() && self.algorithm.is_none() {
            return Err(errors::invalid_request(format!(
                "Content-MD5 OR x-amz-checksum- HTTP header is required for {what} requests with Object Lock parameters"
            )));
        }
        Ok(())
    }

    /// Rejects a part with another checksum than its upload declares, or without one if the upload's checksum is
    /// composite (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html>, x-amz-sdk-checksum-algorithm;
    /// <https://github.com/floci-io/floci/pull/3093> quotes S3's answer to the latter). An upload that declares no
    /// checksum accepts parts with any, as the SDK for Rust sends them.
    pub(crate) fn fit(&self, declared: Option<(Algorithm, Kind)>) -> S3Result<()> {
        let Some((algorithm, kind)) = declared else { return Ok(()) };
        let is_needless = self.algorithm.is_none() && kind == Kind::FullObject;
        if is_needless || self.algorithm == Some(algorithm) {
            return Ok(());
        }
        Err(errors::invalid_request(format!(
            "Checksum Type mismatch occurred, expected checksum Type: {}, actual checksum Type: {}",
            algorithm.name().to_lowercase(),
            self.algorithm.map_or_else(|| "null".to_owned(), |claimed| claimed.name().to_lowercase())
        )))
    }

    /// Compares the claims with the received bytes. <https://github.com/versity/versitygw/issues/1684> quotes S3's
    /// message for a wrong length, and <https://github.com/versity/versitygw/issues/1600> the one for a missing
    /// trailer.
    fn verify(&self, digests: &Digests, length: u64, trailers: Option<&TrailingHeaders>) -> S3Result<()> {
        if self.decoded_length.is_some_and(|claimed| claimed != length) {
            return Err(s3_error!(
                IncompleteBody,
                "You did not provide the number of bytes specified by the Content-Length HTTP header"
            ));
        }
        if let Some(md5) = &self.md5
            && STANDARD.decode(md5).map(hex::encode).as_ref() != Ok(&digests.md5)
        {
            return Err(s3_error!(BadDigest, "The Content-MD5 you specified did not match what we received."));
        }
        let Some(algorithm) = self.algorithm else { return Ok(()) };
        let trailing =
            |one: Algorithm| trailers?.read(|headers| text(headers, one.header()).map(str::to_owned)).flatten();
        let trailer = self.trailer.map(|announced| trailing(announced).ok_or_else(malformed_trailer)).transpose()?;
        let Some(claimed) = self.value.clone().or(trailer) else { return Ok(()) };
        let computed = digests.checksum();
        if STANDARD.decode(&claimed).map(|bytes| bytes.len())
            != STANDARD.decode(&computed.value).map(|bytes| bytes.len())
        {
            return Err(errors::invalid_request(format!("Value for {} header is invalid.", algorithm.header())));
        }
        if claimed == computed.value { Ok(()) } else { Err(errors::bad_digest(algorithm.name())) }
    }
}

fn malformed_trailer() -> S3Error {
    let message =
        "The request contained trailing data that was not well-formed or did not conform to our published schema.";
    errors::custom("MalformedTrailerError", message, StatusCode::BAD_REQUEST)
}

fn too_large() -> S3Error {
    s3_error!(EntityTooLarge, "Your proposed upload exceeds the maximum allowed size")
}

/// A stored and verified body.
pub(crate) struct Taken {
    pub(crate) held: Held,
    pub(crate) md5: String,
    pub(crate) crc64nvme: u64,
    /// Of the requested algorithm, CRC64NVME by default.
    pub(crate) checksum: Checksum,
}

impl Backend {
    /// Stores a body and verifies its claims. The checksum is of the claimed algorithm, or of `algorithm` if none is
    /// claimed.
    pub(crate) async fn take_body(
        &self,
        claims: &Claims,
        body: Option<StreamingBlob>,
        trailers: Option<&TrailingHeaders>,
        algorithm: Option<Algorithm>,
    ) -> S3Result<Taken> {
        let body = body.unwrap_or_else(|| StreamingBlob::from(s3s::Body::empty()));
        let algorithm = claims.algorithm.or(algorithm);
        let (held, digests) = self.blobs.write(body, algorithm, MAX_BODY).await.map_err(refusal)?;
        claims.verify(&digests, total(held.extents()), trailers)?;
        Ok(Taken { held, md5: digests.md5.clone(), crc64nvme: digests.crc64nvme, checksum: digests.checksum() })
    }
}

/// S3's error for a rejected body. s3s checks the signed payload hash and the chunk signatures while the body streams.
/// Its error types are private, so their names identify them.
pub(crate) fn refusal(error: WriteError) -> S3Error {
    match error {
        WriteError::TooLarge(_) => too_large(),
        WriteError::Disk(error) => errors::disk(error),
        WriteError::Body(cause) => {
            let name = cause.to_string();
            if name.contains("Sha256Mismatch") {
                let message = "The provided 'x-amz-content-sha256' header does not match what was computed.";
                errors::custom("XAmzContentSHA256Mismatch", message, StatusCode::BAD_REQUEST)
            } else if name.contains("SignatureMismatch") {
                s3_error!(
                    SignatureDoesNotMatch,
                    "The signature of a chunk of the body does not match the signature we calculated."
                )
            } else {
                s3_error!(IncompleteBody, "Cannot read the body to its end: {name}")
            }
        }
    }
}
