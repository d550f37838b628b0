//! Calls of S3 that go wrong.

use aws_sdk_s3::{
    primitives::ByteStream,
    types::{ChecksumAlgorithm, ChecksumMode, CompletedMultipartUpload, CompletedPart},
};
use sandbox::faults::{Effect, Moment, Rule, Service, Target};

use crate::harness::{World, failure};

fn s3(operation: &str) -> Target {
    Target::operation(Service::S3, operation)
}

#[tokio::test]
async fn errors_are_read_by_an_sdk_as_s3s_own() {
    let world = World::start().await;
    world.put("key", b"hello").await;
    let bucket = &world.outputs.outputs["TargetBucket"];
    for (code, status) in [
        ("SlowDown", 503),
        ("InternalError", 500),
        ("AccessDenied", 403),
        ("NoSuchKey", 404),
        ("PreconditionFailed", 412),
        ("ConditionalRequestConflict", 409),
    ] {
        let id = world.rule(Rule::new(s3("GetObject"), Effect::error(code)).times(1));
        let got = world.s3.get_object().bucket(bucket).key("key").send().await;
        assert_eq!(failure(got), (status, code.to_owned()));
        assert_eq!(world.fired(&id), 1);
        assert_eq!(world.get("key").await.unwrap(), b"hello", "{code} struck once");
        world.fault(s3("PutObject"), Effect::error(code));
        let put = world.s3.put_object().bucket(bucket).key("other").body(ByteStream::from_static(b"x")).send().await;
        assert_eq!(failure(put), (status, code.to_owned()));
        world.sandbox.faults().clear();
    }
    assert_eq!(world.get("other").await, None, "what was refused had no effect");
}

#[tokio::test]
async fn the_answer_to_a_struck_head_has_a_status_and_no_body() {
    let world = World::start().await;
    world.put("key", b"hello").await;
    world.fault(s3("HeadObject"), Effect::error("SlowDown"));
    let headed =
        world.s3.head_object().bucket(&world.outputs.outputs["TargetBucket"]).key("key").send().await.unwrap_err();
    let raw = headed.raw_response().unwrap();
    assert_eq!((raw.status().as_u16(), raw.body().bytes().unwrap_or_default()), (503, &b""[..]));
}

#[tokio::test]
async fn an_sdk_that_tries_again_gets_past_errors_and_broken_connections_that_pass() {
    let world = World::start().await;
    for effect in [Effect::error("SlowDown"), Effect::Drop(Moment::Before), Effect::error("InternalError")] {
        let id = world.rule(Rule::new(s3("PutObject"), effect).times(2));
        let put = world.patient_s3().put_object().bucket(&world.outputs.outputs["TargetBucket"]).key("key");
        put.body(ByteStream::from_static(b"hello")).send().await.unwrap();
        assert_eq!(world.fired(&id), 2);
    }
}

#[tokio::test]
async fn a_connection_breaks_before_or_after_the_effect() {
    let world = World::start().await;
    let bucket = &world.outputs.outputs["TargetBucket"];
    for (moment, stored) in [(Moment::Before, None), (Moment::After, Some(b"hello".to_vec()))] {
        world.fault(s3("PutObject"), Effect::Drop(moment));
        let put = world.s3.put_object().bucket(bucket).key("key").body(ByteStream::from_static(b"hello")).send().await;
        assert_eq!(failure(put), (0, "no answer".to_owned()));
        assert_eq!(world.get("key").await, stored, "{moment:?}");
        world.sandbox.faults().clear();
    }
    assert_eq!(world.versions("key").await, 1);
}

#[tokio::test]
async fn a_large_body_that_is_on_its_way_when_the_connection_breaks_is_no_object() {
    let world = World::start().await;
    world.fault(s3("PutObject"), Effect::Drop(Moment::Before));
    let body = ByteStream::from(vec![7; 8 << 20]);
    let put = world.s3.put_object().bucket(&world.outputs.outputs["TargetBucket"]).key("key").body(body).send().await;
    assert_eq!(failure(put), (0, "no answer".to_owned()));
    assert_eq!(world.get("key").await, None);
}

#[tokio::test]
async fn latency_is_time_that_passes() {
    let world = World::start().await;
    world.fault(s3("GetObject"), Effect::Latency { millis: 150 });
    world.put("key", b"hello").await;
    let start = std::time::Instant::now();
    assert_eq!(world.get("key").await.unwrap(), b"hello");
    assert!(start.elapsed().as_millis() >= 150, "it took {:?}", start.elapsed());
}

/// An upload of one part, which is there.
async fn open_upload(world: &World, key: &str) -> (String, CompletedMultipartUpload) {
    let bucket = &world.outputs.outputs["TargetBucket"];
    let upload = world.s3.create_multipart_upload().bucket(bucket).key(key);
    let id = upload.checksum_algorithm(ChecksumAlgorithm::Crc64Nvme).send().await.unwrap().upload_id.unwrap();
    let part = world.s3.upload_part_copy().bucket(bucket).key(key).upload_id(&id).part_number(1);
    let copied = part.copy_source(format!("{bucket}/source")).send().await.unwrap();
    let tag = copied.copy_part_result.unwrap().e_tag;
    let part = CompletedPart::builder().part_number(1).set_e_tag(tag).build();
    (id, CompletedMultipartUpload::builder().parts(part).build())
}

