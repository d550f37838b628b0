//! One endpoint for every region, and its authentication.

use aws_sdk_s3::{
    config::Credentials,
    error::{ProvideErrorMetadata, SdkError},
    types::{BucketLocationConstraint, CreateBucketConfiguration},
};
use sandbox_s3::Versioning;

use crate::harness::{REGION, Server, failure, put};

#[tokio::test]
async fn a_request_signed_for_another_region_gets_the_right_one() {
    let (server, client) = Server::with_bucket(Versioning::Never).await;
    put(&client, "a", *b"x").await;
    let stranger = server.client("us-west-2");
    let refused = stranger.get_object().bucket("bucket").key("a").send().await;
    let Err(SdkError::ServiceError(error)) = &refused else { panic!("{refused:?}") };
    assert_eq!(error.raw().headers().get("x-amz-bucket-region"), Some(REGION));
    let body = String::from_utf8_lossy(error.raw().body().bytes().unwrap()).into_owned();
    let names: Vec<&str> = body.split('<').filter_map(|piece| piece.split_once('>').map(|(name, _)| name)).collect();
    let opened: Vec<&str> = names.into_iter().filter(|name| !name.starts_with(['/', '?'])).collect();
    assert_eq!(opened, ["Error", "Code", "Message", "Endpoint", "Bucket", "RequestId", "HostId"], "{body}");
    assert_eq!(failure(refused), (301, "PermanentRedirect".to_owned()));
    let head = stranger.head_object().bucket("bucket").key("a").send().await;
    let Err(SdkError::ServiceError(error)) = &head else { panic!("{head:?}") };
    assert_eq!(error.raw().status().as_u16(), 301);
    assert_eq!(error.raw().headers().get("x-amz-bucket-region"), Some(REGION), "all that a HEAD can see");
    assert_eq!(failure(stranger.list_objects_v2().bucket("bucket").send().await).0, 301);
    assert_eq!(failure(stranger.create_multipart_upload().bucket("bucket").key("b").send().await).0, 301);
    let nowhere = stranger.get_object().bucket("nowhere").key("a").send().await;
    assert_eq!(failure(nowhere), (404, "NoSuchBucket".to_owned()));
}

#[tokio::test]
async fn a_virtual_host_request_for_another_region_gets_the_expected_one() {
    let (server, _client) = Server::with_bucket(Versioning::Never).await;
    let request = http::Request::get("/a").header("host", "bucket.localhost:1").header(
        "authorization",
        "AWS4-HMAC-SHA256 Credential=AKIDTEST/20300101/us-west-2/s3/aws4_request, SignedHeaders=host, Signature=0",
    );
    let response = server.s3.service().call(request.body(s3s::Body::empty()).unwrap()).await;
    assert_eq!(response.status().as_u16(), 400);
    let body = http_body_util::BodyExt::collect(response.into_body()).await.unwrap().to_bytes();
    let body = String::from_utf8(body.to_vec()).unwrap();
    assert!(body.contains("<Code>AuthorizationHeaderMalformed</Code>"), "{body}");
    assert!(body.contains("the region &apos;us-west-2&apos; is wrong; expecting &apos;eu-west-1&apos;"), "{body}");
    assert!(body.contains("<Region>eu-west-1</Region>"), "{body}");
}

#[tokio::test]
async fn a_bucket_is_created_in_the_region_of_its_location_constraint() {
    let server = Server::start().await;
    let constraint = |region: &str| {
        CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::from(region)).build()
    };
    let (ireland, virginia) = (server.client("eu-west-1"), server.client("us-east-1"));
    let create = |client: &aws_sdk_s3::Client, name: &str| client.create_bucket().bucket(name);
    create(&ireland, "ireland").create_bucket_configuration(constraint("eu-west-1")).send().await.unwrap();
    create(&virginia, "virginia").send().await.unwrap();
    create(&virginia, "tokyo").create_bucket_configuration(constraint("ap-northeast-1")).send().await.unwrap();
    let unspecified = create(&ireland, "another").send().await;
    assert_eq!(failure(unspecified), (400, "IllegalLocationConstraintException".to_owned()));
    let again = create(&ireland, "ireland").create_bucket_configuration(constraint("eu-west-1")).send().await;
    assert_eq!(failure(again), (409, "BucketAlreadyOwnedByYou".to_owned()));

    let head = ireland.head_bucket().bucket("ireland").send().await.unwrap();
    assert_eq!(head.bucket_region(), Some("eu-west-1"));
    let location = virginia.get_bucket_location().bucket("tokyo").send().await.unwrap();
    assert_eq!(location.location_constraint().map(BucketLocationConstraint::as_str), Some("ap-northeast-1"));
    let buckets = ireland.list_buckets().send().await.unwrap();
    let names: Vec<_> = buckets.buckets().iter().map(|b| (b.name().unwrap(), b.bucket_region().unwrap())).collect();
    assert_eq!(names, [("ireland", "eu-west-1"), ("tokyo", "ap-northeast-1"), ("virginia", "us-east-1")]);
}

#[tokio::test]
async fn only_a_valid_key_and_secret_are_accepted() {
    let (server, client) = Server::with_bucket(Versioning::Never).await;
    put(&client, "a", *b"x").await;
    let with = |key: &str, secret: &str| {
        let credentials = Credentials::new(key, secret, None, None, "test");
        server.client_with(REGION, |config| config.credentials_provider(credentials))
    };
    let read = |client: aws_sdk_s3::Client| async move { client.get_object().bucket("bucket").key("a").send().await };
    let wrong = read(with("AKIDTEST", "wrong")).await;
    let message = ProvideErrorMetadata::message(wrong.as_ref().unwrap_err()).unwrap_or_default().to_owned();
    assert!(message.starts_with("The request signature we calculated does not match"), "{message:?}");
    assert_eq!(failure(wrong), (403, "SignatureDoesNotMatch".to_owned()));
    assert_eq!(failure(read(with("AKIDOTHER", "secret")).await), (403, "InvalidAccessKeyId".to_owned()));
    let request = http::Request::get("/bucket/a").header("host", server.address.to_string());
    let response = server.s3.service().call(request.body(s3s::Body::empty()).unwrap()).await;
    assert_eq!(response.status().as_u16(), 403);
    let body = http_body_util::BodyExt::collect(response.into_body()).await.unwrap().to_bytes();
    assert!(String::from_utf8_lossy(&body).contains("<Code>AccessDenied</Code>"));
}

#[tokio::test]
async fn a_request_that_expects_another_bucket_owner_is_rejected() {
    let (_server, client) = Server::with_bucket(Versioning::Never).await;
    put(&client, "a", *b"x").await;
    let head = |owner: &str| client.head_object().bucket("bucket").key("a").expected_bucket_owner(owner).send();
    head("000000000000").await.unwrap();
    assert_eq!(failure(head("111122223333").await).0, 403);
    let copy = client.copy_object().bucket("bucket").key("b").copy_source("bucket/a");
    let copied = copy.expected_source_bucket_owner("111122223333").send().await;
    assert_eq!(failure(copied), (403, "AccessDenied".to_owned()));
}

#[tokio::test]
async fn a_key_that_is_too_long_is_rejected() {
    let (_server, client) = Server::with_bucket(Versioning::Never).await;
    let refused = client.get_object().bucket("bucket").key("k".repeat(1025)).send().await;
    assert_eq!(ProvideErrorMetadata::message(refused.as_ref().unwrap_err()), Some("Your key is too long"));
    assert_eq!(failure(refused), (400, "KeyTooLongError".to_owned()));
}
