//! Persistent faults: the execution fails, and a redrive does only the remaining work.

use std::time::Duration;

use aws_sdk_sfn::types::ExecutionStatus;
use holdfast_tests::{
    TestResult,
    fixture::{Fixture, Setup},
};
use sandbox::faults::{Effect, Rule, Service, Target};

const PART: usize = 5 << 20;

/// The parts of the one open upload in the backup bucket.
async fn copied_parts(fixture: &Fixture) -> TestResult<Vec<i32>> {
    let bucket = &fixture.outputs.backup_bucket;
    let uploads = fixture.s3.list_multipart_uploads().bucket(bucket).send().await?;
    let [upload] = uploads.uploads() else {
        return Err(format!("one open upload is expected, not {:?}", uploads.uploads()).into());
    };
    let listed = fixture.s3.list_parts().bucket(bucket).set_key(upload.key.clone());
    let listed = listed.set_upload_id(upload.upload_id.clone()).send().await?;
    Ok(listed.parts().iter().filter_map(|part| part.part_number).collect())
}

#[tokio::test]
async fn a_redrive_copies_only_the_part_that_failed() -> TestResult {
    let fixture =
        Fixture::start(Setup::default().without_replica().with_parameter("MultipartThreshold", "8388608")).await?;
    let target = Target::operation(Service::S3, "UploadPartCopy").bucket(&fixture.outputs.backup_bucket).part(7);
    let fault = fixture.sandbox.faults().add(Rule::new(target, Effect::error("InternalError")))?;
    let bytes: Vec<u8> = (0..17 * PART + 3).map(|at| u8::try_from(at % 251).unwrap_or_default()).collect();
    fixture.upload_in_parts("large.bin", &bytes, PART).await?;

    let failed = fixture.wait_for_failure().await?;

    assert_eq!(failed.error, "S3.Unavailable", "{}", failed.message);
    let path = fixture.path(&failed.execution).await?;
    assert!(path.contains(&"CopyParts".to_owned()) && !path.contains(&"CompleteUpload".to_owned()), "{path:?}");
    assert!(fixture.backup("large.bin").await.is_err(), "an incomplete copy is not visible");
    // The functions of the aborted slices continue, as on AWS, so all other parts are copied.
    let others: Vec<i32> = (1..=18).filter(|part| *part != 7).collect();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    while copied_parts(&fixture).await? != others {
        assert!(
            tokio::time::Instant::now() < deadline,
            "only these parts are copied: {:?}",
            copied_parts(&fixture).await?
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    assert!(fixture.sandbox.faults().remove(&fault), "the rule existed");

    let before = fixture.s3_requests("UploadPartCopy");
    fixture.redrive(&failed.execution.arn).await?;
    let redriven = fixture.wait_for_success().await?;

    assert_eq!((redriven.arn, redriven.status), (failed.execution.arn, ExecutionStatus::Succeeded));
    assert_eq!(fixture.s3_requests("UploadPartCopy") - before, 1, "only part 7 is copied");
    assert!(fixture.backup("large.bin").await? == bytes, "the backup holds the source's bytes");
    let versions = fixture.backup_versions("large.bin").await?;
    assert_eq!((versions.len(), fixture.receipts().await?.len()), (1, 1), "one version and one receipt");
    Ok(())
}
