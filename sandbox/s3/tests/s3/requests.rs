//! Requests are counted by operation, regardless of their result.

use aws_sdk_s3::primitives::ByteStream;
use sandbox_s3::Versioning;

use crate::harness::{Server, failure};

#[tokio::test]
async fn signed_requests_are_counted_by_operation_regardless_of_result() {
    let (server, client) = Server::with_bucket(Versioning::Never).await;
    for key in ["a", "b"] {
        client.put_object().bucket("bucket").key(key).body(ByteStream::from_static(b"x")).send().await.unwrap();
    }
    client.head_object().bucket("bucket").key("a").send().await.unwrap();
    client.head_object().bucket("bucket").key("missing").send().await.unwrap_err();
    let missing = client.get_object().bucket("elsewhere").key("a").send().await;
    assert_eq!(failure(missing).0, 404);

    let unsigned = http::Request::get("/bucket/a").header("host", server.address.to_string());
    let refused = server.s3.service().call(unsigned.body(s3s::Body::empty()).unwrap()).await;
    assert_eq!(refused.status().as_u16(), 403);

    let requests = server.s3.requests();
    let count = |operation: &str| requests.get(operation).copied().unwrap_or_default();
    assert_eq!((count("PutObject"), count("HeadObject"), count("GetObject")), (2, 2, 1), "{requests:?}");
}
