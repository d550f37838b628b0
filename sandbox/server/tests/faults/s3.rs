//! Failing calls to S3.

use aws_sdk_s3::{
    primitives::ByteStream,
    types::{ChecksumAlgorithm, ChecksumMode, CompletedMultipartUpload, CompletedPart},
};
use sandbox::faults::{Effect, Moment, Rule, Service, Target};

use crate::harness::{Fixture, failure};

fn s3(operation: &str) -> Target {
    Target::operation(Service::S3, operation)
}

#[tokio::test]
async fn an_sdk_reads_injected_errors_as_s3s_own() {
    let fixture = Fixture::start().await;
    fixture.put("key", b"hello").await;
    let bucket = &fixture.outputs.outputs["TargetBucket"];
    for (code, status) in [
        ("SlowDown", 503),
        ("InternalError", 500),
        ("AccessDenied", 403),
        ("NoSuchKey", 404),
        ("PreconditionFailed", 412),
        ("ConditionalRequestConflict", 409),
    ] {
        let id = fixture.rule(Rule::new(s3("GetObject"), Effect::error(code)).times(1));
        let got = fixture.s3.get_object().bucket(bucket).key("key").send().await;
        assert_eq!(failure(got), (status, code.to_owned()));
        assert_eq!(fixture.fired(&id), 1);
        assert_eq!(fixture.get("key").await.unwrap(), b"hello", "{code} fires once");
        fixture.fault(s3("PutObject"), Effect::error(code));
        let put = fixture.s3.put_object().bucket(bucket).key("other").body(ByteStream::from_static(b"x")).send().await;
        assert_eq!(failure(put), (status, code.to_owned()));
        fixture.sandbox.faults().clear();
    }
    assert_eq!(fixture.get("other").await, None, "what was refused had no effect");
}

#[tokio::test]
async fn the_injected_error_of_a_head_has_no_body() {
    let fixture = Fixture::start().await;
    fixture.put("key", b"hello").await;
    fixture.fault(s3("HeadObject"), Effect::error("SlowDown"));
    let headed =
        fixture.s3.head_object().bucket(&fixture.outputs.outputs["TargetBucket"]).key("key").send().await.unwrap_err();
    let raw = headed.raw_response().unwrap();
    assert_eq!((raw.status().as_u16(), raw.body().bytes().unwrap_or_default()), (503, &b""[..]));
}

#[tokio::test]
async fn an_sdk_with_retries_overcomes_transient_errors() {
    let fixture = Fixture::start().await;
    for effect in [Effect::error("SlowDown"), Effect::Drop(Moment::Before), Effect::error("InternalError")] {
        let id = fixture.rule(Rule::new(s3("PutObject"), effect).times(2));
        let put = fixture.patient_s3().put_object().bucket(&fixture.outputs.outputs["TargetBucket"]).key("key");
        put.body(ByteStream::from_static(b"hello")).send().await.unwrap();
        assert_eq!(fixture.fired(&id), 2);
    }
}

#[tokio::test]
async fn a_connection_breaks_before_or_after_the_effect() {
    let fixture = Fixture::start().await;
    let bucket = &fixture.outputs.outputs["TargetBucket"];
    for (moment, stored) in [(Moment::Before, None), (Moment::After, Some(b"hello".to_vec()))] {
        fixture.fault(s3("PutObject"), Effect::Drop(moment));
        let put =
            fixture.s3.put_object().bucket(bucket).key("key").body(ByteStream::from_static(b"hello")).send().await;
        assert_eq!(failure(put), (0, "no answer".to_owned()));
        assert_eq!(fixture.get("key").await, stored, "{moment:?}");
        fixture.sandbox.faults().clear();
    }
    assert_eq!(fixture.versions("key").await, 1);
}

