//! The largest object that S3 stores, 10,000 parts of 5 GiB, through the whole graph in both legs, with every slice tried
//! as often as its retriers allow: what it takes of each quota of Step Functions.
//!
//! The object is nothing but zeros and takes no room (`put_sparse_parts`); its copies take no time, but every one of the
//! 20,000 requests is made, signed, judged and answered. `docs/limits.md` has what was measured.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart};
use aws_sdk_sfn::types::{HistoryEvent, StateEnteredEventDetails, StateExitedEventDetails, TaskScheduledEventDetails};
use holdfast_core::{
    contract::ProofMethod,
    layout::{MAX_OBJECT, MAX_PART, MAX_PARTS, MAX_SLICES, PartLayout, Slice},
};
use holdfast_sandbox::faults::{Effect, ErrorAnswer, Life, Rule, Service, Target};
use holdfast_tests::{
    TestResult,
    history::attempts,
    world::{Setup, World},
};

/// Bytes of a state's input, output, arguments or variables
/// (<https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html>, as the next two).
const PAYLOAD_QUOTA: usize = 256 * 1024;
/// Events of one execution.
const HISTORY_QUOTA: usize = 25_000;
/// State transitions that an account may make at once outside of the three largest regions.
const TRANSITIONS_AT_ONCE: usize = 800;
/// A machine that does much else at the same time may take long.
const PATIENCE: Duration = Duration::from_mins(10);
/// How often a retrier inside of a Map tries again: for Lambda's own errors, and for those of S3.
const LAMBDA_RETRIES: u64 = 2;
const S3_RETRIES: u64 = 3;

/// Uploads the object: in one upload of sparse parts, completed as any other.
async fn upload_the_largest(world: &World, key: &str) -> TestResult {
    let bucket = &world.outputs.source_bucket;
    let create = world.s3.create_multipart_upload().bucket(bucket).key(key);
    let create = create.checksum_algorithm(ChecksumAlgorithm::Crc64Nvme).checksum_type(ChecksumType::FullObject);
    let upload = create.send().await?.upload_id.ok_or("no upload id")?;
    let lengths = vec![MAX_PART; usize::try_from(MAX_PARTS)?];
    let etags = world.sandbox.s3().put_sparse_parts(bucket, key, &upload, &lengths)?;
    let parts = etags
        .into_iter()
        .zip(1..)
        .map(|(etag, number)| CompletedPart::builder().part_number(number).e_tag(etag).build());
    let parts = CompletedMultipartUpload::builder().set_parts(Some(parts.collect())).build();
    let request = world.s3.complete_multipart_upload().bucket(bucket).key(key).upload_id(upload);
    request.multipart_upload(parts).send().await?;
    Ok(())
}

/// Uses up both retriers of every slice of a leg: the function that copies its first part dies twice, and its last part
/// is refused three times.
fn trouble(world: &World, bucket: &str, slices: &[Slice]) -> TestResult {
    for slice in slices {
        let copy = Target::operation(Service::S3, "UploadPartCopy").bucket(bucket);
        let first = copy.clone().part(u16::try_from(slice.first_part.get())?);
        let last = copy.part(u16::try_from(slice.last_part.get())?);
        // An answer that the SDK does not try again by itself, so that every one of them reaches the state machine.
        let refused =
            ErrorAnswer { status: Some(409), code: "OperationAborted".to_owned(), message: None, inside200: false };
        world.sandbox.faults().add(Rule::new(first, Effect::Kill(Life::Before)).times(LAMBDA_RETRIES))?;
        world.sandbox.faults().add(Rule::new(last, Effect::Error(refused)).times(S3_RETRIES))?;
    }
    Ok(())
}

