//! The permissions for operations of S3, by its table
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html>) and by the more detailed
//! pages of the API reference.

use super::Permission;

/// The parts of a request that determine its permissions.
#[derive(Debug, Default)]
pub struct S3Request<'a> {
    /// For example `GetObject`.
    pub operation: &'a str,
    /// The bucket; empty for `ListBuckets`.
    pub bucket: &'a str,
    /// The key; empty for operations on buckets.
    pub key: &'a str,
    /// Whether it names a version.
    pub versioned: bool,
    /// Whether it sets tags (`x-amz-tagging`, or a tagging directive that replaces them).
    pub sets_tags: bool,
    /// Whether it writes on condition of an entity tag (`If-Match`).
    pub if_match: bool,
    /// The actions for its Object Lock headers.
    pub lock: &'a [&'a str],
    /// The source of a copy.
    pub source: Option<CopiedObject<'a>>,
}

/// The source of a copy.
#[derive(Debug)]
pub struct CopiedObject<'a> {
    /// The object.
    pub read: Read<'a>,
    /// Whether its tags are copied, which is the default.
    pub with_tags: bool,
}

/// An object to read.
#[derive(Debug, Clone, Copy)]
pub struct Read<'a> {
    /// The bucket.
    pub bucket: &'a str,
    /// The key.
    pub key: &'a str,
    /// The version; `None` for the current one.
    pub version_id: Option<&'a str>,
}

/// The ARN of a bucket.
pub fn bucket_arn(bucket: &str) -> String {
    format!("arn:aws:s3:::{bucket}")
}

/// The bucket in the ARN of a bucket or an object.
pub(super) fn bucket_of_arn(arn: &str) -> Option<&str> {
    arn.strip_prefix("arn:aws:s3:::")?.split('/').next()
}

impl Read<'_> {
    /// The permission for an action on the object.
    pub fn permission(&self, action: &str) -> Permission {
        Permission::new(action, format!("{}/{}", bucket_arn(self.bucket), self.key))
    }

    /// The permission to read the object. A named version has its own action
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html>).
    fn object(&self) -> Permission {
        self.permission(if self.version_id.is_some() { "s3:GetObjectVersion" } else { "s3:GetObject" })
    }

    /// The permissions to read its tags or their number
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectTagging.html>).
    pub fn tags(&self) -> Vec<Permission> {
        self.tagging("s3:GetObjectTagging", "s3:GetObjectVersionTagging")
    }

    /// The tags of a named version *also* need the version's action.
    fn tagging(&self, current: &str, version: &str) -> Vec<Permission> {
        let mut permissions = vec![self.permission(current)];
        permissions.extend(self.version_id.map(|_| self.permission(version)));
        permissions
    }
}

impl S3Request<'_> {
    /// All the permissions for the operation; `None` if the sandbox does not know the operation.
    pub fn permissions(&self) -> Option<Vec<Permission>> {
        if let Some(action) = bucket_action(self.operation) {
            let resource = if self.bucket.is_empty() { "*".to_owned() } else { bucket_arn(self.bucket) };
            let actions = std::iter::once(action).chain(self.lock.iter().copied());
            return Some(actions.map(|action| Permission::new(action, resource.clone())).collect());
        }
        let object = Read { bucket: self.bucket, key: self.key, version_id: self.versioned.then_some("") };
        let locking = self.lock.iter().map(|action| object.permission(action));
        let one = |action: &str| Some(std::iter::once(object.permission(action)).chain(locking.clone()).collect());
        match self.operation {
            "GetObject" | "HeadObject" => Some(vec![object.object()]),
            "GetObjectAttributes" => Some(vec![
                object.object(),
                object.permission(if self.versioned {
                    "s3:GetObjectVersionAttributes"
                } else {
                    "s3:GetObjectAttributes"
                }),
            ]),
            "GetObjectTagging" => Some(object.tags()),
            "PutObjectTagging" => Some(object.tagging("s3:PutObjectTagging", "s3:PutObjectVersionTagging")),
            "DeleteObjectTagging" => Some(object.tagging("s3:DeleteObjectTagging", "s3:DeleteObjectVersionTagging")),
            "DeleteObject" => one(if self.versioned { "s3:DeleteObjectVersion" } else { "s3:DeleteObject" }),
            "PutObject"
            | "CopyObject"
            | "CreateMultipartUpload"
            | "UploadPart"
            | "UploadPartCopy"
            | "CompleteMultipartUpload" => Some(self.writing(object).into_iter().chain(locking).collect()),
            "RestoreObject" => one("s3:RestoreObject"),
            "GetObjectRetention" => one("s3:GetObjectRetention"),
            "PutObjectRetention" => one("s3:PutObjectRetention"),
            "GetObjectLegalHold" => one("s3:GetObjectLegalHold"),
            "PutObjectLegalHold" => one("s3:PutObjectLegalHold"),
            // Each of the objects is authorized separately.
            "DeleteObjects" => Some(Vec::new()),
            "ListParts" => one("s3:ListMultipartUploadParts"),
            "AbortMultipartUpload" => one("s3:AbortMultipartUpload"),
            _ => None,
        }
    }

    fn writing(&self, object: Read<'_>) -> Vec<Permission> {
        let source = self.source.as_ref();
        let mut permissions: Vec<Permission> = source.map(|source| source.read.object()).into_iter().collect();
        permissions.push(object.permission("s3:PutObject"));
        // https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
        if self.if_match {
            permissions.push(object.permission("s3:GetObject"));
        }
        let tagged = source.filter(|source| source.with_tags);
        permissions.extend(tagged.into_iter().flat_map(|source| source.read.tags()));
        if self.sets_tags || tagged.is_some() {
            permissions.push(object.permission("s3:PutObjectTagging"));
        }
        permissions
    }
}

/// The action of an operation on a bucket; `None` for an operation on objects.
fn bucket_action(operation: &str) -> Option<&'static str> {
    Some(match operation {
        "ListBuckets" => "s3:ListAllMyBuckets",
        "CreateBucket" => "s3:CreateBucket",
        "DeleteBucket" => "s3:DeleteBucket",
        "HeadBucket" | "ListObjects" | "ListObjectsV2" => "s3:ListBucket",
        "ListObjectVersions" => "s3:ListBucketVersions",
        "ListMultipartUploads" => "s3:ListBucketMultipartUploads",
        "GetBucketLocation" => "s3:GetBucketLocation",
        "GetBucketVersioning" => "s3:GetBucketVersioning",
        "PutBucketVersioning" => "s3:PutBucketVersioning",
        "GetBucketNotificationConfiguration" => "s3:GetBucketNotification",
        "PutBucketNotificationConfiguration" => "s3:PutBucketNotification",
        "GetBucketEncryption" => "s3:GetEncryptionConfiguration",
        "PutBucketEncryption" => "s3:PutEncryptionConfiguration",
        "GetObjectLockConfiguration" => "s3:GetBucketObjectLockConfiguration",
        "PutObjectLockConfiguration" => "s3:PutBucketObjectLockConfiguration",
        "GetPublicAccessBlock" => "s3:GetBucketPublicAccessBlock",
        "PutPublicAccessBlock" => "s3:PutBucketPublicAccessBlock",
        "GetBucketTagging" => "s3:GetBucketTagging",
        "PutBucketTagging" => "s3:PutBucketTagging",
        "GetBucketLifecycleConfiguration" => "s3:GetLifecycleConfiguration",
        "PutBucketLifecycleConfiguration" => "s3:PutLifecycleConfiguration",
        _ => return None,
    })
}
