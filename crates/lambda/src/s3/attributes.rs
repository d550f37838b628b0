//! What a copy is given besides its bytes, whichever request makes it.

use aws_smithy_types::{DateTime, date_time::Format};

/// Puts every attribute of a transfer, and the key that encrypts the copy, on the request that makes it. CopyObject and
/// CreateMultipartUpload take the same headers, but their builders have no trait in common.
macro_rules! with_attributes {
    ($request:expr, $transfer:expr, $kms_key:expr) => {{
        use aws_sdk_s3::types::{ServerSideEncryption, StorageClass};

        let (transfer, kms_key): (&holdfast_core::contract::Transfer, Option<&str>) = ($transfer, $kms_key);
        let attributes = &transfer.attributes;
        $request
            .set_metadata(Some(transfer.metadata().into_iter().collect()))
            .set_tagging($crate::s3::tags::header(transfer))
            .set_content_type(attributes.content_type.clone())
            .set_cache_control(attributes.cache_control.clone())
            .set_content_disposition(attributes.content_disposition.clone())
            .set_content_encoding(attributes.content_encoding.clone())
            .set_content_language(attributes.content_language.clone())
            .set_expires($crate::s3::attributes::expires(attributes.expires.as_deref()))
            .set_website_redirect_location(attributes.website_redirect_location.clone())
            .set_storage_class(attributes.storage_class.as_deref().map(StorageClass::from))
            .set_server_side_encryption(kms_key.map(|_| ServerSideEncryption::AwsKms))
            .set_ssekms_key_id(kms_key.map(str::to_owned))
    }};
}
pub(super) use with_attributes;

/// The `Expires` header as the SDK takes it. Text that is no date cannot be sent; verification then reports it.
pub(super) fn expires(text: Option<&str>) -> Option<DateTime> {
    DateTime::from_str(text?, Format::HttpDate).ok()
}
