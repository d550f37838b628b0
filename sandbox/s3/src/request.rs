//! Data about a request that operations use, and the status of its answer. Both travel in the extensions of the request
//! and of the answer.

use std::net::SocketAddr;

use http::{Extensions, StatusCode};

/// The ID of an answer, and of the event that the request causes.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) String);

/// The status of an answer, among its extensions. `s3s` only lets the operation return 200.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Status(pub(crate) StatusCode);

/// A random ID of sixteen characters, as S3's.
pub(crate) fn request_id() -> String {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let random = rand::random::<[u8; 16]>();
    random.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect()
}

/// The reason in an object's event if it is not the operation's name. It travels in the extensions of the request
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html>, `reason`).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reason(pub(crate) &'static str);

/// The request that caused an event.
#[derive(Debug, Clone)]
pub(crate) struct Cause {
    pub(crate) request_id: String,
    /// `None` for S3 itself.
    pub(crate) source_ip: Option<String>,
}

impl Cause {
    /// S3 itself, which completes or aborts something.
    pub(crate) fn of_s3() -> Self {
        Self { request_id: request_id(), source_ip: None }
    }

    /// Reads it from the extensions of a request.
    pub(crate) fn of(extensions: &Extensions) -> Self {
        Self {
            request_id: extensions.get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default(),
            source_ip: Some(
                extensions
                    .get::<SocketAddr>()
                    .map_or_else(|| "127.0.0.1".to_owned(), |address| address.ip().to_string()),
            ),
        }
    }
}
