//! What a copy is given besides its bytes, whichever request makes it.

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use holdfast_core::contract::Transfer;

/// Puts every attribute of a transfer, and the key that encrypts the copy, on the request that makes it. CopyObject and
/// CreateMultipartUpload take the same headers, but their builders have no trait in common.
macro_rules! with_attributes {
    ($request:expr, $transfer:expr, $kms_key:expr) => {{
        use aws_sdk_s3::types::{ServerSideEncryption, StorageClass};

        let (transfer, kms_key): (&holdfast_core::contract::Transfer, Option<&str>) = ($transfer, $kms_key);
        let attributes = &transfer.attributes;
        $request
            .set_metadata(Some(transfer.metadata().into_iter().collect()))
            .set_tagging($crate::tags::header(transfer))
            .set_content_type(attributes.content_type.clone())
            .set_cache_control(attributes.cache_control.clone())
            .set_content_disposition(attributes.content_disposition.clone())
            .set_content_encoding(attributes.content_encoding.clone())
            .set_content_language(attributes.content_language.clone())
            .set_website_redirect_location(attributes.website_redirect_location.clone())
            .set_storage_class(attributes.storage_class.as_deref().map(StorageClass::from))
            .set_server_side_encryption(kms_key.map(|_| ServerSideEncryption::AwsKms))
            .set_ssekms_key_id(kms_key.map(str::to_owned))
    }};
}
pub(super) use with_attributes;

/// Puts the `Expires` header of a transfer on the request that makes the copy, as the source has it: S3 takes any text there and
/// hands it out as it came (<https://github.com/aws/aws-sdk-go/issues/322>), where the SDK takes nothing but dates.
pub(super) fn expires(transfer: &Transfer) -> impl Fn(&mut HttpRequest) + Send + Sync + 'static {
    let text = transfer.attributes.expires.clone();
    move |request| {
        if let Some(text) = &text
            && request.headers_mut().try_insert("expires", text.clone()).is_err()
        {
            tracing::warn!(text, "an Expires header cannot be sent, and the verification will report it");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn the_expires_header_is_sent_as_the_source_has_it_date_or_not() {
        for text in ["Wed, 21 Oct 2026 07:28:00 GMT", "Fri, 1 Sep 2023 01:01:01 GMT", "0", "never"] {
            let mut transfer = testing::single(3);
            transfer.attributes.expires = Some(text.to_owned());
            let mut request = HttpRequest::empty();
            expires(&transfer)(&mut request);
            assert_eq!(request.headers().get("expires"), Some(text));
        }
        let mut request = HttpRequest::empty();
        expires(&testing::single(3))(&mut request);
        assert_eq!(request.headers().get("expires"), None);
    }
}
