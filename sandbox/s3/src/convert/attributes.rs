//! The attributes of an object in requests and answers. Some conversions are macros, because a dozen structures of
//! `s3s` repeat the same fields.

use std::collections::{BTreeMap, HashMap};

use s3s::{S3Result, dto, s3_error};

use crate::{
    errors,
    model::{bucket::BucketRecord, object::Encryption},
};

/// Reads the attributes of an input. Rejects those that the sandbox does not support.
macro_rules! attributes {
    ($input:expr, $bucket:expr) => {{
        if $input.sse_customer_algorithm.is_some() || $input.sse_customer_key.is_some() {
            return Err(s3s::s3_error!(
                NotImplemented,
                "The sandbox takes customer-provided keys (SSE-C) with PutObject only, not with copies and multipart uploads"
            ));
        }
        $crate::convert::attributes::refuse_acl(
            $input.acl.as_ref(),
            [&$input.grant_full_control, &$input.grant_read, &$input.grant_read_acp, &$input.grant_write_acp],
        )?;
        $crate::model::object::Attributes {
            cache_control: $input.cache_control.take(),
            content_disposition: $input.content_disposition.take(),
            content_encoding: $crate::convert::attributes::content_encoding($input.content_encoding.as_deref()),
            content_language: $input.content_language.take(),
            content_type: $crate::convert::attributes::content_type($input.content_type.take()),
            expires: $input.expires.take(),
            website_redirect_location: $input.website_redirect_location.take(),
            metadata: $crate::convert::attributes::metadata($input.metadata.take())?,
            storage_class: $crate::convert::attributes::storage_class($input.storage_class.take())?,
            encryption: $crate::convert::attributes::encryption(
                $input.server_side_encryption.take(),
                $input.ssekms_key_id.take(),
                $input.bucket_key_enabled,
                $bucket,
            )?,
        }
    }};
}

/// Reads the lock of an input. Rejects it if the bucket has no Object Lock.
macro_rules! lock {
    ($input:expr, $bucket:expr, $now:expr) => {{
        let now = $now;
        let lock = $crate::model::lock::Lock::requested(
            $input.object_lock_mode.as_ref(),
            $input.object_lock_retain_until_date.as_ref(),
            $input.object_lock_legal_hold_status.as_ref(),
            now,
        )?;
        lock.of_new($bucket.object_lock, now)?;
        lock
    }};
}

/// Writes the attributes of an object into the output of `GetObject` or `HeadObject`.
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
            metadata: $crate::convert::attributes::shown_metadata(&$object.attributes.metadata),
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
            storage_class: $crate::convert::attributes::shown_storage_class(&$object.attributes.storage_class),
            website_redirect_location: $object.attributes.website_redirect_location.clone(),
            ..Default::default()
        }
    };
}

pub(crate) use {attributes, describe, lock};

/// Removes `aws-chunked`, which describes the transfer and not the object.
pub(crate) fn content_encoding(given: Option<&str>) -> Option<String> {
    let kept: Vec<&str> =
        given?.split(',').map(str::trim).filter(|one| !one.is_empty() && *one != "aws-chunked").collect();
    (!kept.is_empty()).then(|| kept.join(","))
}

/// The default of S3.
pub(crate) fn content_type(given: Option<String>) -> String {
    given.filter(|given| !given.is_empty()).unwrap_or_else(|| "binary/octet-stream".to_owned())
}

/// User metadata of at most 2 KB, names and values together
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html>).
pub(crate) fn metadata(given: Option<HashMap<String, String>>) -> S3Result<BTreeMap<String, String>> {
    let metadata: BTreeMap<String, String> = given.unwrap_or_default().into_iter().collect();
    let size: usize = metadata.iter().map(|(name, value)| name.len() + value.len()).sum();
    if size > 2048 {
        return Err(s3_error!(MetadataTooLarge, "Your metadata headers exceed the maximum allowed metadata size"));
    }
    Ok(metadata)
}

/// `None` if there is no value, as in the protocol.
pub(crate) fn shown_metadata(metadata: &BTreeMap<String, String>) -> Option<HashMap<String, String>> {
    (!metadata.is_empty()).then(|| metadata.iter().map(|(name, value)| (name.clone(), value.clone())).collect())
}

/// One of S3's storage classes; STANDARD by default.
pub(crate) fn storage_class(given: Option<dto::StorageClass>) -> S3Result<String> {
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

/// S3 names the class of an object only if it is not STANDARD.
pub(crate) fn shown_storage_class(class: &str) -> Option<dto::StorageClass> {
    (class != dto::StorageClass::STANDARD).then(|| class.to_owned().into())
}

/// Rejects ACLs that grant access. ACLs are disabled for the sandbox's buckets, as for every new bucket
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html>, x-amz-acl, and
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html>).
pub(crate) fn refuse_acl(canned: Option<&dto::ObjectCannedACL>, grants: [&Option<String>; 4]) -> S3Result<()> {
    let harmless = [dto::ObjectCannedACL::PRIVATE, dto::ObjectCannedACL::BUCKET_OWNER_FULL_CONTROL];
    if canned.is_some_and(|acl| !harmless.contains(&acl.as_str())) || grants.iter().any(|grant| grant.is_some()) {
        let message = "The bucket does not allow ACLs";
        return Err(errors::custom("AccessControlListNotSupported", message, http::StatusCode::BAD_REQUEST));
    }
    Ok(())
}

/// The requested encryption, or the bucket's default, or S3's own keys. A KMS key requires KMS
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/specifying-kms-encryption.html>).
pub(crate) fn encryption(
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use s3s::S3ErrorCode;

    use super::*;

    #[test]
    fn aws_chunked_is_not_an_encoding_of_the_object() {
        assert_eq!(content_encoding(Some("aws-chunked")), None);
        assert_eq!(content_encoding(Some("gzip, aws-chunked")).as_deref(), Some("gzip"));
        assert_eq!(content_encoding(Some("gzip")).as_deref(), Some("gzip"));
        assert_eq!(content_encoding(None), None);
    }

    #[test]
    fn metadata_over_two_kilobytes_is_rejected() {
        let of = |length: usize| Some(HashMap::from([("n".to_owned(), "v".repeat(length))]));
        assert!(metadata(of(2047)).is_ok());
        assert_eq!(*metadata(of(2048)).unwrap_err().code(), S3ErrorCode::MetadataTooLarge);
    }
}
