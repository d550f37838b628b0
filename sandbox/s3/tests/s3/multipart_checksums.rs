//! Checksums of multipart objects: every algorithm, full-object or composite
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html>).

use aws_sdk_s3::{
    Client,
    operation::{
        complete_multipart_upload::builders::CompleteMultipartUploadFluentBuilder, head_object::HeadObjectOutput,
    },
    primitives::ByteStream,
    types::{
        ChecksumAlgorithm, ChecksumMode, ChecksumType, CompletedMultipartUpload, CompletedPart,
        builders::CompletedPartBuilder,
    },
};
use base64::{Engine, engine::general_purpose::STANDARD};
use crc_fast::CrcAlgorithm;
use sandbox_s3::Versioning;

use crate::harness::{PART, Server, bytes, failure};

/// Every algorithm with every type that it allows.
const DECLARATIONS: [(ChecksumAlgorithm, ChecksumType); 7] = [
    (ChecksumAlgorithm::Crc32, ChecksumType::FullObject),
    (ChecksumAlgorithm::Crc32, ChecksumType::Composite),
    (ChecksumAlgorithm::Crc32C, ChecksumType::FullObject),
    (ChecksumAlgorithm::Crc32C, ChecksumType::Composite),
    (ChecksumAlgorithm::Crc64Nvme, ChecksumType::FullObject),
    (ChecksumAlgorithm::Sha1, ChecksumType::Composite),
    (ChecksumAlgorithm::Sha256, ChecksumType::Composite),
];

/// The checksum of bytes, in S3's format.
fn checksum(algorithm: &ChecksumAlgorithm, bytes: &[u8]) -> String {
    use sha2::Digest;
    let crc32 = |kind| u32::try_from(crc_fast::checksum(kind, bytes)).unwrap().to_be_bytes();
    match algorithm {
        ChecksumAlgorithm::Crc32 => STANDARD.encode(crc32(CrcAlgorithm::Crc32IsoHdlc)),
        ChecksumAlgorithm::Crc32C => STANDARD.encode(crc32(CrcAlgorithm::Crc32Iscsi)),
        ChecksumAlgorithm::Crc64Nvme => crate::checksums::crc64nvme(bytes),
        ChecksumAlgorithm::Sha1 => STANDARD.encode(sha1::Sha1::digest(bytes)),
        _ => crate::checksums::sha256(bytes),
    }
}

/// The expected checksum of an object with these parts.
fn expected(algorithm: &ChecksumAlgorithm, kind: &ChecksumType, parts: &[Vec<u8>]) -> String {
    if *kind == ChecksumType::FullObject {
        return checksum(algorithm, &parts.concat());
    }
    let of_parts: Vec<u8> = parts.iter().flat_map(|part| STANDARD.decode(checksum(algorithm, part)).unwrap()).collect();
    format!("{}-{}", checksum(algorithm, &of_parts), parts.len())
}

fn of_part(part: CompletedPartBuilder, algorithm: &ChecksumAlgorithm, value: String) -> CompletedPartBuilder {
    match algorithm {
        ChecksumAlgorithm::Crc32 => part.checksum_crc32(value),
        ChecksumAlgorithm::Crc32C => part.checksum_crc32_c(value),
        ChecksumAlgorithm::Crc64Nvme => part.checksum_crc64_nvme(value),
        ChecksumAlgorithm::Sha1 => part.checksum_sha1(value),
        _ => part.checksum_sha256(value),
    }
}

fn of_whole(
    completion: CompleteMultipartUploadFluentBuilder,
    algorithm: &ChecksumAlgorithm,
    value: String,
) -> CompleteMultipartUploadFluentBuilder {
    match algorithm {
        ChecksumAlgorithm::Crc32 => completion.checksum_crc32(value),
        ChecksumAlgorithm::Crc32C => completion.checksum_crc32_c(value),
        ChecksumAlgorithm::Crc64Nvme => completion.checksum_crc64_nvme(value),
        ChecksumAlgorithm::Sha1 => completion.checksum_sha1(value),
        _ => completion.checksum_sha256(value),
    }
}

fn shown<'a>(head: &'a HeadObjectOutput, algorithm: &ChecksumAlgorithm) -> Option<&'a str> {
    match algorithm {
        ChecksumAlgorithm::Crc32 => head.checksum_crc32(),
        ChecksumAlgorithm::Crc32C => head.checksum_crc32_c(),
        ChecksumAlgorithm::Crc64Nvme => head.checksum_crc64_nvme(),
        ChecksumAlgorithm::Sha1 => head.checksum_sha1(),
        _ => head.checksum_sha256(),
    }
}

async fn head(client: &Client, key: &str) -> HeadObjectOutput {
    client.head_object().bucket("bucket").key(key).checksum_mode(ChecksumMode::Enabled).send().await.unwrap()
}

