//! Types for the names and numbers of S3. Each is parsed once, at the edge. The type then excludes a mix-up with
//! another one.

use std::{cmp::Ordering, fmt};

use serde::{Deserialize, Serialize};

use crate::bounds::shown;

/// A text or number is not a valid value of its type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidName(String);

impl InvalidName {
    pub(crate) fn new(sentence: String) -> Self {
        Self(sentence)
    }
}

macro_rules! text_newtype {
    ($(#[$doc:meta])* $name:ident, $check:path) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Parses the text.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidName> {
                let text = text.into();
                $check(&text)?;
                Ok(Self(text))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, InvalidName> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    };
}

text_newtype!(
    /// The name of a bucket: 3 to 63 characters of `a-z 0-9 . -`
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>).
    BucketName,
    check_bucket
);
text_newtype!(
    /// The key of an object, not encoded: 1 to 1,024 bytes of UTF-8
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html>).
    ObjectKey,
    check_key
);
text_newtype!(
    /// A version ID: opaque text of at most 1,024 bytes that is valid in a URL, so without blanks and control
    /// characters.
    /// `null` is the version of an object that was written without versioning
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/versioning-workflows.html>).
    VersionId,
    check_version
);

fn check_bucket(text: &str) -> Result<(), InvalidName> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.';
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    if (3..=63).contains(&bytes.len())
        && bytes.iter().copied().all(allowed)
        && edge(bytes.first())
        && edge(bytes.last())
        && !text.contains("..")
    {
        Ok(())
    } else {
        Err(InvalidName(format!(
            "{} is not a bucket name; expected 3 to 63 characters of a-z, 0-9, '.' and '-', with a letter or digit at \
             both ends and no two dots in a row",
            shown(text)
        )))
    }
}

fn check_key(text: &str) -> Result<(), InvalidName> {
    match text.len() {
        1..=1024 => Ok(()),
        length => Err(InvalidName(format!("an object key of {length} bytes; expected 1 to 1,024 bytes of UTF-8"))),
    }
}

fn check_version(text: &str) -> Result<(), InvalidName> {
    match text.len() {
        1..=1024 if text.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(()),
        1..=1024 => Err(InvalidName(format!("{} is not a version ID; expected visible ASCII characters", shown(text)))),
        length => Err(InvalidName(format!("a version ID of {length} bytes; expected 1 to 1,024 bytes"))),
    }
}

/// An entity tag without its quotation marks: visible ASCII, because it is sent in headers. In events it
/// has no quotation marks, in HTTP headers it has them; both forms parse to the same value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ETag(String);

impl ETag {
    /// Parses a tag with or without quotation marks.
    pub fn new(text: &str) -> Result<Self, InvalidName> {
        let bare = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
        let visible = bare.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"');
        if !(1..=1024).contains(&bare.len()) || !visible {
            return Err(InvalidName(format!(
                "{} is not an ETag; expected 1 to 1,024 visible ASCII characters",
                shown(text)
            )));
        }
        Ok(Self(bare.to_owned()))
    }

    /// The tag without quotation marks.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the tag of an object that was uploaded in parts: it ends with the number of parts, as in `…-3`
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html>).
    pub fn is_of_parts(&self) -> bool {
        let count = self.0.rsplit_once('-').map(|(_, count)| count);
        count.is_some_and(|count| !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit()))
    }

    /// The tag with quotation marks, as in HTTP headers.
    pub fn quoted(&self) -> String {
        format!("\"{}\"", self.0)
    }
}

impl TryFrom<String> for ETag {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        Self::new(&text)
    }
}

impl From<ETag> for String {
    fn from(tag: ETag) -> Self {
        tag.0
    }
}

impl fmt::Display for ETag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The position of an upload among the uploads of one key: a hexadecimal number of any length.
///
/// Two sequencers of one key compare as hexadecimal strings, the shorter padded with zeros on the right
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>). Sequencers of
/// different keys cannot be compared.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sequencer(String);

impl Sequencer {
    /// Parses 1 to 1,024 hexadecimal digits. The case is kept, but comparisons ignore it.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidName> {
        let text = text.into();
        if text.is_empty() || text.len() > 1024 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(InvalidName(format!(
                "{} is not a sequencer; expected 1 to 1,024 hexadecimal digits",
                shown(&text)
            )));
        }
        Ok(Self(text))
    }

    /// The text, unchanged.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn digits(&self) -> impl Iterator<Item = u8> + '_ {
        self.0.bytes().map(|byte| byte.to_ascii_lowercase())
    }
}