/// The largest payload of every state: what it was given, what it gave, and what its function was sent and answered.
fn payloads(history: &[HistoryEvent]) -> BTreeMap<String, usize> {
    let mut states: HashMap<i64, String> = HashMap::new();
    let mut largest = BTreeMap::new();
    for event in history {
        let entered = event.state_entered_event_details().map(StateEnteredEventDetails::name);
        let exited = event.state_exited_event_details().map(StateExitedEventDetails::name);
        let before = states.get(&event.previous_event_id()).cloned().unwrap_or_default();
        let state = entered.or(exited).map_or(before, str::to_owned);
        states.insert(event.id(), state.clone());
        let exit = event.state_exited_event_details();
        let variables = exit.and_then(|details| details.assigned_variables()).into_iter().flat_map(HashMap::values);
        let texts = [
            event.state_entered_event_details().and_then(|details| details.input()),
            exit.and_then(|details| details.output()),
            event.task_scheduled_event_details().map(TaskScheduledEventDetails::parameters),
            event.task_succeeded_event_details().and_then(|details| details.output()),
            event.execution_succeeded_event_details().and_then(|details| details.output()),
        ];
        let met = texts.into_iter().flatten().map(str::len).chain(variables.map(String::len)).max().unwrap_or_default();
        let largest = largest.entry(state).or_default();
        *largest = met.max(*largest);
    }
    largest
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_largest_object_stays_within_every_quota_with_every_retry_of_its_slices_used_up() -> TestResult {
    // Waits are a thousandth of AWS's. The time of a function is not scaled, so copies that take no time need one run.
    let world = World::start(Setup { time_scale: 0.001, ..Setup::default() }).await?;
    let slices = PartLayout::plan(MAX_OBJECT, None)?.slices();
    assert_eq!(slices.len() as u64, MAX_SLICES);
    for bucket in [&world.outputs.backup_bucket, &world.outputs.replica_bucket] {
        trouble(&world, bucket, &slices)?;
    }
    let began = std::time::Instant::now();
    upload_the_largest(&world, "largest").await?;
    println!("uploaded after {:.1} s", began.elapsed().as_secs_f64());
    let execution = world.succeeded_within(PATIENCE).await?;
    println!("succeeded after {:.1} s", began.elapsed().as_secs_f64());

    let history = world.history(&execution).await?;
    let entered = history.iter().filter(|event| event.state_entered_event_details.is_some()).count();
    println!("{} events, {entered} transitions", history.len());
    assert!(history.len() < HISTORY_QUOTA, "{} events of {HISTORY_QUOTA}", history.len());
    assert!(entered < TRANSITIONS_AT_ONCE, "{entered} transitions of {TRANSITIONS_AT_ONCE}");
    for (state, bytes) in payloads(&history) {
        println!("{bytes:>8} bytes {state}");
        assert!(bytes < PAYLOAD_QUOTA, "{state} carries {bytes} bytes of {PAYLOAD_QUOTA}");
    }

    let mut tries: BTreeMap<(String, u64), u64> = BTreeMap::new();
    for attempt in attempts(&history)?.into_iter().filter(|attempt| attempt.payload.get("slice").is_some()) {
        let index = attempt.payload["slice"]["index"].as_u64().ok_or("a slice without an index")?;
        *tries.entry((attempt.state, index)).or_default() += 1;
    }
    assert_eq!(tries.len(), 2 * slices.len(), "each leg copies every slice, and reads none");
    let last_try = 1 + LAMBDA_RETRIES + S3_RETRIES;
    assert!(tries.values().all(|tries| *tries == last_try), "every slice is copied at its last try: {tries:?}");

    let receipts = world.receipts().await?;
    let receipt = receipts.first().ok_or("no receipt")?;
    assert_eq!(receipt.source.size, MAX_OBJECT);
    let replica = receipt.replica.as_ref().ok_or("no replica")?;
    for proven in [&receipt.backup, replica] {
        assert_eq!((proven.evidence.method, proven.evidence.bytes_read), (ProofMethod::StoredChecksums, 0));
        assert!(proven.evidence.etags_equal, "the copy has its source's parts");
    }
    Ok(())
}
