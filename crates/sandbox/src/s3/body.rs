//! Taking in the body of an upload: what the caller claims of it, and whether that is so.

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, StatusCode};
use s3s::{S3Error, S3Result, TrailingHeaders, dto::StreamingBlob, s3_error};

use super::{
    Backend,
    blobs::{Held, WriteError},
    checksum::{Algorithm, Checksum, Digests, Kind},
    errors,
    lock::{Lock, ObjectLock},
};

/// The largest body of one request, and the largest object that one `CopyObject` copies.
pub(super) const MAX_BODY: u64 = 5 << 30;

/// What the caller says of the body, in headers or in a trailer.
#[derive(Debug, Default)]
pub(super) struct Claims {
    /// The algorithm of the checksum that the caller sends, or wants.
    pub(super) algorithm: Option<Algorithm>,
    value: Option<String>,
    /// Base64.
    md5: Option<String>,
    /// In bytes, without the framing of a chunked signature.
    length: Option<u64>,
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
}

/// The one checksum value among the headers. Two are refused.
pub(super) fn checksum_header(headers: &HeaderMap) -> S3Result<Option<(Algorithm, String)>> {
    let mut given =
        Algorithm::ALL.into_iter().filter_map(|one| text(headers, one.header()).map(|value| (one, value.to_owned())));
    let first = given.next();
    if given.next().is_some() {
        return Err(errors::invalid_request(
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
        ));
    }
    Ok(first)
}

impl Claims {
    /// Reads the headers.
    pub(super) fn of(headers: &HeaderMap) -> S3Result<Self> {
        let given = checksum_header(headers)?;
        let announced = ["x-amz-trailer", "x-amz-sdk-checksum-algorithm", "x-amz-checksum-algorithm"];
        let algorithm = match &given {
            Some((algorithm, _)) => Some(*algorithm),
            None => announced.iter().find_map(|name| text(headers, name)).and_then(Algorithm::parse),
        };
        let length = ["x-amz-decoded-content-length", "content-length"];
        let claims = Self {
            algorithm,
            value: given.map(|(_, value)| value),
            md5: text(headers, "content-md5").map(str::to_owned),
            length: length.iter().find_map(|name| text(headers, name)).and_then(|value| value.parse().ok()),
        };
        if claims.md5.as_deref().is_some_and(|md5| STANDARD.decode(md5).map_or(0, |bytes| bytes.len()) != 16) {
            return Err(s3_error!(InvalidDigest, "The Content-MD5 you specified was invalid."));
        }
        if claims.length.is_some_and(|length| length > MAX_BODY) {
            return Err(too_large());
        }
        Ok(claims)
    }

    /// Refuses an upload under Object Lock whose sender says nothing of the bytes
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html>, Content-MD5).
    pub(super) fn suffice(&self, lock: &Lock, bucket: Option<ObjectLock>, what: &str) -> S3Result<()> {
        let is_locked = !lock.is_empty() || bucket.is_some_and(|bucket| bucket.default_retention.is_some());
        if is_locked && self.md5.is_none() && self.algorithm.is_none() {
            return Err(errors::invalid_request(format!(
                "Content-MD5 OR x-amz-checksum- HTTP header is required for {what} requests with Object Lock parameters"
            )));
        }
        Ok(())
    }

    /// Refuses a part whose sender claims another checksum than its upload declares, or none where that of the upload is made
    /// of those of its parts (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html>,
    /// x-amz-sdk-checksum-algorithm; S3's answer to the latter is quoted in <https://github.com/floci-io/floci/pull/3093>). An
    /// upload that declares none takes parts with any, as the SDK for Rust sends them.
    pub(super) fn fit(&self, declared: Option<(Algorithm, Kind)>) -> S3Result<()> {
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

    /// Compares the claims with the bytes.
    fn verify(&self, digests: &Digests, trailers: Option<&TrailingHeaders>) -> S3Result<()> {
        if let Some(md5) = &self.md5
            && STANDARD.decode(md5).map(hex::encode).as_ref() != Ok(&digests.md5)
        {
            return Err(s3_error!(BadDigest, "The Content-MD5 you specified did not match what we received."));
        }
        let Some(algorithm) = self.algorithm else { return Ok(()) };
        let trailer = || trailers?.read(|headers| text(headers, algorithm.header()).map(str::to_owned)).flatten();
        let Some(claimed) = self.value.clone().or_else(trailer) else { return Ok(()) };
        let computed = digests.checksum();
        if STANDARD.decode(&claimed).map(|bytes| bytes.len())
            != STANDARD.decode(&computed.value).map(|bytes| bytes.len())
        {
            return Err(errors::invalid_request(format!("Value for {} header is invalid.", algorithm.header())));
        }
        if claimed == computed.value { Ok(()) } else { Err(errors::bad_digest(algorithm.name())) }
    }
}

fn too_large() -> S3Error {
    s3_error!(EntityTooLarge, "Your proposed upload exceeds the maximum allowed size")
}

/// A body that is on disk and is what its sender says.
pub(super) struct Taken {
    pub(super) held: Held,
    pub(super) md5: String,
    pub(super) crc64nvme: u64,
    /// Of the algorithm that was asked for, else CRC64NVME.
    pub(super) checksum: Checksum,
}

impl Backend {
    /// Stores a body and verifies its claims. The checksum is of the claimed algorithm, else of `algorithm`.
    pub(super) async fn take_body(
        &self,
        claims: &Claims,
        body: Option<StreamingBlob>,
        trailers: Option<&TrailingHeaders>,
        algorithm: Option<Algorithm>,
    ) -> S3Result<Taken> {
        let body = body.unwrap_or_else(|| StreamingBlob::from(s3s::Body::empty()));
        let algorithm = claims.algorithm.or(algorithm);
        let (held, digests) = self.blobs.write(body, algorithm, MAX_BODY).await.map_err(refusal)?;
        claims.verify(&digests, trailers)?;
        Ok(Taken { held, md5: digests.md5.clone(), crc64nvme: digests.crc64nvme, checksum: digests.checksum() })
    }
}

/// Why a body was not taken, in S3's terms. s3s checks the signed payload hash and the chunk signatures while the body
/// streams; its error types are private, so they are told apart by name.
pub(super) fn refusal(error: WriteError) -> S3Error {
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
                s3_error!(IncompleteBody, "The body cannot be read to its end: {name}")
            }
        }
    }
}
