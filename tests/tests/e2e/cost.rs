//! The cost of a backup: S3 requests, state transitions and cold starts.

use std::collections::BTreeMap;

use aws_sdk_s3::{primitives::ByteStream, types::ChecksumAlgorithm};
use holdfast_tests::{
    TestResult,
    fixture::{Fixture, Setup},
};

/// The S3 requests of one small backup by operation, without the upload.
async fn requests_of_a_backup(fixture: &Fixture, tagging: Option<&str>) -> TestResult<BTreeMap<String, u64>> {
    let before = fixture.sandbox.s3().requests();
    assert!(before.is_empty(), "S3 has no requests before the upload: {before:?}");
    let upload = fixture.s3.put_object().bucket(&fixture.outputs.source_bucket).key("k");
    let upload = upload.checksum_algorithm(ChecksumAlgorithm::Crc64Nvme).set_tagging(tagging.map(str::to_owned));
    upload.body(ByteStream::from_static(b"bytes")).send().await?;
    fixture.wait_for_success().await?;
    let mut requests = fixture.sandbox.s3().requests();
    if let Some(puts) = requests.get_mut("PutObject") {
        *puts -= 1;
    }
    Ok(requests)
}

/// The requests by operation since an earlier count.
fn added_requests(before: &BTreeMap<String, u64>, after: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let added = |(name, count): (&String, &u64)| (name.clone(), count - before.get(name).copied().unwrap_or_default());
    after.iter().map(added).collect()
}

fn counts<const N: usize>(expected: [(&str, u64); N]) -> BTreeMap<String, u64> {
    expected.into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
}

#[tokio::test]
async fn a_small_backup_makes_seven_s3_requests_and_enters_six_states() -> TestResult {
    let fixture = Fixture::start(Setup::default().without_replica()).await?;

    let requests = requests_of_a_backup(&fixture, None).await?;
    let expected =
        counts([("HeadObject", 3), ("GetObject", 1), ("GetObjectTagging", 1), ("CopyObject", 1), ("PutObject", 1)]);

    assert_eq!(requests, expected);

    let execution = fixture.wait_for_success().await?;

    assert_eq!(fixture.path(&execution).await?.len(), 6);
    Ok(())
}

#[tokio::test]
async fn tags_cost_no_additional_request() -> TestResult {
    let fixture = Fixture::start(Setup::default().without_replica()).await?;
    let requests = requests_of_a_backup(&fixture, Some("team=a&stage=b")).await?;
    assert_eq!(requests.values().sum::<u64>(), 7, "{requests:?}");
    Ok(())
}

#[tokio::test]
async fn a_backup_over_an_older_one_costs_one_additional_request() -> TestResult {
    let fixture = Fixture::start(Setup::default().without_replica()).await?;

    fixture.upload("k", "first").await?;
    fixture.wait_for_executions(1).await?;
    let before = fixture.sandbox.s3().requests();
    fixture.upload("k", "second").await?;
    fixture.wait_for_executions(2).await?;
    let added = added_requests(&before, &fixture.sandbox.s3().requests());
    let count = |operation: &str| added.get(operation).copied().unwrap_or_default();

    assert_eq!((count("HeadObject"), count("GetObjectTagging"), count("CopyObject")), (4, 1, 1));
    assert_eq!((count("PutObject"), count("ListObjectVersions")), (2, 0), "the upload and the receipt");
    Ok(())
}

#[tokio::test]
async fn a_replica_costs_four_additional_requests_and_four_states() -> TestResult {
    let fixture = Fixture::start(Setup::default()).await?;

    let requests = requests_of_a_backup(&fixture, Some("team=a&stage=b")).await?;
    let expected =
        counts([("HeadObject", 5), ("GetObject", 2), ("GetObjectTagging", 1), ("CopyObject", 2), ("PutObject", 1)]);

    assert_eq!(requests, expected);

    let execution = fixture.wait_for_success().await?;

    assert_eq!(fixture.path(&execution).await?.len(), 10);
    Ok(())
}

#[tokio::test]
async fn a_repeated_event_costs_four_requests_and_copies_nothing() -> TestResult {
    let fixture = Fixture::start(Setup::default()).await?;

    fixture.upload("k", "bytes").await?;
    let first = fixture.wait_for_success().await?;
    let before = fixture.sandbox.s3().requests();
    fixture.start_execution(&fixture.input_event(&first).await?).await?;
    fixture.wait_for_executions(2).await?;
    let added = added_requests(&before, &fixture.sandbox.s3().requests());
    let count = |operation: &str| added.get(operation).copied().unwrap_or_default();

    assert_eq!((count("HeadObject"), count("GetObjectTagging")), (2, 1), "source and destination; tags");
    assert_eq!(count("GetObject"), 1, "the receipt, which names the version at the destination");
    assert_eq!(added.values().sum::<u64>(), 4);
    Ok(())
}

#[tokio::test]
async fn ten_sequential_uploads_start_each_function_once() -> TestResult {
    let fixture = Fixture::start(Setup::default()).await?;

    for number in 1..=10 {
        fixture.upload("k", format!("version {number}")).await?;
        fixture.wait_for_executions(number).await?;
    }
    let lambda = fixture.sandbox.lambda();

    for function in &fixture.sandbox.stack().functions {
        let cold_starts = lambda.cold_starts(&function.name)?;
        // Every backup of a small object invokes each function, except for complete-multipart.
        let (expected, least) = if function.crate_name == "complete-multipart" { (0, 0) } else { (1, 10) };
        assert_eq!(cold_starts, expected, "{}", function.crate_name);
        assert!(lambda.invocations(&function.name)? >= least, "{}", function.crate_name);
    }
    Ok(())
}
