//! Between the protocol's types and ours. S3 spells the same fields out in a dozen structures, which is why some of
//! these are macros.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap},
};

use percent_encoding::percent_decode_str;
use s3s::{S3Result, dto, s3_error};

use super::{
    errors,
    model::{Encryption, Tags},
    state::BucketRecord,
};

/// Writes a checksum into the fields of an output.
macro_rules! set_checksum {
    ($output:expr, $checksum:expr) => {
        if let Some(checksum) = $checksum {
            let value = Some(checksum.value.clone());
            match checksum.algorithm {
                $crate::checksum::Algorithm::Crc32 => $output.checksum_crc32 = value,
                $crate::checksum::Algorithm::Crc32c => $output.checksum_crc32c = value,
                $crate::checksum::Algorithm::Crc64Nvme => $output.checksum_crc64nvme = value,
                $crate::checksum::Algorithm::Sha1 => $output.checksum_sha1 = value,
                $crate::checksum::Algorithm::Sha256 => $output.checksum_sha256 = value,
            }
        }
    };
}

/// Reads the attributes out of an input, and refuses those that cannot be kept.
macro_rules! attributes {
    ($input:expr, $bucket:expr) => {{
        if $input.sse_customer_algorithm.is_some() || $input.sse_customer_key.is_some() {
            return Err(s3s::s3_error!(
                NotImplemented,
                "The sandbox takes customer-provided keys (SSE-C) with PutObject only, not with copies and multipart uploads"
            ));
        }
        $crate::convert::refuse_acl(
            $input.acl.as_ref(),
            [&$input.grant_full_control, &$input.grant_read, &$input.grant_read_acp, &$input.grant_write_acp],
        )?;
        $crate::model::Attributes {
            cache_control: $input.cache_control.take(),
            content_disposition: $input.content_disposition.take(),
            content_encoding: $crate::convert::content_encoding($input.content_encoding.as_deref()),
            content_language: $input.content_language.take(),
            content_type: $crate::convert::content_type($input.content_type.take()),
            expires: $input.expires.take(),
            website_redirect_location: $input.website_redirect_location.take(),
            metadata: $crate::convert::metadata($input.metadata.take())?,
            storage_class: $crate::convert::storage_class($input.storage_class.take())?,
            encryption: $crate::convert::encryption(
                $input.server_side_encryption.take(),
                $input.ssekms_key_id.take(),
                $input.bucket_key_enabled,
                $bucket,
            )?,
        }
    }};
}

/// Reads the lock that an input asks for, and refuses it where the bucket has no Object Lock.
macro_rules! lock {
    ($input:expr, $bucket:expr, $now:expr) => {{
        let now = $now;
        let lock = $crate::lock::Lock::requested(
            $input.object_lock_mode.as_ref(),
            $input.object_lock_retain_until_date.as_ref(),
            $input.object_lock_legal_hold_status.as_ref(),
            now,
        )?;
        lock.of_new($bucket.object_lock, now)?;
        lock
    }};
}

/// Writes what is known of an object into the output of `GetObject` or `HeadObject`.
macro_rules! describe {
    ($output:ident, $version:expr, $object:expr, $hidden:expr) => {
        dto::$output {
            accept_ranges: Some("bytes".to_owned()),
            bucket_key_enabled: $object.attributes.encryption.bucket_key,
            cache_control: $object.attributes.cache_control.clone(),
            content_disposition: $object.attributes.content_disposition.clone(),
            content_encoding: $object.attributes.content_encoding.clone(),
            content_language: $object.attributes.content_language.clone(),
            content_type: Some($object.attributes.content_type.clone()),
            e_tag: Some(dto::ETag::Strong($object.etag.clone())),
            expires: $object.attributes.expires.clone(),
            last_modified: Some($version.initiated.timestamp()),
            metadata: $crate::convert::shown_metadata(&$object.attributes.metadata),
            object_lock_legal_hold_status: $hidden
                .shown_legal_hold($object)
                .map(|hold| dto::ObjectLockLegalHoldStatus::from_static(hold.name())),
            object_lock_mode: $hidden
                .shown_retention($object)
                .map(|retention| dto::ObjectLockMode::from_static(retention.mode.name())),
            object_lock_retain_until_date: $hidden.shown_retention($object).map(|retention| retention.until.into()),
            ssekms_key_id: $object.attributes.encryption.kms_key_id.clone(),
            server_side_encryption: $object.attributes.encryption.shown(),
            sse_customer_algorithm: $object.attributes.encryption.shown_customer_algorithm(),
            sse_customer_key_md5: $object.attributes.encryption.shown_customer_key_md5(),
            storage_class: $crate::convert::shown_storage_class(&$object.attributes.storage_class),
            website_redirect_location: $object.attributes.website_redirect_location.clone(),
            ..Default::default()
        }
    };
}

pub(super) use {attributes, describe, lock, set_checksum};

