//! Large objects: slices of parts, copied in parallel.

use holdfast_core::contract::ProofMethod;
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
    assert_eq!(receipt.backup.evidence.method, ProofMethod::StoredChecksums);
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
    assert_eq!(receipt.backup.evidence.method, ProofMethod::BothStreamed);
    assert_eq!(receipt.backup.evidence.bytes_read, 2 * bytes.len() as u64);
    Ok(())
}
