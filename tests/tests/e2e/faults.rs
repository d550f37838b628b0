//! Faults that last until somebody lifts them: the execution fails where they strike, and a redrive does only what is
//! left.

use std::time::Duration;

use aws_sdk_sfn::types::ExecutionStatus;
use holdfast_tests::{
    TestResult,
    world::{Setup, World},
};
use sandbox::faults::{Effect, Rule, Service, Target};

const PART: usize = 5 << 20;

/// The parts that the one open upload of the backup bucket has.
async fn parts(world: &World) -> TestResult<Vec<i32>> {
    let bucket = &world.outputs.backup_bucket;
    let uploads = world.s3.list_multipart_uploads().bucket(bucket).send().await?;
    let [upload] = uploads.uploads() else {
        return Err(format!("there was to be one open upload: {:?}", uploads.uploads()).into());
    };
    let listed = world.s3.list_parts().bucket(bucket).set_key(upload.key.clone());
    let listed = listed.set_upload_id(upload.upload_id.clone()).send().await?;
    Ok(listed.parts().iter().filter_map(|part| part.part_number).collect())
}

fn copied(world: &World) -> u64 {
    world.sandbox.s3().requests().get("UploadPartCopy").copied().unwrap_or_default()
}

#[tokio::test]
async fn a_part_that_cannot_be_copied_fails_its_execution_and_a_redrive_copies_that_part_alone() -> TestResult {
    let world = World::start(Setup::default().without_replica().with("MultipartThreshold", "8388608")).await?;
    let target = Target::operation(Service::S3, "UploadPartCopy").bucket(&world.outputs.backup_bucket).part(7);
    let fault = world.sandbox.faults().add(Rule::new(target, Effect::error("InternalError")))?;
    let bytes: Vec<u8> = (0..17 * PART + 3).map(|at| u8::try_from(at % 251).unwrap_or_default()).collect();
    world.upload_in_parts("large.bin", &bytes, PART).await?;

    let failed = world.failed().await?;
    assert_eq!(failed.error, "S3.Unavailable", "{}", failed.sentence);
    let path = world.path(&failed.execution).await?;
    assert!(path.contains(&"CopyParts".to_owned()) && !path.contains(&"CompleteUpload".to_owned()), "{path:?}");
    assert!(world.backup("large.bin").await.is_err(), "nothing is visible that is not whole");
    // Slices that were aborted with the Map are copied to their end all the same: their functions run on, as on AWS.
    let others: Vec<i32> = (1..=18).filter(|part| *part != 7).collect();
    let patience = tokio::time::Instant::now() + Duration::from_secs(30);
    while parts(&world).await? != others {
        assert!(tokio::time::Instant::now() < patience, "only these parts are there: {:?}", parts(&world).await?);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    assert!(world.sandbox.faults().remove(&fault), "the rule was in force");
    let before = copied(&world);
    world.states.redrive_execution().execution_arn(&failed.execution.arn).send().await?;
    let redriven = world.succeeded().await?;
    assert_eq!((redriven.arn, redriven.status), (failed.execution.arn, ExecutionStatus::Succeeded));
    assert_eq!(copied(&world) - before, 1, "part 7 is copied, and no other one again");
    assert!(world.backup("large.bin").await? == bytes, "the backup holds the source's bytes");
    let versions =
        world.s3.list_object_versions().bucket(&world.outputs.backup_bucket).prefix("large.bin").send().await?;
    assert_eq!((versions.versions().len(), world.receipts().await?.len()), (1, 1), "one version and one receipt");
    Ok(())
}