impl Ord for Sequencer {
    fn cmp(&self, other: &Self) -> Ordering {
        let longest = self.0.len().max(other.0.len());
        let padded =
            |sequencer: &Self| sequencer.digits().chain(std::iter::repeat(b'0')).take(longest).collect::<Vec<_>>();
        padded(self).cmp(&padded(other))
    }
}

impl PartialOrd for Sequencer {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Sequencer {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Sequencer {}

impl TryFrom<String> for Sequencer {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        Self::new(text)
    }
}

impl From<Sequencer> for String {
    fn from(sequencer: Sequencer) -> Self {
        sequencer.0
    }
}

impl fmt::Display for Sequencer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The number of a part, 1 to 10,000
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct PartNumber(u32);

impl PartNumber {
    /// The first part.
    pub const FIRST: Self = Self(1);

    /// Checks the number.
    pub fn new(number: u32) -> Result<Self, InvalidName> {
        match number {
            1..=10_000 => Ok(Self(number)),
            _ => Err(InvalidName(format!("{number} is not a part number; expected 1 to 10,000"))),
        }
    }

    /// The number.
    pub fn get(self) -> u32 {
        self.0
    }

    /// The number in the type of the SDK.
    pub fn as_i32(self) -> i32 {
        i32::try_from(self.0).unwrap_or(i32::MAX)
    }
}

impl TryFrom<u32> for PartNumber {
    type Error = InvalidName;

    fn try_from(number: u32) -> Result<Self, InvalidName> {
        Self::new(number)
    }
}

impl From<PartNumber> for u32 {
    fn from(part: PartNumber) -> Self {
        part.0
    }
}

impl fmt::Display for PartNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)
    }
}

/// A byte range that is not empty: the first and the last offset, both inclusive, as in HTTP's `bytes=first-last`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ByteRange {
    /// The offset of the first byte.
    pub first: u64,
    /// The offset of the last byte.
    pub last: u64,
}

impl ByteRange {
    /// The number of bytes.
    pub fn length(self) -> u64 {
        self.last - self.first + 1
    }
}

impl fmt::Display for ByteRange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "bytes={}-{}", self.first, self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sequencer(text: &str) -> Sequencer {
        Sequencer::new(text).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn sequencers_compare_as_hexadecimal_strings_padded_on_the_right() {
        assert!(sequencer("0055") < sequencer("0056"));
        assert!(sequencer("0055") < sequencer("00550001"));
        assert!(sequencer("1") > sequencer("0FFFFFFF"));
        assert_eq!(sequencer("0055"), sequencer("00550000"));
        assert_eq!(sequencer("ab"), sequencer("AB"));
    }

    #[test]
    fn names_that_s3_refuses_do_not_parse() {
        for bad in ["ab", "Upper", "under_score", "-edge", "edge-", "two..dots", &"a".repeat(64)] {
            assert!(BucketName::new(bad).is_err(), "{bad}");
        }
        assert!(ObjectKey::new("").is_err());
        assert!(ObjectKey::new("k".repeat(1025)).is_err());
        assert!(ObjectKey::new("é".repeat(512)).is_ok(), "1,024 bytes");
        assert!(Sequencer::new("xyz").is_err());
        assert!(PartNumber::new(0).is_err());
        assert!(PartNumber::new(10_001).is_err());
    }

    #[test]
    fn an_entity_tag_parses_with_and_without_quotation_marks() {
        assert_eq!(ETag::new("\"abc-2\""), ETag::new("abc-2"));
        assert_eq!(ETag::new("abc").map(|tag| tag.quoted()), Ok("\"abc\"".to_owned()));
        assert!(ETag::new("\"\"").is_err());
        let of_parts = |tag: &str| ETag::new(tag).map(|tag| tag.is_of_parts());
        assert_eq!(
            [of_parts("abc-12"), of_parts("abc"), of_parts("abc-"), of_parts("abc-x")],
            [Ok(true), Ok(false), Ok(false), Ok(false)]
        );
    }
}
