//! Multipart uploads, from initiation to completion.

use aws_sdk_s3::{
    Client,
    operation::complete_multipart_upload::{
        CompleteMultipartUploadOutput, builders::CompleteMultipartUploadFluentBuilder,
    },
    primitives::ByteStream,
    types::{
        ChecksumAlgorithm, ChecksumMode, ChecksumType, CompletedMultipartUpload, CompletedPart, ObjectAttributes,
        builders::CompletedPartBuilder,
    },
};
use sandbox_s3::Versioning;

use crate::{
    checksums::{crc64nvme, sha256},
    harness::{PART, Server, bytes, etag, failure, get, put},
};

/// Creates an upload. Returns its ID.
async fn open(client: &Client, key: &str, algorithm: Option<ChecksumAlgorithm>) -> String {
    let create = client.create_multipart_upload().bucket("bucket").key(key).set_checksum_algorithm(algorithm);
    create.send().await.unwrap().upload_id().unwrap().to_owned()
}

/// Uploads a part. Returns its entry for the completion.
async fn part(client: &Client, key: &str, id: &str, number: i32, body: impl Into<ByteStream>) -> CompletedPart {
    let upload = client.upload_part().bucket("bucket").key(key).upload_id(id).part_number(number).body(body.into());
    let output = upload.send().await.unwrap();
    CompletedPart::builder()
        .part_number(number)
        .set_e_tag(output.e_tag().map(str::to_owned))
        .set_checksum_sha256(output.checksum_sha256().map(str::to_owned))
        .build()
}

fn completion(client: &Client, key: &str, id: &str, parts: &[CompletedPart]) -> CompleteMultipartUploadFluentBuilder {
    let upload = CompletedMultipartUpload::builder().set_parts(Some(parts.to_vec())).build();
    client.complete_multipart_upload().bucket("bucket").key(key).upload_id(id).multipart_upload(upload)
}

/// Uploads an object in parts.
pub(crate) async fn upload(
    client: &Client,
    key: &str,
    algorithm: Option<ChecksumAlgorithm>,
    bodies: impl IntoIterator<Item = ByteStream>,
) -> CompleteMultipartUploadOutput {
    // The SDK sends a CRC32 with parts by default, which an upload with another algorithm rejects.
    let id = open(client, key, algorithm.clone()).await;
    let mut parts = Vec::new();
    for (number, body) in (1..).zip(bodies) {
        let send = client.upload_part().bucket("bucket").key(key).upload_id(&id).part_number(number).body(body);
        let output = send.set_checksum_algorithm(algorithm.clone()).send().await.unwrap();
        let done = CompletedPart::builder().part_number(number).set_e_tag(output.e_tag().map(str::to_owned));
        parts.push(done.set_checksum_sha256(output.checksum_sha256().map(str::to_owned)).build());
    }
    completion(client, key, &id, &parts).send().await.unwrap()
}

#[tokio::test]
async fn a_multipart_object_lists_its_parts() {
    let (server, _client) = Server::with_bucket(Versioning::Enabled).await;
    let client = server.plain_client();
    let (first, second) = (bytes(PART, 1), bytes(1000, 2));
    let whole = [first.clone(), second.clone()].concat();
    let id = {
        let create = client.create_multipart_upload().bucket("bucket").key("a").content_type("text/x");
        create.metadata("k", "v").tagging("t=1").send().await.unwrap().upload_id().unwrap().to_owned()
    };
    let parts = [
        part(&client, "a", &id, 3, ByteStream::from(first.clone())).await,
        part(&client, "a", &id, 7, ByteStream::from(second.clone())).await,
    ];
    let done = completion(&client, "a", &id, &parts).send().await.unwrap();
    let md5s: Vec<u8> =
        [&first, &second].iter().flat_map(|body| hex::decode(etag(body).trim_matches('"')).unwrap()).collect();
    let expected = format!("{}-2\"", etag(&md5s).trim_end_matches('"'));
    assert_eq!(done.e_tag(), Some(expected.as_str()));
    assert_eq!(done.checksum_crc64_nvme(), Some(crc64nvme(&whole).as_str()), "nothing declared means CRC64NVME");
    assert!(get(&client, "bucket", "a").await == whole, "the bytes differ");

    let head = client.head_object().bucket("bucket").key("a").part_number(1).send().await.unwrap();
    assert_eq!((head.parts_count(), head.content_length()), (Some(2), i64::try_from(PART).ok()));
    assert_eq!(head.metadata().unwrap()["k"], "v");
    assert_eq!((head.content_type(), head.tag_count()), (Some("text/x"), Some(1)));
    let last = client.get_object().bucket("bucket").key("a").part_number(2).send().await.unwrap();
    assert!(last.body.collect().await.unwrap().to_vec() == second, "part 2 is the last");
    let beyond = client.get_object().bucket("bucket").key("a").part_number(3).send().await;
    assert_eq!(failure(beyond), (416, "InvalidPartNumber".to_owned()));
}

