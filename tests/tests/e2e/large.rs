//! Large objects: slices of parts, copied in parallel.

use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart};
use holdfast_core::contract::{Algorithm, ProofMethod};
use holdfast_tests::{
    TestResult,
    fixture::{Fixture, Setup, times_entered},
};

const MIB: usize = 1 << 20;
const PART: usize = 5 * MIB;

/// Bytes that differ from part to part, so that a wrong order of parts is found.
fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|at| u8::try_from((at / 1021 + at) % 251).unwrap_or_default()).collect()
}

fn large() -> Setup {
    Setup::default().with_parameter("MultipartThreshold", "8388608")
}

#[tokio::test]
async fn a_large_upload_is_copied_in_slices_with_its_part_layout() -> TestResult {
    let fixture = Fixture::start(large()).await?;

    let bytes = bytes(17 * PART + 3);
    fixture.upload_in_parts("large.bin", &bytes, PART).await?;
    let execution = fixture.wait_for_success().await?;
    let path = fixture.path(&execution).await?;
    let entered = |state| times_entered(&path, state);

    assert_eq!((entered("CopyParts"), entered("CopySlice")), (1, 3), "18 parts are 3 slices: {path:?}");
    assert_eq!((entered("DigestSlice"), entered("CompleteUpload")), (0, 1), "nothing is read: {path:?}");
    assert_eq!((entered("ReplicateParts"), entered("CompleteReplica")), (1, 1), "{path:?}");
    assert!(fixture.backup("large.bin").await? == bytes, "the backup holds the source's bytes");
    assert!(fixture.replica("large.bin").await? == bytes, "the replica holds the source's bytes");
    let receipt = fixture.only_receipt().await?;
    assert_eq!(receipt.backup.evidence.method, ProofMethod::S3Checksum);
    assert!(receipt.backup.evidence.etags_equal, "the copy has the part layout of its source");
    assert_eq!(receipt.source.etag, receipt.backup.stored.etag);
    Ok(())
}

#[tokio::test]
async fn a_large_single_request_upload_is_copied_in_parts() -> TestResult {
    let fixture = Fixture::start(large().without_replica()).await?;

    let bytes = bytes(70 * MIB);
    fixture.upload("large.bin", bytes.clone()).await?;
    let execution = fixture.wait_for_success().await?;

    assert!(fixture.path(&execution).await?.contains(&"CompleteUpload".to_owned()));
    assert!(fixture.backup("large.bin").await? == bytes);
    let stored = fixture.only_receipt().await?.backup.stored;
    assert!(stored.etag.as_str().ends_with("-2"), "two parts of at most 64 MiB: {}", stored.etag);
    Ok(())
}

#[tokio::test]
async fn with_streamed_verification_a_large_source_is_digested_in_slices() -> TestResult {
    let fixture = Fixture::start(large().without_replica().with_parameter("VerifyMode", "streamed")).await?;

    let bytes = bytes(9 * PART);
    fixture.upload_in_parts("large.bin", &bytes, PART).await?;
    let execution = fixture.wait_for_success().await?;
    let path = fixture.path(&execution).await?;

    assert_eq!(times_entered(&path, "DigestSlice"), 2, "{path:?}");
    let receipt = fixture.only_receipt().await?;
    assert_eq!(receipt.slices.len(), 2, "the receipt has the digests of the slices");
    assert_eq!(receipt.backup.evidence.method, ProofMethod::BothRead);
    assert_eq!(receipt.backup.evidence.bytes_read, 2 * bytes.len() as u64);
    Ok(())
}

/// Uploads 6 MiB in parts of 5 MiB, with a checksum of this type.
async fn upload_in_parts(fixture: &Fixture, key: &str, algorithm: ChecksumAlgorithm, kind: ChecksumType) -> TestResult {
    let (s3, bucket) = (&fixture.s3, &fixture.outputs.source_bucket);
    let create = s3.create_multipart_upload().bucket(bucket).key(key);
    let create = create.checksum_algorithm(algorithm.clone()).checksum_type(kind);
    let upload = create.send().await?.upload_id.ok_or("no upload id")?;
    let mut parts = Vec::new();
    for (number, size) in [(1, 5 << 20), (2, 1 << 20)] {
        let part = s3.upload_part().bucket(bucket).key(key).upload_id(&upload).part_number(number);
        let part = part.checksum_algorithm(algorithm.clone()).body(vec![7; size].into()).send().await?;
        parts.push(
            CompletedPart::builder()
                .part_number(number)
                .set_e_tag(part.e_tag)
                .set_checksum_crc32(part.checksum_crc32)
                .set_checksum_crc32_c(part.checksum_crc32_c)
                .set_checksum_sha1(part.checksum_sha1)
                .set_checksum_sha256(part.checksum_sha256)
                .build(),
        );
    }
    let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
    let request = s3.complete_multipart_upload().bucket(bucket).key(key).upload_id(upload);
    request.multipart_upload(parts).send().await?;
    Ok(())
}

#[tokio::test]
async fn a_source_in_parts_is_proven_by_its_own_checksum_without_reading_it() -> TestResult {
    for (threshold, method, bytes_read) in
        [("5242880", ProofMethod::S3Checksum, 0), ("8388608", ProofMethod::ReadBack, 6 << 20)]
    {
        let fixture = Fixture::start(Setup::default().with_parameter("MultipartThreshold", threshold)).await?;

        for (count, (key, sent, kind, algorithm)) in (1..).zip([
            ("crc32", ChecksumAlgorithm::Crc32, ChecksumType::FullObject, Algorithm::Crc32),
            ("crc32c", ChecksumAlgorithm::Crc32C, ChecksumType::Composite, Algorithm::Crc32C),
            ("sha1", ChecksumAlgorithm::Sha1, ChecksumType::Composite, Algorithm::Sha1),
            ("sha256", ChecksumAlgorithm::Sha256, ChecksumType::Composite, Algorithm::Sha256),
        ]) {
            upload_in_parts(&fixture, key, sent, kind).await?;
            let execution = fixture.wait_for_executions(count).await?.into_iter().next_back().ok_or("no execution")?;
            let states = fixture.path(&execution).await?;
            let receipts = fixture.receipts().await?;
            let receipt = receipts.iter().find(|receipt| receipt.source.key.as_str() == key).ok_or("no receipt")?;

            for copy in [Some(&receipt.backup), receipt.replica.as_ref()] {
                let evidence = &copy.ok_or("no replica")?.evidence;
                assert_eq!((evidence.method, evidence.algorithm), (method, algorithm), "{key}");
                assert_eq!(evidence.bytes_read, bytes_read, "{key}: the source is not read");
            }
            assert!(!states.iter().any(|state| state.starts_with("Digest")), "{key}: {states:?}");
        }
    }
    Ok(())
}