#[tokio::test]
async fn a_broken_connection_during_an_upload_creates_no_object() {
    let fixture = Fixture::start().await;
    fixture.fault(s3("PutObject"), Effect::Drop(Moment::Before));
    let body = ByteStream::from(vec![7; 8 << 20]);
    let put =
        fixture.s3.put_object().bucket(&fixture.outputs.outputs["TargetBucket"]).key("key").body(body).send().await;
    assert_eq!(failure(put), (0, "no answer".to_owned()));
    assert_eq!(fixture.get("key").await, None);
}

#[tokio::test]
async fn latency_delays_a_call() {
    let fixture = Fixture::start().await;
    fixture.fault(s3("GetObject"), Effect::Latency { millis: 150 });
    fixture.put("key", b"hello").await;
    let start = std::time::Instant::now();
    assert_eq!(fixture.get("key").await.unwrap(), b"hello");
    assert!(start.elapsed().as_millis() >= 150, "it took {:?}", start.elapsed());
}

/// An upload with one uploaded part.
async fn open_upload(fixture: &Fixture, key: &str) -> (String, CompletedMultipartUpload) {
    let bucket = &fixture.outputs.outputs["TargetBucket"];
    let upload = fixture.s3.create_multipart_upload().bucket(bucket).key(key);
    let id = upload.checksum_algorithm(ChecksumAlgorithm::Crc64Nvme).send().await.unwrap().upload_id.unwrap();
    let part = fixture.s3.upload_part_copy().bucket(bucket).key(key).upload_id(&id).part_number(1);
    let copied = part.copy_source(format!("{bucket}/source")).send().await.unwrap();
    let tag = copied.copy_part_result.unwrap().e_tag;
    let part = CompletedPart::builder().part_number(1).set_e_tag(tag).build();
    (id, CompletedMultipartUpload::builder().parts(part).build())
}

#[tokio::test]
async fn copies_and_completions_can_return_errors_with_status_200() {
    let fixture = Fixture::start().await;
    let bucket = &fixture.outputs.outputs["TargetBucket"];
    fixture.put("source", b"hello").await;
    let from = format!("{bucket}/source");
    let (id, parts) = open_upload(&fixture, "large").await;
    fixture.fault(Target::default(), Effect::error_inside_200("InternalError"));

    let copied = fixture.s3.copy_object().bucket(bucket).key("copy").copy_source(&from).send().await;
    assert_eq!(failure(copied), (200, "InternalError".to_owned()));
    let part = fixture.s3.upload_part_copy().bucket(bucket).key("large").upload_id(&id).part_number(2);
    assert_eq!(failure(part.copy_source(&from).send().await), (200, "InternalError".to_owned()));
    let complete = fixture.s3.complete_multipart_upload().bucket(bucket).key("large").upload_id(&id);
    let complete = complete.multipart_upload(parts);
    assert_eq!(failure(complete.clone().send().await), (200, "InternalError".to_owned()));
    assert_eq!((fixture.get("copy").await, fixture.get("large").await), (None, None));
    fixture.sandbox.faults().clear();
    complete.send().await.unwrap();
    assert_eq!(fixture.get("large").await.unwrap(), b"hello");
}

#[tokio::test]
async fn a_rule_can_match_one_part_of_one_key() {
    let fixture = Fixture::start().await;
    let bucket = &fixture.outputs.outputs["TargetBucket"];
    fixture.put("source", b"hello").await;
    let (id, _) = open_upload(&fixture, "large").await;
    fixture.fault(s3("UploadPartCopy").bucket(bucket).key("lar*").part(7), Effect::error("SlowDown"));
    for (number, expected) in [(6, true), (7, false), (8, true), (7, false)] {
        let part = fixture.s3.upload_part_copy().bucket(bucket).key("large").upload_id(&id).part_number(number);
        let copied = part.copy_source(format!("{bucket}/source")).send().await;
        assert_eq!(copied.is_ok(), expected, "part {number}: {copied:?}");
    }
}

