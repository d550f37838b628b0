//! Large objects: slices of parts, copied at once.

use holdfast_core::contract::ProofMethod;
use holdfast_tests::{
    TestResult,
    world::{Setup, World},
};

const MIB: usize = 1 << 20;
const PART: usize = 5 * MIB;

/// Bytes that differ from part to part, so that parts in the wrong order show.
fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|at| u8::try_from((at / 1021 + at) % 251).unwrap_or_default()).collect()
}

fn large() -> Setup {
    Setup::default().with("MultipartThreshold", "8388608")
}

#[tokio::test]
async fn a_large_upload_fans_out_over_slices_and_keeps_its_part_layout() -> TestResult {
    let world = World::start(large()).await?;
    let bytes = bytes(17 * PART + 3);
    world.upload_in_parts("large.bin", &bytes, PART).await?;
    let execution = world.succeeded().await?;
    let path = world.path(&execution).await?;
    let entered = |name: &str| path.iter().filter(|state| *state == name).count();
    assert_eq!((entered("CopyParts"), entered("CopySlice")), (1, 3), "18 parts are 3 slices: {path:?}");
    assert_eq!((entered("DigestSlice"), entered("CompleteUpload")), (0, 1), "nothing has to be read: {path:?}");
    assert_eq!((entered("ReplicateParts"), entered("CompleteReplica")), (1, 1), "{path:?}");
    assert!(world.backup("large.bin").await? == bytes, "the backup holds the source's bytes");
    assert!(world.replica("large.bin").await? == bytes, "the replica holds the source's bytes");
    let receipts = world.receipts().await?;
    let receipt = receipts.first().ok_or("no receipt")?;
    assert_eq!(receipt.backup.evidence.method, ProofMethod::StoredChecksums);
    assert!(receipt.backup.evidence.etags_equal, "the copy has the source's own part layout");
    assert_eq!(receipt.source.etag, receipt.backup.stored.etag);
    Ok(())
}

#[tokio::test]
async fn a_large_upload_in_one_piece_is_cut_by_our_own_layout() -> TestResult {
    let world = World::start(large().without_replica()).await?;
    let bytes = bytes(70 * MIB);
    world.upload("large.bin", bytes.clone()).await?;
    let execution = world.succeeded().await?;
    assert!(world.path(&execution).await?.contains(&"CompleteUpload".to_owned()));
    assert!(world.backup("large.bin").await? == bytes);
    let receipts = world.receipts().await?;
    let stored = &receipts.first().ok_or("no receipt")?.backup.stored;
    assert!(stored.etag.as_str().ends_with("-2"), "two parts of at most 64 MiB: {}", stored.etag);
    Ok(())
}

#[tokio::test]
async fn a_large_source_without_a_checksum_is_digested_slice_by_slice() -> TestResult {
    let world = World::start(large().without_replica().with("VerifyMode", "streamed")).await?;
    let bytes = bytes(9 * PART);
    world.upload_in_parts("large.bin", &bytes, PART).await?;
    let execution = world.succeeded().await?;
    let path = world.path(&execution).await?;
    assert_eq!(path.iter().filter(|state| *state == "DigestSlice").count(), 2, "{path:?}");
    let receipts = world.receipts().await?;
    let receipt = receipts.first().ok_or("no receipt")?;
    assert_eq!(receipt.slices.len(), 2, "the digests of the slices stand in the receipt");
    assert_eq!(receipt.backup.evidence.method, ProofMethod::BothStreamed);
    assert_eq!(receipt.backup.evidence.bytes_read, 2 * bytes.len() as u64);
    Ok(())
}