#[tokio::test]
async fn composite_checksums_are_computed_from_the_parts() {
    let (_server, client) = Server::with_bucket(Versioning::Never).await;
    let bodies = [bytes(PART, 1), bytes(PART, 2), bytes(10, 3)];
    let streams = bodies.clone().map(ByteStream::from);
    let done = upload(&client, "a", Some(ChecksumAlgorithm::Sha256), streams).await;
    let digests: Vec<u8> = bodies
        .iter()
        .flat_map(|body| {
            use sha2::Digest;
            sha2::Sha256::digest(body).to_vec()
        })
        .collect();
    let expected = format!("{}-3", sha256(&digests));
    assert_eq!(done.checksum_sha256(), Some(expected.as_str()));
    assert_eq!(done.checksum_type(), Some(&ChecksumType::Composite));
    let head =
        client.head_object().bucket("bucket").key("a").checksum_mode(ChecksumMode::Enabled).send().await.unwrap();
    assert_eq!(
        (head.checksum_sha256(), head.checksum_type()),
        (Some(expected.as_str()), Some(&ChecksumType::Composite))
    );
    let part = client.head_object().bucket("bucket").key("a").part_number(2).checksum_mode(ChecksumMode::Enabled);
    let part = part.send().await.unwrap();
    assert_eq!(
        (part.checksum_sha256(), part.checksum_type()),
        (Some(sha256(&bodies[1]).as_str()), Some(&ChecksumType::Composite)),
        "the value is the part's, and the type the object's"
    );
    client.copy_object().bucket("bucket").key("copy").copy_source("bucket/a").send().await.unwrap();
    let copy = client.head_object().bucket("bucket").key("copy").checksum_mode(ChecksumMode::Enabled);
    let copy = copy.send().await.unwrap();
    assert_eq!(
        (copy.checksum_sha256(), copy.checksum_type()),
        (Some(sha256(&bodies.concat()).as_str()), Some(&ChecksumType::FullObject)),
        "a copy has a checksum of the whole"
    );
    let page = client.get_object_attributes().bucket("bucket").key("a").max_parts(2);
    let page = page.object_attributes(ObjectAttributes::ObjectParts).send().await.unwrap();
    let page = page.object_parts().unwrap();
    assert_eq!(
        (page.total_parts_count(), page.is_truncated(), page.next_part_number_marker()),
        (Some(3), Some(true), Some("2"))
    );
    assert_eq!(page.parts()[0].checksum_sha256(), Some(sha256(&bodies[0]).as_str()));
}