/// Without `aws-chunked`, which describes the transfer and not the object.
pub(super) fn content_encoding(given: Option<&str>) -> Option<String> {
    let kept: Vec<&str> =
        given?.split(',').map(str::trim).filter(|one| !one.is_empty() && *one != "aws-chunked").collect();
    (!kept.is_empty()).then(|| kept.join(","))
}

/// S3's default where none is given.
pub(super) fn content_type(given: Option<String>) -> String {
    given.filter(|given| !given.is_empty()).unwrap_or_else(|| "binary/octet-stream".to_owned())
}

/// User metadata of at most 2 KB, names and values together
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html>).
pub(super) fn metadata(given: Option<HashMap<String, String>>) -> S3Result<BTreeMap<String, String>> {
    let metadata: BTreeMap<String, String> = given.unwrap_or_default().into_iter().collect();
    let size: usize = metadata.iter().map(|(name, value)| name.len() + value.len()).sum();
    if size > 2048 {
        return Err(s3_error!(MetadataTooLarge, "Your metadata headers exceed the maximum allowed metadata size"));
    }
    Ok(metadata)
}

/// `None` when there is none, as the protocol has it.
pub(super) fn shown_metadata(metadata: &BTreeMap<String, String>) -> Option<HashMap<String, String>> {
    (!metadata.is_empty()).then(|| metadata.iter().map(|(name, value)| (name.clone(), value.clone())).collect())
}

/// One of S3's storage classes; STANDARD where none is given.
pub(super) fn storage_class(given: Option<dto::StorageClass>) -> S3Result<String> {
    use dto::StorageClass as Class;
    let Some(given) = given else { return Ok(Class::STANDARD.to_owned()) };
    let known = [
        Class::STANDARD,
        Class::STANDARD_IA,
        Class::ONEZONE_IA,
        Class::INTELLIGENT_TIERING,
        Class::GLACIER,
        Class::GLACIER_IR,
        Class::DEEP_ARCHIVE,
        Class::REDUCED_REDUNDANCY,
    ];
    if !known.contains(&given.as_str()) {
        return Err(s3_error!(InvalidStorageClass, "The storage class you specified is not valid"));
    }
    Ok(given.as_str().to_owned())
}

/// S3 names the class of an object only when it is not STANDARD.
pub(super) fn shown_storage_class(class: &str) -> Option<dto::StorageClass> {
    (class != dto::StorageClass::STANDARD).then(|| class.to_owned().into())
}

/// The buckets here have ACLs disabled, as every new bucket has, and take none but those that change nothing
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html>, x-amz-acl, and
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html>).
pub(super) fn refuse_acl(canned: Option<&dto::ObjectCannedACL>, grants: [&Option<String>; 4]) -> S3Result<()> {
    let harmless = [dto::ObjectCannedACL::PRIVATE, dto::ObjectCannedACL::BUCKET_OWNER_FULL_CONTROL];
    if canned.is_some_and(|acl| !harmless.contains(&acl.as_str())) || grants.iter().any(|grant| grant.is_some()) {
        let message = "The bucket does not allow ACLs";
        return Err(errors::custom("AccessControlListNotSupported", message, http::StatusCode::BAD_REQUEST));
    }
    Ok(())
}

/// What was asked for, else the bucket's default, else S3's own keys. A KMS key goes with KMS
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/specifying-kms-encryption.html>).
pub(super) fn encryption(
    algorithm: Option<dto::ServerSideEncryption>,
    kms_key_id: Option<String>,
    bucket_key: Option<bool>,
    bucket: &BucketRecord,
) -> S3Result<Encryption> {
    const KMS: [&str; 2] = [dto::ServerSideEncryption::AWS_KMS, dto::ServerSideEncryption::AWS_KMS_DSSE];
    let of_kms = algorithm.as_ref().is_some_and(|algorithm| KMS.contains(&algorithm.as_str()));
    if algorithm.as_ref().is_some_and(|given| !of_kms && given.as_str() != dto::ServerSideEncryption::AES256) {
        return Err(errors::invalid_argument("The encryption method specified is not supported"));
    }
    if kms_key_id.is_some() && !of_kms {
        return Err(errors::invalid_argument(
            "Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms",
        ));
    }
    if let Some(algorithm) = algorithm {
        return Ok(Encryption { algorithm: algorithm.as_str().to_owned(), kms_key_id, bucket_key, customer_key: None });
    }
    let rule = bucket.encryption.as_ref().and_then(|configuration| configuration.rules.first());
    let default = rule.and_then(|rule| rule.apply_server_side_encryption_by_default.as_ref());
    Ok(match default {
        Some(default) => Encryption {
            algorithm: default.sse_algorithm.as_str().to_owned(),
            kms_key_id: default.kms_master_key_id.clone(),
            bucket_key: rule.and_then(|rule| rule.bucket_key_enabled),
            customer_key: None,
        },
        None => Encryption {
            algorithm: dto::ServerSideEncryption::AES256.to_owned(),
            kms_key_id: None,
            bucket_key: None,
            customer_key: None,
        },
    })
}

