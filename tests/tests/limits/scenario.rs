//! The object, the time that it takes, and what goes wrong with it.

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

/// Uploads the object: in one upload of sparse parts, completed as any other. This is the only checksum that it has.
pub(crate) async fn upload_the_largest(fixture: &Fixture, checksum: ChecksumAlgorithm) -> TestResult {
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

/// Lets every copy of a part take as long as it would on AWS. To be called last: what is refused takes no time.
pub(crate) fn copies_take_their_time(fixture: &Fixture) -> TestResult {
    let copy = Target::operation(Service::S3, "UploadPartCopy");
    let time = Effect::Latency { millis: u64::try_from(worst_case::copying(MAX_PART).as_millis())? };
    fixture.sandbox.faults().add(Rule::new(copy, time))?;
    Ok(())
}

/// Errors that use up every retrier of a state, one after the other.
pub(crate) fn failures(state: &State) -> Vec<String> {
    let retries = state.retries().into_iter();
    retries.flat_map(|(error, times)| std::iter::repeat_n(error, usize::try_from(times).unwrap_or_default())).collect()
}

/// Uses up every retrier of every state outside of the Maps.
pub(crate) fn refuse_every_state(fixture: &Fixture, machine: &Machine) -> TestResult {
    for (state, _) in machine.tasks().filter(|(state, _)| state.map.is_none()) {
        for (error, times) in state.retries() {
            let invoked = Target::operation(Service::Lambda, "Invoke").state(&state.name);
            let error_message = "Another try is wanted.".to_owned();
            let effect = Effect::FunctionError { error_type: error, error_message, at: Moment::Before };
            fixture.sandbox.faults().add(Rule::new(invoked, effect).times(times))?;
        }
    }
    Ok(())
}

/// Uses up both retriers of every slice's copy, in its first run and in its last one, in both legs: the function that
/// copies the first part dies, and then that part is refused; likewise the last part.
pub(crate) fn refuse_every_slice(fixture: &Fixture, machine: &Machine, slices: &[Slice]) -> TestResult {
    // An answer that the SDK does not try again by itself, so that every one of them reaches the state machine.
    let refused =
        ErrorAnswer { status: Some(409), code: "OperationAborted".to_owned(), message: None, inside200: false };
    for (state, bucket) in
        [("CopySlice", &fixture.outputs.backup_bucket), ("CopyReplicaSlice", &fixture.outputs.replica_bucket)]
    {
        let retries = machine.state(state).retries();
        let [(_, of_lambda), (_, of_s3)] = retries[..] else {
            return Err(format!("{state} has other retriers").into());
        };
        for part in slices.iter().flat_map(|slice| [slice.first_part, slice.last_part]) {
            let copy = Target::operation(Service::S3, "UploadPartCopy").bucket(bucket);
            let copy = copy.part(u16::try_from(part.get())?);
            fixture.sandbox.faults().add(Rule::new(copy.clone(), Effect::Kill(Life::Before)).times(of_lambda))?;
            fixture.sandbox.faults().add(Rule::new(copy, Effect::Error(refused.clone())).times(of_s3))?;
        }
    }
    Ok(())
}

/// Waits until the one execution has succeeded.
pub(crate) async fn success(fixture: &Fixture) -> TestResult<ExecutionSummary> {
    let mut nap = Duration::from_mins(1);
    loop {
        sleep(nap).await;
        nap *= 2;
        let executions = fixture.executions().await?;
        if executions.iter().any(|execution| execution.status != ExecutionStatus::Running) {
            return fixture.wait_for_success().await;
        }
    }
}