#[tokio::test]
async fn a_completion_with_a_wrong_checksum_creates_no_object() {
    let (server, _client) = Server::with_bucket(Versioning::Never).await;
    let client = server.plain_client();
    let (first, second) = (bytes(PART, 1), bytes(10, 2));
    let whole = [first.clone(), second.clone()].concat();
    let id = open(&client, "a", Some(ChecksumAlgorithm::Crc64Nvme)).await;
    let parts = [
        part(&client, "a", &id, 1, ByteStream::from(first)).await,
        part(&client, "a", &id, 2, ByteStream::from(second)).await,
    ];
    let complete = || completion(&client, "a", &id, &parts);
    let wrong = complete().checksum_crc64_nvme(crc64nvme(b"other")).send().await;
    assert_eq!(failure(wrong), (400, "BadDigest".to_owned()));
    let wrong = complete().mpu_object_size(1).send().await;
    assert_eq!(failure(wrong), (400, "InvalidRequest".to_owned()));
    let wrong = complete().checksum_type(ChecksumType::Composite).send().await;
    assert_eq!(failure(wrong), (400, "InvalidRequest".to_owned()));
    assert_eq!(failure(client.head_object().bucket("bucket").key("a").send().await).0, 404, "there is no object");
    let right = complete().checksum_crc64_nvme(crc64nvme(&whole)).checksum_type(ChecksumType::FullObject);
    right.mpu_object_size(whole.len().try_into().unwrap()).send().await.unwrap();
    assert_eq!(failure(complete().send().await), (404, "NoSuchUpload".to_owned()));
}

#[tokio::test]
async fn parts_are_validated_at_completion() {
    let (server, _client) = Server::with_bucket(Versioning::Never).await;
    let client = server.plain_client();
    let id = open(&client, "a", None).await;
    let small = part(&client, "a", &id, 1, ByteStream::from_static(b"small")).await;
    let last = part(&client, "a", &id, 2, ByteStream::from_static(b"last")).await;
    let complete = |parts: &[CompletedPart]| completion(&client, "a", &id, parts).send();
    let both = [small.clone(), last.clone()];
    assert_eq!(failure(complete(&both).await), (400, "EntityTooSmall".to_owned()));
    let swapped = [last.clone(), small.clone()];
    assert_eq!(failure(complete(&swapped).await), (400, "InvalidPartOrder".to_owned()));
    let unknown = CompletedPart::builder().part_number(3).e_tag(etag(b"x")).build();
    assert_eq!(failure(complete(&[unknown]).await), (400, "InvalidPart".to_owned()));
    let mistaken = CompletedPart::builder().part_number(1).e_tag(etag(b"x")).build();
    assert_eq!(failure(complete(&[mistaken]).await), (400, "InvalidPart".to_owned()));
    let send = |number: i32| client.upload_part().bucket("bucket").key("a").upload_id(&id).part_number(number).send();
    assert_eq!(failure(send(0).await), (400, "InvalidArgument".to_owned()));
    assert_eq!(failure(send(10_001).await), (400, "InvalidArgument".to_owned()));
    complete(&[last]).await.unwrap();
    assert_eq!(get(&client, "bucket", "a").await, b"last", "a part that is not named is left out");
    assert_eq!(server.blob_sizes(), [4], "and its bytes are gone");
}

#[tokio::test]
async fn the_upload_initiated_last_is_current_regardless_of_completion_order() {
    let (server, _client) = Server::with_bucket(Versioning::Enabled).await;
    let client = server.plain_client();
    let early = open(&client, "a", None).await;
    let late = open(&client, "a", None).await;
    let parts = [part(&client, "a", &late, 1, ByteStream::from_static(b"late")).await];
    let late = completion(&client, "a", &late, &parts).send().await.unwrap();
    let parts = [part(&client, "a", &early, 1, ByteStream::from_static(b"early")).await];
    let early = completion(&client, "a", &early, &parts).send().await.unwrap();
    assert_eq!(get(&client, "bucket", "a").await, b"late");
    let listed = client.list_object_versions().bucket("bucket").send().await.unwrap();
    let ids: Vec<_> = listed.versions().iter().map(|version| version.version_id()).collect();
    assert_eq!(ids, [late.version_id(), early.version_id()]);
}

