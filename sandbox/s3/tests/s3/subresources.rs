//! Unsupported subresources of S3 are rejected and have no effect.

use sandbox_s3::Versioning;

use crate::{
    harness::{REGION, Server, get, put},
    raw,
};

/// The subresources of objects, by method. The last ones exist for other methods only
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html>).
const OF_OBJECTS: [(&str, &[&str]); 4] = [
    (
        "PUT",
        &[
            "acl",
            "annotation&annotationName=n",
            "encryption",
            "renameObject",
            "attributes",
            "restore",
            "select&select-type=2",
            "torrent",
            "uploads",
            "uploadId=u",
            "versionId=null",
            "no-such-subresource",
        ],
    ),
    ("DELETE", &["annotation&annotationName=n", "annotation&versionId=VERSION", "acl", "retention", "legal-hold"]),
    ("GET", &["acl", "annotation", "annotation&annotationName=n", "torrent"]),
    ("POST", &["select&select-type=2", "annotation"]),
];

/// The same for buckets.
const OF_BUCKETS: [(&str, &[&str]); 4] = [
    (
        "PUT",
        &[
            "abac",
            "accelerate",
            "acl",
            "analytics&id=i",
            "cors",
            "intelligent-tiering&id=i",
            "inventory&id=i",
            "logging",
            "metadataAnnotationTable",
            "metadataInventoryTable",
            "metadataJournalTable",
            "metrics&id=i",
            "ownershipControls",
            "policy",
            "replication",
            "requestPayment",
            "website",
        ],
    ),
    (
        "DELETE",
        &[
            "analytics&id=i",
            "cors",
            "encryption",
            "intelligent-tiering&id=i",
            "inventory&id=i",
            "lifecycle",
            "metadataConfiguration",
            "metadataTable",
            "metrics&id=i",
            "ownershipControls",
            "policy",
            "publicAccessBlock",
            "replication",
            "tagging",
            "website",
            "abac",
            "object-lock",
            "versioning",
            "no-such-subresource",
        ],
    ),
    (
        "GET",
        &[
            "abac",
            "accelerate",
            "acl",
            "analytics",
            "analytics&id=i",
            "cors",
            "intelligent-tiering",
            "inventory",
            "logging",
            "metadataConfiguration",
            "metadataTable",
            "metrics",
            "ownershipControls",
            "policy",
            "policyStatus",
            "replication",
            "requestPayment",
            "session",
            "website",
        ],
    ),
    ("POST", &["metadataConfiguration", "metadataTable"]),
];

#[tokio::test]
async fn an_unsupported_object_subresource_is_rejected_without_effect() {
    let (server, client) = Server::with_bucket(Versioning::Enabled).await;
    let version = put(&client, "k", *b"kept").await.unwrap();
    for (method, queries) in OF_OBJECTS {
        for query in queries {
            let target = format!("/bucket/k?{}", query.replace("VERSION", &version));
            let answer = raw::send(&server, (method, &target), &[], "annotation").await;
            assert_eq!(answer.failure(), (501, "NotImplemented"), "{method} {target}: {answer:?}");
        }
    }
    let listed = client.list_object_versions().bucket("bucket").send().await.unwrap();
    let ids: Vec<_> = listed.versions().iter().filter_map(|one| one.version_id()).collect();
    assert_eq!((ids, listed.delete_markers().len()), (vec![version.as_str()], 0));
    assert_eq!(get(&client, "bucket", "k").await, b"kept");
}

#[tokio::test]
async fn an_unsupported_bucket_subresource_is_rejected_without_effect() {
    let (server, client) = Server::with_bucket(Versioning::Enabled).await;
    for (method, queries) in OF_BUCKETS {
        for query in queries {
            let target = format!("/bucket?{query}");
            let answer = raw::send(&server, (method, &target), &[], "").await;
            assert_eq!(answer.failure(), (501, "NotImplemented"), "{method} {target}: {answer:?}");
        }
    }
    client.head_bucket().bucket("bucket").send().await.unwrap();
    let answer = raw::send(&server, ("PUT", "/other?abac"), &[], "").await;
    assert_eq!(answer.failure(), (501, "NotImplemented"), "{answer:?}");
    client.head_bucket().bucket("other").send().await.unwrap_err();
}

#[tokio::test]
async fn log_parameters_and_sdk_headers_have_no_effect() {
    let (server, client) = Server::with_bucket(Versioning::Enabled).await;
    for query in ["x-id=PutObject", "x-user=me", ""] {
        let answer = raw::send(&server, ("PUT", &format!("/bucket/k?{query}")), &[], "written").await;
        assert_eq!(answer.status, 200, "{query}: {answer:?}");
    }
    assert_eq!(get(&client, "bucket", "k").await, b"written");
}

#[tokio::test]
async fn a_presigned_request_is_valid_for_at_most_a_week() {
    let (server, client) = Server::with_bucket(Versioning::Enabled).await;
    put(&client, "k", *b"x").await;
    let week = std::time::Duration::from_hours(7 * 24);
    for (lasting, expected) in [(week, (200, "")), (week * 2, (400, "AuthorizationQueryParametersError"))] {
        let request = presigned(&server, "/bucket/k", lasting);
        let answer = raw::answer(&server, request).await;
        assert_eq!(answer.failure(), expected, "{lasting:?}: {answer:?}");
    }
}

fn presigned(server: &Server, path: &str, lasting: std::time::Duration) -> http::Request<s3s::Body> {
    use aws_sigv4::{
        http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign},
        sign::v4,
    };
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(lasting);
    let identity = aws_sdk_s3::config::Credentials::new("AKIDTEST", "secret", None, None, "test").into();
    let parameters = v4::SigningParams::builder().identity(&identity).region(REGION).name("s3");
    let parameters = parameters.time(std::time::SystemTime::now()).settings(settings).build().unwrap().into();
    let host = server.address.to_string();
    let uri = format!("http://{host}{path}");
    let headers = [("host", host.as_str())].into_iter();
    let signable = SignableRequest::new("GET", uri.as_str(), headers, SignableBody::UnsignedPayload).unwrap();
    let mut request = http::Request::get(&uri).header("host", &host).body(s3s::Body::empty()).unwrap();
    sign(signable, &parameters).unwrap().into_parts().0.apply_to_request_http1x(&mut request);
    request
}
