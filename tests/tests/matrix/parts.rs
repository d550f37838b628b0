//! What a failed slice has copied is not copied again: of all its parts a redrive copies the one that is missing.

use holdfast_tests::{TestResult, domain::Known, in_process::Store, world::World};
use sandbox::faults::{Effect, ErrorAnswer, Rule, Service, Target, When};

use crate::scenario::setup;

const PART: usize = 5 << 20;
const PARTS: u64 = 8;

/// How often a part was asked to be copied so far, in both legs.
fn copies(world: &World) -> u64 {
    world.sandbox.s3().requests().get("UploadPartCopy").copied().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_eight_parts_a_redrive_copies_the_one_that_failed() -> TestResult {
    let world = World::start(setup(Store::TellsChecksums)).await?;
    let denied = ErrorAnswer { status: None, code: "AccessDenied".to_owned(), message: None, inside200: false };
    let target = Target {
        service: Some(Service::S3),
        operation: Some("UploadPartCopy".to_owned()),
        part: Some(7),
        state: Some("CopySlice".to_owned()),
        ..Target::default()
    };
    world.sandbox.faults().add(Rule { target, when: When::default(), effect: Effect::Error(denied) })?;
    world.upload_in_parts("large", &vec![7; 7 * PART + 1], PART).await?;
    let failed = world.failed().await?;
    assert_eq!(failed.error, "Destination.Denied", "{}", failed.sentence);
    assert_eq!(copies(&world), PARTS, "each part was asked for once, the one that is refused too");
    let report = world.check_domain(Known::default()).await?;
    assert_eq!(report.unfinished.len(), 1, "its upload stays open, and nothing is visible");

    world.sandbox.faults().clear();
    world.states.redrive_execution().execution_arn(&failed.execution.arn).send().await?;
    world.succeeded().await?;
    assert_eq!(copies(&world), PARTS + 1 + PARTS, "part 7 again, and then every part of the replica");
    world.check_domain(Known::default()).await?;
    Ok(())
}