#[tokio::test]
async fn a_completion_checks_its_condition() {
    let (server, _client) = Server::with_bucket(Versioning::Enabled).await;
    let client = server.plain_client();
    let id = open(&client, "a", None).await;
    let parts = [part(&client, "a", &id, 1, ByteStream::from_static(b"x")).await];
    put(&client, "a", *b"meanwhile").await;
    let failed = (412, "PreconditionFailed".to_owned());
    assert_eq!(failure(completion(&client, "a", &id, &parts).if_none_match("*").send().await), failed);
    assert_eq!(failure(completion(&client, "a", &id, &parts).if_match(etag(b"x")).send().await), failed);
    let expecting = completion(&client, "a", &id, &parts).if_match(etag(b"meanwhile")).send().await;
    assert_eq!(failure(expecting), (409, "ConditionalRequestConflict".to_owned()), "it would not become the newest");
}

#[tokio::test]
async fn copied_parts_share_the_bytes_of_their_source() {
    let (server, _client) = Server::with_bucket(Versioning::Enabled).await;
    server.bucket("source", "us-west-2", Versioning::Enabled);
    let body = bytes(2 * PART + 100, 9);
    let far = server.client("us-west-2");
    let put = far.put_object().bucket("source").key("s k").body(ByteStream::from(body.clone())).send().await.unwrap();
    let client = server.plain_client();
    let id = open(&client, "a", Some(ChecksumAlgorithm::Crc64Nvme)).await;
    let source = format!("source/s%20k?versionId={}", put.version_id().unwrap());
    let copy = |number: i32| {
        let copy = client.upload_part_copy().bucket("bucket").key("a").upload_id(&id).part_number(number);
        copy.copy_source(&source)
    };
    let mut parts = Vec::new();
    for (number, first, last) in [(1, 0, PART - 1), (2, PART, 2 * PART - 1), (3, 2 * PART, 2 * PART + 99)] {
        let copied = copy(number).copy_source_range(format!("bytes={first}-{last}")).copy_source_if_match(etag(&body));
        let copied = copied.send().await.unwrap();
        assert_eq!(copied.copy_source_version_id(), put.version_id());
        let result = copied.copy_part_result().unwrap();
        assert_eq!(result.checksum_crc64_nvme(), Some(crc64nvme(&body[first..=last]).as_str()));
        assert_eq!(result.e_tag(), Some(etag(&body[first..=last]).as_str()));
        parts.push(CompletedPart::builder().part_number(number).set_e_tag(result.e_tag().map(str::to_owned)).build());
    }
    let wrong = copy(4).copy_source_if_match(etag(b"other")).send().await;
    assert_eq!(failure(wrong), (412, "PreconditionFailed".to_owned()));
    let wrong = copy(4).copy_source_range(format!("bytes=0-{}", body.len())).send().await;
    assert_eq!(failure(wrong), (400, "InvalidArgument".to_owned()));
    let done = completion(&client, "a", &id, &parts).checksum_crc64_nvme(crc64nvme(&body)).send().await.unwrap();
    assert!(done.e_tag().unwrap().ends_with("-3\""));
    assert!(get(&client, "bucket", "a").await == body, "the bytes differ");
    assert_eq!(server.blob_sizes(), [body.len() as u64]);
}

#[tokio::test]
async fn an_upload_requires_its_declared_checksum_for_parts() {
    let (_server, client) = Server::with_bucket(Versioning::Never).await;
    let id = open(&client, "a", Some(ChecksumAlgorithm::Sha256)).await;
    let send = client.upload_part().bucket("bucket").key("a").upload_id(&id).part_number(1);
    let send = send.body(ByteStream::from_static(b"x")).checksum_algorithm(ChecksumAlgorithm::Crc32);
    assert_eq!(failure(send.send().await), (400, "InvalidRequest".to_owned()));
    let create = client.create_multipart_upload().bucket("bucket").key("a");
    let create = create.checksum_algorithm(ChecksumAlgorithm::Sha256).checksum_type(ChecksumType::FullObject);
    assert_eq!(failure(create.send().await), (400, "InvalidRequest".to_owned()));
}

