//! A redrive copies only the missing parts of a failed slice.

use holdfast_tests::{TestResult, domain::Tolerance, fixture::Fixture, in_process::CompletionChecksum};
use sandbox::faults::{Effect, Rule, Service, Target};

use crate::scenario::setup;

const PART: usize = 5 << 20;
const PARTS: u64 = 8;

#[tokio::test(flavor = "multi_thread")]
async fn a_redrive_copies_only_the_failed_one_of_eight_parts() -> TestResult {
    let fixture = Fixture::start(setup(CompletionChecksum::Reported)).await?;

    let target = Target::operation(Service::S3, "UploadPartCopy").part(7).state("CopySlice");
    fixture.sandbox.faults().add(Rule::new(target, Effect::error("AccessDenied")))?;

    fixture.upload_in_parts("large", &vec![7; 7 * PART + 1], PART).await?;
    let failed = fixture.wait_for_failure().await?;

    assert_eq!(failed.error, "Destination.Denied", "{}", failed.message);
    assert_eq!(fixture.s3_requests("UploadPartCopy"), PARTS, "each part is requested once");
    let report = fixture.check_domain(Tolerance::default()).await?;
    assert_eq!(report.unfinished.len(), 1, "its upload stays open");

    fixture.sandbox.faults().clear();
    fixture.redrive(&failed.execution.arn).await?;
    fixture.wait_for_success().await?;

    assert_eq!(
        fixture.s3_requests("UploadPartCopy"),
        PARTS + 1 + PARTS,
        "part 7 again, then every part of the replica"
    );
    fixture.check_domain(Tolerance::default()).await?;
    Ok(())
}
