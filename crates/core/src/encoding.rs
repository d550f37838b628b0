//! The encodings that S3 requires. The SDK for Rust does not encode a copy source
//! (<https://github.com/awslabs/aws-sdk-rust/issues/1357>), and CreateMultipartUpload and CopyObject take tags as a
//! query string.

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::names::{BucketName, ObjectKey, VersionId};

/// The characters that are not encoded in a path: unreserved characters and the slash.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');
/// The characters that are not encoded in a query: unreserved characters.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The value of `x-amz-copy-source`: bucket and key, encoded, then the version
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html>).
pub fn copy_source(bucket: &BucketName, key: &ObjectKey, version: Option<&VersionId>) -> String {
    let path = format!("{bucket}/{}", utf8_percent_encode(key.as_str(), PATH));
    match version {
        Some(version) => format!("{path}?versionId={}", utf8_percent_encode(version.as_str(), QUERY)),
        None => path,
    }
}

/// The value of `x-amz-tagging`: tags as a query string.
pub fn tagging(tags: &BTreeMap<String, String>) -> String {
    let encode = |text: &str| utf8_percent_encode(text, QUERY).to_string();
    tags.iter().map(|(key, value)| format!("{}={}", encode(key), encode(value))).collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s3_decodes_a_copy_source_to_the_same_key() -> Result<(), Box<dyn std::error::Error>> {
        let bucket = BucketName::new("src")?;
        for (key, encoded) in [
            ("plain.txt", "src/plain.txt"),
            ("a b+c%20d", "src/a%20b%2Bc%2520d"),
            ("/leading//double", "src//leading//double"),
            ("naïve/日本.txt", "src/na%C3%AFve/%E6%97%A5%E6%9C%AC.txt"),
            ("what?versionId=x#y&z", "src/what%3FversionId%3Dx%23y%26z"),
            ("dots/../and/./~tilde", "src/dots/../and/./~tilde"),
        ] {
            assert_eq!(copy_source(&bucket, &ObjectKey::new(key)?, None), encoded, "{key}");
        }
        let version = VersionId::new("a.b/c=")?;
        assert_eq!(copy_source(&bucket, &ObjectKey::new("k")?, Some(&version)), "src/k?versionId=a.b%2Fc%3D");
        Ok(())
    }

    #[test]
    fn tags_are_a_query_string() {
        let tags =
            [("a b", "1&2"), ("x", ""), ("ü", "=")].map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        assert_eq!(tagging(&tags), "a%20b=1%262&x=&%C3%BC=%3D");
    }
}