#[tokio::test]
async fn copies_and_completions_may_answer_200_with_an_error_inside() {
    let world = World::start().await;
    let bucket = &world.outputs.outputs["TargetBucket"];
    world.put("source", b"hello").await;
    let from = format!("{bucket}/source");
    let (id, parts) = open_upload(&world, "large").await;
    world.fault(Target::default(), Effect::error_inside_200("InternalError"));

    let copied = world.s3.copy_object().bucket(bucket).key("copy").copy_source(&from).send().await;
    assert_eq!(failure(copied), (200, "InternalError".to_owned()));
    let part = world.s3.upload_part_copy().bucket(bucket).key("large").upload_id(&id).part_number(2);
    assert_eq!(failure(part.copy_source(&from).send().await), (200, "InternalError".to_owned()));
    let complete = world.s3.complete_multipart_upload().bucket(bucket).key("large").upload_id(&id);
    let complete = complete.multipart_upload(parts);
    assert_eq!(failure(complete.clone().send().await), (200, "InternalError".to_owned()));
    assert_eq!((world.get("copy").await, world.get("large").await), (None, None));
    world.sandbox.faults().clear();
    complete.send().await.unwrap();
    assert_eq!(world.get("large").await.unwrap(), b"hello");
}

#[tokio::test]
async fn one_part_of_one_key_can_be_struck() {
    let world = World::start().await;
    let bucket = &world.outputs.outputs["TargetBucket"];
    world.put("source", b"hello").await;
    let (id, _) = open_upload(&world, "large").await;
    world.fault(s3("UploadPartCopy").bucket(bucket).key("lar*").part(7), Effect::error("SlowDown"));
    for (number, expected) in [(6, true), (7, false), (8, true), (7, false)] {
        let part = world.s3.upload_part_copy().bucket(bucket).key("large").upload_id(&id).part_number(number);
        let copied = part.copy_source(format!("{bucket}/source")).send().await;
        assert_eq!(copied.is_ok(), expected, "part {number}: {copied:?}");
    }
}

/// CRC64NVME as S3 stores it.
async fn checksum(world: &World, key: &str) -> Option<String> {
    let head = world.s3.head_object().bucket(&world.outputs.outputs["TargetBucket"]).key(key);
    head.checksum_mode(ChecksumMode::Enabled).send().await.unwrap().checksum_crc64_nvme
}

#[tokio::test]
async fn a_copy_with_a_flipped_byte_has_the_checksum_of_the_flipped_bytes_and_leaves_its_source_alone() {
    let world = World::start().await;
    let bucket = &world.outputs.outputs["TargetBucket"];
    let put = world.s3.put_object().bucket(bucket).key("source").body(ByteStream::from_static(b"hello"));
    put.checksum_algorithm(ChecksumAlgorithm::Crc64Nvme).send().await.unwrap();
    world.rule(Rule::new(s3("CopyObject"), Effect::Flip { offset: 1 }).times(1));
    let copy = |key: &str| world.s3.copy_object().bucket(bucket).key(key).copy_source(format!("{bucket}/source"));
    let answer = copy("bad").send().await.unwrap();
    copy("good").send().await.unwrap();
    assert_eq!(world.get("bad").await.unwrap(), b"hdllo");
    assert_eq!(world.get("source").await.unwrap(), b"hello");
    assert_eq!(world.get("good").await.unwrap(), b"hello", "a later copy of the same source");
    let told = answer.copy_object_result.unwrap().checksum_crc64_nvme;
    assert_eq!(checksum(&world, "bad").await, told);
    assert_ne!(checksum(&world, "bad").await, checksum(&world, "source").await);
    let fresh = world.s3.put_object().bucket(bucket).key("fresh").body(ByteStream::from_static(b"hdllo"));
    fresh.checksum_algorithm(ChecksumAlgorithm::Crc64Nvme).send().await.unwrap();
    assert_eq!(checksum(&world, "fresh").await, told, "it is the checksum of the bytes as they are stored");
}

#[tokio::test]
async fn a_part_with_a_flipped_byte_makes_an_object_that_differs_and_s3_refuses_to_complete_it_as_the_source() {
    let world = World::start().await;
    let bucket = &world.outputs.outputs["TargetBucket"];
    let put = world.s3.put_object().bucket(bucket).key("source").body(ByteStream::from_static(b"hello"));
    put.checksum_algorithm(ChecksumAlgorithm::Crc64Nvme).send().await.unwrap();
    let right = checksum(&world, "source").await;
    world.fault(s3("UploadPartCopy"), Effect::Flip { offset: 7 });
    let (id, parts) = open_upload(&world, "large").await;
    let complete = world.s3.complete_multipart_upload().bucket(bucket).key("large").upload_id(id);
    let complete = complete.multipart_upload(parts);
    let proven = complete.clone().set_checksum_crc64_nvme(right).send().await;
    assert_eq!(failure(proven), (400, "BadDigest".to_owned()));
    assert_eq!(world.get("large").await, None);
    complete.send().await.unwrap();
    assert_eq!(world.get("large").await.unwrap(), b"hemlo", "byte 7 of 5 is byte 2");
    assert_eq!(world.get("source").await.unwrap(), b"hello");
}

#[tokio::test]
async fn an_upload_is_flipped_after_its_checksum_was_found_right() {
    let world = World::start().await;
    let bucket = &world.outputs.outputs["TargetBucket"];
    world.rule(Rule::new(s3("PutObject"), Effect::Flip { offset: 0 }).times(2));
    let put = world.s3.put_object().bucket(bucket).key("key").body(ByteStream::from_static(b"hello"));
    put.checksum_algorithm(ChecksumAlgorithm::Crc64Nvme).send().await.unwrap();
    assert_eq!(world.get("key").await.unwrap(), b"iello");
    let empty = world.s3.put_object().bucket(bucket).key("empty").body(ByteStream::from_static(b""));
    empty.send().await.unwrap();
    assert_eq!(world.get("empty").await.unwrap(), b"", "there is nothing to flip");
}
