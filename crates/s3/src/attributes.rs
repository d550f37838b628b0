//! Sets the attributes of a copy in a request.

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use holdfast_core::contract::Copy;

/// Adds every attribute of a copy, and the key that encrypts it, to a request. CopyObject and CreateMultipartUpload
/// have the same headers, but their builders have no common trait.
macro_rules! with_attributes {
    ($request:expr, $copy:expr, $kms_key:expr) => {{
        use aws_sdk_s3::types::{ServerSideEncryption, StorageClass};

        let (copy, kms_key): (&holdfast_core::contract::Copy, Option<&str>) = ($copy, $kms_key);
        let attributes = &copy.attributes;
        $request
            .set_metadata(Some(attributes.metadata.clone().into_iter().collect()))
            .set_tagging($crate::tags::header(copy))
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

/// Adds the `Expires` header of the source to a request. S3 stores any text
/// (<https://github.com/aws/aws-sdk-go/issues/322>), but the SDK takes only dates.
pub(super) fn expires(copy: &Copy) -> impl Fn(&mut HttpRequest) + Send + Sync + 'static {
    let text = copy.attributes.expires.clone();
    move |request| {
        if let Some(text) = &text
            && request.headers_mut().try_insert("expires", text.clone()).is_err()
        {
            tracing::warn!(text, "the Expires header cannot be sent; the receipt will report the difference");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn the_expires_header_is_sent_even_if_it_is_not_a_date() {
        for text in ["Wed, 21 Oct 2026 07:28:00 GMT", "Fri, 1 Sep 2023 01:01:01 GMT", "0", "never"] {
            let mut copy = testing::single(3).copy;
            copy.attributes.expires = Some(text.to_owned());
            let mut request = HttpRequest::empty();
            expires(&copy)(&mut request);
            assert_eq!(request.headers().get("expires"), Some(text));
        }
        let mut request = HttpRequest::empty();
        expires(&testing::single(3).copy)(&mut request);
        assert_eq!(request.headers().get("expires"), None);
    }
}