#[tokio::test]
async fn crc32_combines_to_a_full_object_checksum() {
    let (_server, client) = Server::with_bucket(Versioning::Never).await;
    let create = client.create_multipart_upload().bucket("bucket").key("a");
    let create = create.checksum_algorithm(ChecksumAlgorithm::Crc32).checksum_type(ChecksumType::FullObject);
    let id = create.send().await.unwrap().upload_id().unwrap().to_owned();
    let bodies = [bytes(PART, 1), bytes(77, 2)];
    let parts = [
        part(&client, "a", &id, 1, ByteStream::from(bodies[0].clone())).await,
        part(&client, "a", &id, 2, ByteStream::from(bodies[1].clone())).await,
    ];
    let done = completion(&client, "a", &id, &parts).send().await.unwrap();
    let crc = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32IsoHdlc, &bodies.concat());
    let crc = u32::try_from(crc).unwrap().to_be_bytes();
    let expected = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, crc);
    assert_eq!(
        (done.checksum_crc32(), done.checksum_type()),
        (Some(expected.as_str()), Some(&ChecksumType::FullObject))
    );
}

#[tokio::test]
async fn parts_are_listed_by_pages_and_an_abort_removes_them() {
    let (server, _client) = Server::with_bucket(Versioning::Never).await;
    let client = server.plain_client();
    let id = open(&client, "a", None).await;
    for number in [2, 4, 6, 8, 10] {
        part(&client, "a", &id, number, ByteStream::from(vec![b'x'; usize::try_from(number).unwrap()])).await;
    }
    let page = |marker: Option<String>| {
        let list = client.list_parts().bucket("bucket").key("a").upload_id(&id).max_parts(2);
        list.set_part_number_marker(marker).send()
    };
    let (mut marker, mut seen) = (None, Vec::new());
    loop {
        let page = page(marker).await.unwrap();
        seen.extend(page.parts().iter().map(|part| (part.part_number().unwrap(), part.size().unwrap())));
        if page.is_truncated() != Some(true) {
            break;
        }
        marker = page.next_part_number_marker().map(str::to_owned);
    }
    assert_eq!(seen, [(2, 2), (4, 4), (6, 6), (8, 8), (10, 10)]);
    let uploads = client.list_multipart_uploads().bucket("bucket").send().await.unwrap();
    assert_eq!(uploads.uploads()[0].upload_id(), Some(id.as_str()));
    let abort = || client.abort_multipart_upload().bucket("bucket").key("a").upload_id(&id).send();
    abort().await.unwrap();
    assert!(server.blob_sizes().is_empty());
    assert_eq!(failure(abort().await), (404, "NoSuchUpload".to_owned()));
    assert_eq!(failure(page(None).await), (404, "NoSuchUpload".to_owned()));
}

#[tokio::test]
async fn a_completion_with_another_checksum_algorithm_than_its_parts_is_rejected() {
    let (server, _client) = Server::with_bucket(Versioning::Never).await;
    let client = server.plain_client();
    let id = open(&client, "a", None).await;
    let done = part(&client, "a", &id, 1, ByteStream::from_static(b"hello")).await;
    let claim = |change: fn(CompletedPartBuilder) -> CompletedPartBuilder| {
        let part = CompletedPart::builder().part_number(1).set_e_tag(done.e_tag().map(str::to_owned));
        completion(&client, "a", &id, &[change(part).build()]).send()
    };
    let other = claim(|part| part.checksum_sha256(sha256(b"hello"))).await;
    assert_eq!(failure(other), (400, "InvalidRequest".to_owned()));
    let wrong = claim(|part| part.checksum_crc64_nvme(crc64nvme(b"other"))).await;
    assert_eq!(failure(wrong), (400, "InvalidPart".to_owned()));
    claim(|part| part.checksum_crc64_nvme(crc64nvme(b"hello"))).await.unwrap();
}
