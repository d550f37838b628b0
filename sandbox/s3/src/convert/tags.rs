//! Tags, in headers and documents.

use std::{borrow::Cow, collections::BTreeSet};

use percent_encoding::percent_decode_str;
use s3s::{S3Result, dto, s3_error};

use crate::{errors, model::object::Tags};

/// Tags of `x-amz-tagging`, which is a URL query.
pub(crate) fn tags_of_header(given: Option<&str>) -> S3Result<Tags> {
    let given = given.unwrap_or_default();
    if given.is_empty() {
        return Ok(Tags::new());
    }
    let tags: Option<Tags> = given.split('&').map(tag_of_pair).collect();
    let are_unique = |tags: &Tags| tags.iter().map(|(key, _)| key).collect::<BTreeSet<_>>().len() == tags.len();
    let tags = tags.filter(are_unique).ok_or_else(|| {
        errors::invalid_argument(
            "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name \
             duplicates.",
        )
    })?;
    checked_tags(tags)
}

/// The tag of one pair in a URL query; `None` if its encoding is invalid.
fn tag_of_pair(pair: &str) -> Option<(String, String)> {
    let decoded = |text: &str| {
        let is_hex = |digit: Option<&u8>| digit.is_some_and(u8::is_ascii_hexdigit);
        let mut escapes = text.as_bytes().split(|byte| *byte == b'%').skip(1);
        let spaced = text.replace('+', " ");
        let is_encoded = escapes.all(|escape| is_hex(escape.first()) && is_hex(escape.get(1)));
        is_encoded.then(|| percent_decode_str(&spaced).decode_utf8().ok().map(Cow::into_owned)).flatten()
    };
    let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
    let is_one_pair = !pair.is_empty() && !value.contains('=');
    if is_one_pair { decoded(key).zip(decoded(value)) } else { None }
}

/// Tags of a `Tagging` document.
pub(crate) fn tags_of_set(given: Vec<dto::Tag>) -> S3Result<Tags> {
    checked_tags(given.into_iter().map(|tag| (tag.key.unwrap_or_default(), tag.value.unwrap_or_default())).collect())
}

/// Tags as a `Tagging` document.
pub(crate) fn tag_set(tags: &Tags) -> Vec<dto::Tag> {
    tags.iter().map(|(key, value)| dto::Tag { key: Some(key.clone()), value: Some(value.clone()) }).collect()
}

/// The characters of tags: letters, digits, spaces and these signs.
fn is_of_tags(character: char) -> bool {
    let is_space = character.is_whitespace() && !character.is_control();
    character.is_alphanumeric() || is_space || "+-=._:/@".contains(character)
}

/// At most ten tags with unique keys, valid lengths and valid characters
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html>).
fn checked_tags(tags: Tags) -> S3Result<Tags> {
    if tags.len() > 10 {
        let message = "Object tags cannot be greater than 10";
        return Err(errors::custom("BadRequest", message, http::StatusCode::BAD_REQUEST));
    }
    for (index, (key, value)) in tags.iter().enumerate() {
        if key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:")) {
            return Err(s3_error!(InvalidTag, "Your TagKey cannot be prefixed with aws:"));
        }
        if key.is_empty() || key.chars().count() > 128 || !key.chars().all(is_of_tags) {
            return Err(s3_error!(InvalidTag, "The TagKey you have provided is invalid"));
        }
        if value.chars().count() > 256 || !value.chars().all(is_of_tags) {
            return Err(s3_error!(InvalidTag, "The TagValue you have provided is invalid"));
        }
        if tags[..index].iter().any(|(earlier, _)| earlier == key) {
            return Err(s3_error!(InvalidTag, "Cannot provide multiple Tags with the same key"));
        }
    }
    Ok(tags)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use s3s::S3ErrorCode;

    use super::*;

    #[test]
    fn tags_are_decoded_and_limited() {
        let tags = tags_of_header(Some("a=1&b=x%20y%2Bz&c=")).unwrap();
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(tags, [pair("a", "1"), pair("b", "x y+z"), pair("c", "")]);
        let many: Vec<String> = (0..11).map(|number| format!("k{number}=v")).collect();
        assert_eq!(tags_of_header(Some(&many.join("&"))).unwrap_err().code().as_str(), "BadRequest");
        assert_eq!(tags_of_header(None).unwrap(), []);
        assert_eq!(tags_of_header(Some("k%3D%C3%A9=%2B-%3D._:/@")).unwrap(), [pair("k=é", "+-=._:/@")]);
    }

    #[test]
    fn a_tag_header_that_is_not_a_url_query_of_unique_names_is_rejected() {
        for header in ["a=%", "a=%zz", "a=%2", "a=b=c", "a=b&&c", "a=b&", "a=1&a=2", "a=1&%61=2", "a=%FF"] {
            assert_eq!(*tags_of_header(Some(header)).unwrap_err().code(), S3ErrorCode::InvalidArgument, "{header}");
        }
    }

    #[test]
    fn reserved_prefixes_and_invalid_characters_are_rejected() {
        for header in ["aws:x=1", "AWS:x=1", "=v", "a%26=1", "a=1%0A", "a=%F0%9F%98%80"] {
            assert_eq!(*tags_of_header(Some(header)).unwrap_err().code(), S3ErrorCode::InvalidTag, "{header}");
        }
        let tag = |key: &str| vec![dto::Tag { key: Some(key.to_owned()), value: Some("v".to_owned()) }];
        assert_eq!(*tags_of_set(tag("aws:x")).unwrap_err().code(), S3ErrorCode::InvalidTag);
        assert_eq!(*tags_of_set([tag("k"), tag("k")].concat()).unwrap_err().code(), S3ErrorCode::InvalidTag);
    }
}