/// The stored CRC64NVME of an object.
async fn checksum(fixture: &Fixture, key: &str) -> Option<String> {
    let head = fixture.s3.head_object().bucket(&fixture.outputs.outputs["TargetBucket"]).key(key);
    head.checksum_mode(ChecksumMode::Enabled).send().await.unwrap().checksum_crc64_nvme
}

#[tokio::test]
async fn a_flipped_byte_of_a_copy_does_not_change_its_source() {
    let fixture = Fixture::start().await;
    let bucket = &fixture.outputs.outputs["TargetBucket"];
    let put = fixture.s3.put_object().bucket(bucket).key("source").body(ByteStream::from_static(b"hello"));
    put.checksum_algorithm(ChecksumAlgorithm::Crc64Nvme).send().await.unwrap();
    fixture.rule(Rule::new(s3("CopyObject"), Effect::Flip { offset: 1 }).times(1));
    let copy = |key: &str| fixture.s3.copy_object().bucket(bucket).key(key).copy_source(format!("{bucket}/source"));
    let answer = copy("bad").send().await.unwrap();
    copy("good").send().await.unwrap();
    assert_eq!(fixture.get("bad").await.unwrap(), b"hdllo");
    assert_eq!(fixture.get("source").await.unwrap(), b"hello");
    assert_eq!(fixture.get("good").await.unwrap(), b"hello", "a later copy of the same source");
    let returned = answer.copy_object_result.unwrap().checksum_crc64_nvme;
    assert_eq!(checksum(&fixture, "bad").await, returned);
    assert_ne!(checksum(&fixture, "bad").await, checksum(&fixture, "source").await);
    let fresh = fixture.s3.put_object().bucket(bucket).key("fresh").body(ByteStream::from_static(b"hdllo"));
    fresh.checksum_algorithm(ChecksumAlgorithm::Crc64Nvme).send().await.unwrap();
    assert_eq!(checksum(&fixture, "fresh").await, returned, "it is the checksum of the bytes as they are stored");
}

#[tokio::test]
async fn s3_refuses_to_complete_a_flipped_part_with_the_source_checksum() {
    let fixture = Fixture::start().await;
    let bucket = &fixture.outputs.outputs["TargetBucket"];
    let put = fixture.s3.put_object().bucket(bucket).key("source").body(ByteStream::from_static(b"hello"));
    put.checksum_algorithm(ChecksumAlgorithm::Crc64Nvme).send().await.unwrap();
    let right = checksum(&fixture, "source").await;
    fixture.fault(s3("UploadPartCopy"), Effect::Flip { offset: 7 });
    let (id, parts) = open_upload(&fixture, "large").await;
    let complete = fixture.s3.complete_multipart_upload().bucket(bucket).key("large").upload_id(id);
    let complete = complete.multipart_upload(parts);
    let proven = complete.clone().set_checksum_crc64_nvme(right).send().await;
    assert_eq!(failure(proven), (400, "BadDigest".to_owned()));
    assert_eq!(fixture.get("large").await, None);
    complete.send().await.unwrap();
    assert_eq!(fixture.get("large").await.unwrap(), b"hemlo", "byte 7 of 5 is byte 2");
    assert_eq!(fixture.get("source").await.unwrap(), b"hello");
}

#[tokio::test]
async fn an_upload_is_flipped_after_its_checksum_was_verified() {
    let fixture = Fixture::start().await;
    let bucket = &fixture.outputs.outputs["TargetBucket"];
    fixture.rule(Rule::new(s3("PutObject"), Effect::Flip { offset: 0 }).times(2));
    let put = fixture.s3.put_object().bucket(bucket).key("key").body(ByteStream::from_static(b"hello"));
    put.checksum_algorithm(ChecksumAlgorithm::Crc64Nvme).send().await.unwrap();
    assert_eq!(fixture.get("key").await.unwrap(), b"iello");
    let empty = fixture.s3.put_object().bucket(bucket).key("empty").body(ByteStream::from_static(b""));
    empty.send().await.unwrap();
    assert_eq!(fixture.get("empty").await.unwrap(), b"", "there is nothing to flip");
}
