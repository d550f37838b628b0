//! What one backup costs: S3 requests and state transitions are billed each, and cold starts are waited for.

use std::collections::BTreeMap;

use aws_sdk_s3::{primitives::ByteStream, types::ChecksumAlgorithm};
use holdfast_tests::{
    TestResult,
    world::{Setup, World},
};

/// The S3 requests of one small backup by operation, without those of the upload itself.
async fn requests_of_a_backup(world: &World, tagging: Option<&str>) -> TestResult<BTreeMap<String, u64>> {
    let before = world.sandbox.s3().requests();
    assert!(before.is_empty(), "nothing asks S3 for anything before the upload: {before:?}");
    let upload = world.s3.put_object().bucket(&world.outputs.source_bucket).key("k");
    let upload = upload.checksum_algorithm(ChecksumAlgorithm::Crc64Nvme).set_tagging(tagging.map(str::to_owned));
    upload.body(ByteStream::from_static(b"bytes")).send().await?;
    world.succeeded().await?;
    let mut requests = world.sandbox.s3().requests();
    if let Some(puts) = requests.get_mut("PutObject") {
        *puts -= 1;
    }
    Ok(requests)
}

fn counts<const N: usize>(expected: [(&str, u64); N]) -> BTreeMap<String, u64> {
    expected.into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
}

#[tokio::test]
async fn a_small_backup_makes_six_requests_to_s3_and_enters_six_states() -> TestResult {
    let world = World::start(Setup::default().without_replica()).await?;
    let requests = requests_of_a_backup(&world, None).await?;
    let expected = counts([("HeadObject", 3), ("GetObjectTagging", 1), ("CopyObject", 1), ("PutObject", 1)]);
    assert_eq!(requests, expected);
    let execution = world.succeeded().await?;
    assert_eq!(world.path(&execution).await?.len(), 6);
    Ok(())
}

#[tokio::test]
async fn tags_cost_no_request_more() -> TestResult {
    let world = World::start(Setup::default().without_replica()).await?;
    let requests = requests_of_a_backup(&world, Some("team=a&stage=b")).await?;
    assert_eq!(requests.values().sum::<u64>(), 6, "{requests:?}");
    Ok(())
}

#[tokio::test]
async fn a_backup_over_an_older_one_makes_one_request_more_to_see_that_it_covered_nothing_newer() -> TestResult {
    let world = World::start(Setup::default().without_replica()).await?;
    world.upload("k", "first").await?;
    world.ended(1).await?;
    let before = world.sandbox.s3().requests();
    world.upload("k", "second").await?;
    world.ended(2).await?;
    let after = world.sandbox.s3().requests();
    let more =
        |name: &str| after.get(name).copied().unwrap_or_default() - before.get(name).copied().unwrap_or_default();
    assert_eq!((more("HeadObject"), more("GetObjectTagging"), more("CopyObject")), (4, 1, 1));
    assert_eq!((more("PutObject"), more("ListObjectVersions")), (2, 0), "the upload and the receipt");
    Ok(())
}

#[tokio::test]
async fn a_replica_costs_three_requests_and_four_states_more() -> TestResult {
    let world = World::start(Setup::default()).await?;
    let requests = requests_of_a_backup(&world, Some("team=a&stage=b")).await?;
    let expected = counts([("HeadObject", 5), ("GetObjectTagging", 1), ("CopyObject", 2), ("PutObject", 1)]);
    assert_eq!(requests, expected);
    let execution = world.succeeded().await?;
    assert_eq!(world.path(&execution).await?.len(), 10);
    Ok(())
}

#[tokio::test]
async fn an_event_that_comes_again_costs_four_requests_and_copies_nothing() -> TestResult {
    let world = World::start(Setup::default()).await?;
    world.upload("k", "bytes").await?;
    let first = world.succeeded().await?;
    let before = world.sandbox.s3().requests();
    world.begin(&world.event_of(&first).await?).await?;
    world.ended(2).await?;
    let after = world.sandbox.s3().requests();
    let more =
        |name: &str| after.get(name).copied().unwrap_or_default() - before.get(name).copied().unwrap_or_default();
    assert_eq!((more("HeadObject"), more("GetObjectTagging")), (2, 1), "source and destination; tags");
    assert_eq!(more("GetObject"), 1, "the receipt, which names the version that was seen at the destination");
    assert_eq!(after.values().sum::<u64>() - before.values().sum::<u64>(), 4);
    Ok(())
}

#[tokio::test]
async fn ten_uploads_one_after_the_other_start_each_function_once() -> TestResult {
    let world = World::start(Setup::default()).await?;
    for number in 1..=10 {
        world.upload("k", format!("version {number}")).await?;
        world.ended(number).await?;
    }
    let lambda = world.sandbox.lambda();
    for function in &world.sandbox.stack().functions {
        let cold_starts = lambda.cold_starts(&function.name)?;
        // A small object needs no completion; every other function is used by every backup.
        let (expected, least) = if function.crate_name == "complete-multipart" { (0, 0) } else { (1, 10) };
        assert_eq!(cold_starts, expected, "{}", function.crate_name);
        assert!(lambda.invocations(&function.name)? >= least, "{}", function.crate_name);
    }
    Ok(())
}
