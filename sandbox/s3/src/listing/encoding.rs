//! The encoding of keys and continuation tokens in listings.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::{S3Result, dto};

use crate::{errors, listing::page::Mark};

/// The characters that `encoding-type=url` does not escape.
const PLAIN: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/').remove(b'*');

/// Writes keys as they are or, if the caller requests it, percent-encoded.
pub(crate) struct Encoder(bool);

impl Encoder {
    pub(crate) fn new(requested: Option<&dto::EncodingType>) -> S3Result<Self> {
        match requested.map(dto::EncodingType::as_str) {
            None => Ok(Self(false)),
            Some("url") => Ok(Self(true)),
            Some(_) => Err(errors::invalid_argument("Invalid Encoding Method specified in Request")),
        }
    }

    pub(crate) fn write(&self, text: &str) -> String {
        if self.0 { utf8_percent_encode(text, PLAIN).to_string() } else { text.to_owned() }
    }

    pub(crate) fn prefixes(&self, prefixes: &[String]) -> Option<Vec<dto::CommonPrefix>> {
        let listed = prefixes.iter().map(|prefix| dto::CommonPrefix { prefix: Some(self.write(prefix)) });
        (!prefixes.is_empty()).then(|| listed.collect())
    }
}

pub(crate) fn token(mark: &Mark) -> String {
    URL_SAFE_NO_PAD.encode(match mark {
        Mark::Key(key) => format!("k{key}"),
        Mark::Prefix(prefix) => format!("p{prefix}"),
    })
}

pub(crate) fn mark_of_token(token: &str) -> S3Result<Mark> {
    let text = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    match text.as_deref().and_then(|text| text.split_at_checked(1)) {
        Some(("k", key)) => Ok(Mark::Key(key.to_owned())),
        Some(("p", prefix)) => Ok(Mark::Prefix(prefix.to_owned())),
        _ => Err(errors::invalid_argument("The continuation token provided is incorrect")),
    }
}