/// An upload whose parts are sent.
struct Sent<'a> {
    client: &'a Client,
    id: String,
    parts: Vec<CompletedPart>,
}

impl<'a> Sent<'a> {
    /// Sends parts with these numbers and their checksums.
    async fn parts(
        client: &'a Client,
        (algorithm, kind): &(ChecksumAlgorithm, ChecksumType),
        parts: &[(i32, &Vec<u8>)],
    ) -> Self {
        let create = client.create_multipart_upload().bucket("bucket").key("a");
        let create = create.checksum_algorithm(algorithm.clone()).checksum_type(kind.clone()).send().await.unwrap();
        let id = create.upload_id().unwrap().to_owned();
        let mut done = Vec::new();
        for (number, body) in parts {
            let send = client.upload_part().bucket("bucket").key("a").upload_id(&id).part_number(*number);
            let send = send.checksum_algorithm(algorithm.clone()).body(ByteStream::from((*body).clone()));
            let part = CompletedPart::builder().part_number(*number).set_e_tag(send.send().await.unwrap().e_tag);
            done.push(of_part(part, algorithm, checksum(algorithm, body)).build());
        }
        Self { client, id, parts: done }
    }

    fn completion_of(&self, parts: Vec<CompletedPart>) -> CompleteMultipartUploadFluentBuilder {
        let upload = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let complete = self.client.complete_multipart_upload().bucket("bucket").key("a").upload_id(&self.id);
        complete.multipart_upload(upload)
    }

    fn completion(&self) -> CompleteMultipartUploadFluentBuilder {
        self.completion_of(self.parts.clone())
    }
}

#[tokio::test]
async fn every_algorithm_verifies_a_completion_and_copies_get_full_object_checksums() {
    let (_server, client) = Server::with_bucket(Versioning::Never).await;
    let bodies = [bytes(PART, 1), bytes(77, 2)];
    for declared in &DECLARATIONS {
        let (algorithm, kind) = declared;
        let sent = Sent::parts(&client, declared, &[(1, &bodies[0]), (2, &bodies[1])]).await;
        let other = expected(algorithm, kind, &[bodies[1].clone(), bodies[0].clone()]);
        let refused = of_whole(sent.completion(), algorithm, other).send().await;
        assert_eq!(failure(refused), (400, "BadDigest".to_owned()), "{algorithm} {kind}");
        let value = expected(algorithm, kind, &bodies);
        of_whole(sent.completion(), algorithm, value.clone()).checksum_type(kind.clone()).send().await.unwrap();
        let found = head(&client, "a").await;
        assert_eq!(
            (shown(&found, algorithm), found.checksum_type()),
            (Some(value.as_str()), Some(kind)),
            "{algorithm}"
        );
        client.copy_object().bucket("bucket").key("copy").copy_source("bucket/a").send().await.unwrap();
        let copy = head(&client, "copy").await;
        let whole = checksum(algorithm, &bodies.concat());
        let full = Some(&ChecksumType::FullObject);
        assert_eq!((shown(&copy, algorithm), copy.checksum_type()), (Some(whole.as_str()), full), "{algorithm} {kind}");
    }
}

#[tokio::test]
async fn a_composite_checksum_needs_all_part_checksums_and_consecutive_numbers() {
    let (_server, client) = Server::with_bucket(Versioning::Never).await;
    let bodies = [bytes(PART, 1), bytes(77, 2)];
    for declared in DECLARATIONS.iter().filter(|(_, kind)| *kind == ChecksumType::Composite) {
        let sent = Sent::parts(&client, declared, &[(1, &bodies[0]), (2, &bodies[1])]).await;
        let bare = |part: &CompletedPart| {
            CompletedPart::builder().set_part_number(part.part_number).set_e_tag(part.e_tag.clone()).build()
        };
        let untold = sent.completion_of(vec![sent.parts[0].clone(), bare(&sent.parts[1])]).send().await;
        assert_eq!(failure(untold), (400, "InvalidRequest".to_owned()), "{declared:?}");
        sent.completion().send().await.unwrap();

        let with_a_gap = Sent::parts(&client, declared, &[(1, &bodies[0]), (3, &bodies[1])]).await;
        assert_eq!(failure(with_a_gap.completion().send().await), (500, "InternalError".to_owned()), "{declared:?}");
        let from_two = Sent::parts(&client, declared, &[(2, &bodies[1])]).await;
        assert_eq!(failure(from_two.completion().send().await), (500, "InternalError".to_owned()), "{declared:?}");
    }
    let full = (ChecksumAlgorithm::Crc32, ChecksumType::FullObject);
    let with_a_gap = Sent::parts(&client, &full, &[(2, &bodies[0]), (9, &bodies[1])]).await;
    with_a_gap.completion().send().await.unwrap();
}
