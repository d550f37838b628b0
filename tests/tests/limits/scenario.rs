//! The largest object, the time of its copies, and the faults.

use std::time::Duration;

use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart};
use aws_sdk_sfn::types::ExecutionStatus;
use holdfast_core::layout::{MAX_PART, MAX_PARTS, Slice};
use holdfast_tests::{
    TestResult,
    fixture::{ExecutionSummary, Fixture},
    machine::{Machine, State},
    worst_case,
};
use sandbox::faults::{Effect, ErrorAnswer, Life, Moment, Rule, Service, Target};
use tokio::time::sleep;

/// Uploads the largest object as sparse parts, with this checksum only.
pub(crate) async fn upload_largest(fixture: &Fixture, checksum: ChecksumAlgorithm) -> TestResult {
    let (bucket, key) = (&fixture.outputs.source_bucket, "largest");
    let create = fixture.s3.create_multipart_upload().bucket(bucket).key(key);
    let create = create.checksum_algorithm(checksum).checksum_type(ChecksumType::FullObject);
    let upload = create.send().await?.upload_id.ok_or("no upload id")?;
    let lengths = vec![MAX_PART; usize::try_from(MAX_PARTS)?];
    let etags = fixture.sandbox.s3().put_sparse_parts(bucket, key, &upload, &lengths)?;
    let parts = etags
        .into_iter()
        .zip(1..)
        .map(|(etag, number)| CompletedPart::builder().part_number(number).e_tag(etag).build());
    let parts = CompletedMultipartUpload::builder().set_parts(Some(parts.collect())).build();
    let request = fixture.s3.complete_multipart_upload().bucket(bucket).key(key).upload_id(upload);
    request.multipart_upload(parts).send().await?;
    Ok(())
}

/// Delays every copy of a part as long as it takes on AWS. Add this rule last, so that failing copies are not delayed.
pub(crate) fn delay_copies(fixture: &Fixture) -> TestResult {
    let copy = Target::operation(Service::S3, "UploadPartCopy");
    let delay = Effect::Latency { millis: u64::try_from(worst_case::copy_time(MAX_PART).as_millis())? };
    fixture.sandbox.faults().add(Rule::new(copy, delay))?;
    Ok(())
}

/// Errors that use all retries of a state, one retrier after the other.
pub(crate) fn retried_errors(state: &State) -> Vec<String> {
    let retries = state.retries().into_iter();
    retries.flat_map(|(error, times)| std::iter::repeat_n(error, usize::try_from(times).unwrap_or_default())).collect()
}

/// Adds faults that use all retries of every state outside of the Maps.
pub(crate) fn fail_states(fixture: &Fixture, machine: &Machine) -> TestResult {
    for (state, _) in machine.tasks().filter(|(state, _)| state.map.is_none()) {
        for (error, times) in state.retries() {
            let invoked = Target::operation(Service::Lambda, "Invoke").state(&state.name);
            let error_message = "An error injected by the test.".to_owned();
            let effect = Effect::FunctionError { error_type: error, error_message, at: Moment::Before };
            fixture.sandbox.faults().add(Rule::new(invoked, effect).times(times))?;
        }
    }
    Ok(())
}

/// Adds faults that use all retries of every slice in both legs, in the first and in the last run: the function is
/// killed before the first part, then S3 rejects that part. The same for the last part.
pub(crate) fn fail_slices(fixture: &Fixture, machine: &Machine, slices: &[Slice]) -> TestResult {
    // The SDK does not retry this response, so each one reaches the state machine.
    let conflict =
        ErrorAnswer { status: Some(409), code: "OperationAborted".to_owned(), message: None, inside200: false };
    for (state, bucket) in
        [("CopySlice", &fixture.outputs.backup_bucket), ("CopyReplicaSlice", &fixture.outputs.replica_bucket)]
    {
        let retries = machine.state(state).retries();
        let [(_, of_lambda), (_, of_s3)] = retries[..] else {
            return Err(format!("{state} should have two retriers").into());
        };
        for part in slices.iter().flat_map(|slice| [slice.first_part, slice.last_part]) {
            let copy = Target::operation(Service::S3, "UploadPartCopy").bucket(bucket);
            let copy = copy.part(u16::try_from(part.get())?);
            fixture.sandbox.faults().add(Rule::new(copy.clone(), Effect::Kill(Life::Before)).times(of_lambda))?;
            fixture.sandbox.faults().add(Rule::new(copy, Effect::Error(conflict.clone())).times(of_s3))?;
        }
    }
    Ok(())
}

/// Waits until the only execution has succeeded.
pub(crate) async fn wait_for_success(fixture: &Fixture) -> TestResult<ExecutionSummary> {
    let mut pause = Duration::from_mins(1);
    loop {
        sleep(pause).await;
        pause *= 2;
        let executions = fixture.executions().await?;
        if executions.iter().any(|execution| execution.status != ExecutionStatus::Running) {
            return fixture.wait_for_success().await;
        }
    }
}
