//! Encryption with a customer-provided key (SSE-C). The sandbox stores bytes unencrypted and keeps the MD5 of the key.
//! That is enough to answer as S3 does: without the right key, a request can neither read nor describe an object.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerSideEncryptionCustomerKeys.html>. S3 requires TLS; the
//! sandbox accepts loopback instead. Buckets created since April 2026 reject SSE-C by default; the sandbox's buckets do
//! not.

use base64::{Engine, engine::general_purpose::STANDARD};
use http::StatusCode;
use md5::{Digest, Md5};
use s3s::{S3Error, S3ErrorCode, S3Result};
use serde::{Deserialize, Serialize};

use crate::errors;

/// The only algorithm.
pub(crate) const AES256: &str = "AES256";

/// A key, identified by its MD5 in Base64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CustomerKey(String);

/// Reads the key in the headers of a request. For the source of a copy, they begin with `x-amz-copy-source-`.
macro_rules! customer_key {
    ($input:expr) => {
        $crate::model::customer_key::CustomerKey::given(
            $input.sse_customer_algorithm.as_deref(),
            $input.sse_customer_key.as_deref(),
            $input.sse_customer_key_md5.as_deref(),
        )
    };
    (source $input:expr) => {
        $crate::model::customer_key::CustomerKey::given(
            $input.copy_source_sse_customer_algorithm.as_deref(),
            $input.copy_source_sse_customer_key.as_deref(),
            $input.copy_source_sse_customer_key_md5.as_deref(),
        )
    };
}

pub(crate) use customer_key;

impl CustomerKey {
    /// Reads the three headers, which are required together.
    pub(crate) fn given(algorithm: Option<&str>, key: Option<&str>, md5: Option<&str>) -> S3Result<Option<Self>> {
        let lacks = |what| {
            let words = "Requests specifying Server Side Encryption with Customer provided keys must provide";
            errors::invalid_argument(format!("{words} {what}."))
        };
        let (algorithm, key, md5) = match (algorithm, key, md5) {
            (None, None, None) => return Ok(None),
            (None, _, _) => return Err(lacks("a valid encryption algorithm")),
            (_, None, _) => return Err(lacks("an appropriate secret key")),
            (_, _, None) => return Err(lacks("the client calculated MD5 of the secret key")),
            (Some(algorithm), Some(key), Some(md5)) => (algorithm, key, md5),
        };
        if algorithm != AES256 {
            let message = "The Encryption request you specified is not valid. Supported value: AES256.";
            return Err(errors::custom("InvalidEncryptionAlgorithmError", message, StatusCode::BAD_REQUEST));
        }
        let key = STANDARD.decode(key).ok().filter(|key| key.len() == 32);
        let key =
            key.ok_or_else(|| errors::invalid_argument("The secret key was invalid for the specified algorithm."))?;
        if STANDARD.encode(Md5::digest(&key)) != md5 {
            return Err(errors::invalid_argument(
                "The calculated MD5 hash of the key did not match the hash that was provided.",
            ));
        }
        Ok(Some(Self(md5.to_owned())))
    }

    /// Rejects a request for an object with another key.
    pub(crate) fn open(stored: Option<&Self>, given: Option<&Self>) -> S3Result<()> {
        match (stored, given) {
            (None, None) => Ok(()),
            (Some(stored), Some(given)) if stored == given => Ok(()),
            (Some(_), Some(_)) => Err(S3Error::with_message(S3ErrorCode::AccessDenied, "Access Denied")),
            (Some(_), None) => Err(errors::invalid_request(
                "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to \
                 retrieve the object.",
            )),
            (None, Some(_)) => {
                Err(errors::invalid_request("The encryption parameters are not applicable to this object."))
            }
        }
    }

    /// The value in answers.
    pub(crate) fn md5(&self) -> &str {
        &self.0
    }
}
