//! The operations of the sandbox's S3 with their query parameters.
//!
//! The query selects the subresource of a request. Without this check, an unknown parameter would change the meaning of
//! a request: `PUT /bucket/key?annotation` writes no object, and `DELETE /bucket?abac` deletes no bucket. Such a
//! request is rejected. The parameters are those of
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html>.

use s3s::{S3Error, S3ErrorCode, S3Result};

/// The response headers that a caller of `GetObject` or `HeadObject` can set.
const READ: &[&str] = &[
    "versionId",
    "partNumber",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
];

/// The parameters of each operation by name.
const OPERATIONS: &[(&str, &[&str])] = &[
    ("AbortMultipartUpload", &["uploadId"]),
    ("CompleteMultipartUpload", &["uploadId"]),
    ("CopyObject", &[]),
    ("CreateBucket", &[]),
    ("CreateMultipartUpload", &["uploads"]),
    ("DeleteBucket", &[]),
    ("DeleteObject", &["versionId"]),
    ("DeleteObjectTagging", &["tagging", "versionId"]),
    ("DeleteObjects", &["delete"]),
    ("GetBucketEncryption", &["encryption"]),
    ("GetBucketLifecycleConfiguration", &["lifecycle"]),
    ("GetBucketLocation", &["location"]),
    ("GetBucketNotificationConfiguration", &["notification"]),
    ("GetBucketTagging", &["tagging"]),
    ("GetBucketVersioning", &["versioning"]),
    ("GetObject", READ),
    ("GetObjectAttributes", &["attributes", "versionId"]),
    ("GetObjectLegalHold", &["legal-hold", "versionId"]),
    ("GetObjectLockConfiguration", &["object-lock"]),
    ("GetObjectRetention", &["retention", "versionId"]),
    ("GetObjectTagging", &["tagging", "versionId"]),
    ("GetPublicAccessBlock", &["publicAccessBlock"]),
    ("HeadBucket", &[]),
    ("HeadObject", READ),
    ("ListBuckets", &["max-buckets", "continuation-token", "prefix", "bucket-region"]),
    (
        "ListMultipartUploads",
        &["uploads", "delimiter", "encoding-type", "key-marker", "max-uploads", "prefix", "upload-id-marker"],
    ),
    (
        "ListObjectVersions",
        &["versions", "delimiter", "encoding-type", "key-marker", "max-keys", "prefix", "version-id-marker"],
    ),
    ("ListObjects", &["delimiter", "encoding-type", "marker", "max-keys", "prefix"]),
    (
        "ListObjectsV2",
        &[
            "list-type",
            "continuation-token",
            "delimiter",
            "encoding-type",
            "fetch-owner",
            "max-keys",
            "prefix",
            "start-after",
        ],
    ),
    ("ListParts", &["max-parts", "part-number-marker", "uploadId"]),
    ("PostObject", &[]),
    ("PutBucketEncryption", &["encryption"]),
    ("PutBucketLifecycleConfiguration", &["lifecycle"]),
    ("PutBucketNotificationConfiguration", &["notification"]),
    ("PutBucketTagging", &["tagging"]),
    ("PutBucketVersioning", &["versioning"]),
    ("PutObject", &[]),
    ("PutObjectLegalHold", &["legal-hold", "versionId"]),
    ("PutObjectLockConfiguration", &["object-lock"]),
    ("PutObjectRetention", &["retention", "versionId"]),
    ("PutObjectTagging", &["tagging", "versionId"]),
    ("PutPublicAccessBlock", &["publicAccessBlock"]),
    ("RestoreObject", &["restore", "versionId"]),
    ("UploadPart", &["partNumber", "uploadId"]),
    ("UploadPartCopy", &["partNumber", "uploadId"]),
];

/// The query parameters of signatures, of version 4 in lower case
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>), and those that SDKs add.
const SIGNING: [&str; 13] = [
    "x-amz-algorithm",
    "x-amz-checksum-mode",
    "x-amz-content-sha256",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-expires",
    "x-amz-security-token",
    "x-amz-signature",
    "x-amz-signedheaders",
    "x-amz-user-agent",
    "AWSAccessKeyId",
    "Expires",
    "Signature",
];

/// The names of the operations.
pub fn operations() -> impl Iterator<Item = &'static str> {
    OPERATIONS.iter().map(|(name, _)| *name)
}

/// Rejects an unknown operation, and a query with parameters that the operation does not have.
pub(crate) fn check(operation: &str, query: &str) -> S3Result<()> {
    let not_implemented = |message| Err(S3Error::with_message(S3ErrorCode::NotImplemented, message));
    let Some((_, known)) = OPERATIONS.iter().find(|(name, _)| *name == operation) else {
        return not_implemented(format!("The sandbox does not implement {operation}."));
    };
    let mut given = url::form_urlencoded::parse(query.as_bytes()).map(|(name, _)| name);
    match given.find(|name| !known.contains(&&**name) && !is_of_any_request(name)) {
        None => Ok(()),
        Some(name) => not_implemented(format!(
            "The sandbox does not implement what the query parameter '{name}' asks for, and {operation} has none of \
                 that name."
        )),
    }
}

/// Whether a parameter may occur in any request. S3 ignores parameters that begin with `x-`, except its own
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html>, Custom access log information).
fn is_of_any_request(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    SIGNING.contains(&name)
        || SIGNING.contains(&lower.as_str())
        || (lower.starts_with("x-") && !lower.starts_with("x-amz-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_of_signatures_and_sdks_are_accepted() {
        for query in [
            "",
            "x-id=PutObject",
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=c&X-Amz-Date=d&X-Amz-Expires=1&X-Amz-SignedHeaders=host&\
             X-Amz-Signature=s&X-Amz-Security-Token=t&x-user=me",
            "AWSAccessKeyId=a&Signature=s&Expires=1",
        ] {
            assert!(check("PutObject", query).is_ok(), "{query}");
        }
    }

    #[test]
    fn a_header_moved_into_the_query_is_not_ignored() {
        for query in ["x-amz-copy-source=b%2Fk", "X-Amz-Acl=public-read"] {
            let refused = check("PutObject", query).map_err(|error| error.code().clone());
            assert_eq!(refused, Err(S3ErrorCode::NotImplemented), "{query}");
        }
    }

    #[test]
    fn a_parameter_belongs_to_one_operation() {
        assert!(check("UploadPart", "partNumber=1&uploadId=u&x-id=UploadPart").is_ok());
        for (operation, query) in [
            ("PutObject", "uploadId=u"),
            ("PutObject", "versionId=v"),
            ("DeleteObject", "%61nnotation"),
            ("ListObjects", "Prefix=a"),
        ] {
            assert!(check(operation, query).is_err(), "{operation} {query}");
        }
        assert!(check("GetBucketAcl", "acl").is_err(), "the operation does not exist");
    }
}