/// Tags from `x-amz-tagging`, which is a URL query.
pub(super) fn tags_of_header(given: Option<&str>) -> S3Result<Tags> {
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

/// The tag that one pair of a URL query means; `None` where it is not encoded as it should be.
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

/// Tags from a `Tagging` document.
pub(super) fn tags_of_set(given: Vec<dto::Tag>) -> S3Result<Tags> {
    checked_tags(given.into_iter().map(|tag| (tag.key.unwrap_or_default(), tag.value.unwrap_or_default())).collect())
}

/// Tags as a `Tagging` document has them.
pub(super) fn tag_set(tags: &Tags) -> Vec<dto::Tag> {
    tags.iter().map(|(key, value)| dto::Tag { key: Some(key.clone()), value: Some(value.clone()) }).collect()
}

/// Letters, digits, spaces and these signs are what a tag may be made of.
fn is_of_tags(character: char) -> bool {
    let is_space = character.is_whitespace() && !character.is_control();
    character.is_alphanumeric() || is_space || "+-=._:/@".contains(character)
}

/// At most ten tags, of unique keys, within the lengths and characters of
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html>.
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

/// A count or size as the protocol has it.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A part number from 1 to 10,000.
pub(super) fn part_number(given: i32) -> S3Result<u16> {
    u16::try_from(given)
        .ok()
        .filter(|number| (1..=10_000).contains(number))
        .ok_or_else(|| errors::invalid_argument("Part number must be an integer between 1 and 10000, inclusive"))
}

/// A page size: at most 1,000, which is also the default.
pub(super) fn page_size(given: Option<i32>, name: &str) -> S3Result<usize> {
    match given {
        None => Ok(1000),
        Some(given) => usize::try_from(given).map(|given| given.min(1000)).map_err(|_| {
            errors::invalid_argument(format!("Argument {name} must be an integer between 0 and 2147483647"))
        }),
    }
}

/// A number of entries that a page can hold.
pub(super) fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use s3s::S3ErrorCode;

    use super::*;

    #[test]
    fn aws_chunked_is_no_encoding_of_the_object() {
        assert_eq!(content_encoding(Some("aws-chunked")), None);
        assert_eq!(content_encoding(Some("gzip, aws-chunked")).as_deref(), Some("gzip"));
        assert_eq!(content_encoding(Some("gzip")).as_deref(), Some("gzip"));
        assert_eq!(content_encoding(None), None);
    }

    #[test]
    fn metadata_beyond_two_kilobytes_is_refused() {
        let of = |length: usize| Some(HashMap::from([("n".to_owned(), "v".repeat(length))]));
        assert!(metadata(of(2047)).is_ok());
        assert_eq!(*metadata(of(2048)).unwrap_err().code(), S3ErrorCode::MetadataTooLarge);
    }

    #[test]
    fn tags_are_decoded_and_held_to_their_limits() {
        let tags = tags_of_header(Some("a=1&b=x%20y%2Bz&c=")).unwrap();
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(tags, [pair("a", "1"), pair("b", "x y+z"), pair("c", "")]);
        let many: Vec<String> = (0..11).map(|number| format!("k{number}=v")).collect();
        assert_eq!(tags_of_header(Some(&many.join("&"))).unwrap_err().code().as_str(), "BadRequest");
        assert_eq!(tags_of_header(None).unwrap(), []);
        assert_eq!(tags_of_header(Some("k%3D%C3%A9=%2B-%3D._:/@")).unwrap(), [pair("k=é", "+-=._:/@")]);
    }

    #[test]
    fn a_tag_header_that_is_no_url_query_of_unique_names_is_refused() {
        for header in ["a=%", "a=%zz", "a=%2", "a=b=c", "a=b&&c", "a=b&", "a=1&a=2", "a=1&%61=2", "a=%FF"] {
            assert_eq!(*tags_of_header(Some(header)).unwrap_err().code(), S3ErrorCode::InvalidArgument, "{header}");
        }
    }

    #[test]
    fn tags_of_aws_and_characters_that_no_tag_may_have_are_refused() {
        for header in ["aws:x=1", "AWS:x=1", "=v", "a%26=1", "a=1%0A", "a=%F0%9F%98%80"] {
            assert_eq!(*tags_of_header(Some(header)).unwrap_err().code(), S3ErrorCode::InvalidTag, "{header}");
        }
        let tag = |key: &str| vec![dto::Tag { key: Some(key.to_owned()), value: Some("v".to_owned()) }];
        assert_eq!(*tags_of_set(tag("aws:x")).unwrap_err().code(), S3ErrorCode::InvalidTag);
        assert_eq!(*tags_of_set([tag("k"), tag("k")].concat()).unwrap_err().code(), S3ErrorCode::InvalidTag);
    }
}
