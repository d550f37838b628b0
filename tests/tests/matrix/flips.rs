//! A byte of a copy that differs from the source: in a single copy or in a part, in either leg, once or every time. The
//! execution fails with `Checksum.Mismatch`, and no wrong copy is visible.

use aws_sdk_s3::Client;
use holdfast_core::ErrorName;
use holdfast_tests::{TestResult, fixture::Fixture, in_process::CompletionChecksum, text::print_line};
use sandbox::faults::{Effect, Rule, Service, Target};

use crate::{
    cells::FaultMode,
    expected::ExecutionEnd,
    run::{Trial, run_trials},
    scenario::{Scenario, setup},
};

/// A state that copies, its request, the upload, and the state that finds the mismatch.
const COPIES: [(&str, &str, Scenario, &str); 7] = [
    ("CopyObject", "CopyObject", Scenario::Small, "VerifyBackup"),
    ("Replicate", "CopyObject", Scenario::Small, "VerifyReplica"),
    ("CopySlice", "UploadPartCopy", Scenario::Large, "CompleteUpload"),
    ("CopySlice", "UploadPartCopy", Scenario::OtherChecksum, "CompleteUpload"),
    ("CopyReplicaSlice", "UploadPartCopy", Scenario::Large, "CompleteReplica"),
    ("CopyReplicaSlice", "UploadPartCopy", Scenario::OtherChecksum, "CompleteReplica"),
    ("CopyReplicaSlice", "UploadPartCopy", Scenario::NoCompletionChecksum, "CompleteReplica"),
];

fn flip(state: &str, operation: &str, mode: FaultMode) -> Rule {
    let target = Target::operation(Service::S3, operation).state(state);
    Rule { target, when: mode.when(), effect: Effect::Flip { offset: 3 } }
}

fn trial((state, operation, scenario, verifier): (&str, &str, Scenario, &str), mode: FaultMode) -> Trial {
    let error = ErrorName::ChecksumMismatch.as_str().to_owned();
    Trial {
        name: format!("{state}/{scenario:?}/flipped/{mode:?}"),
        rule: flip(state, operation, mode),
        scenario,
        end: ExecutionEnd::Failure { state: verifier.to_owned(), error: error.clone(), raised: error, attempts: 1 },
        // A redrive copies again, and the rule flips the byte again.
        redrive_fails: mode == FaultMode::Persistent,
        hides_uploads: false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_byte_is_a_mismatch_and_a_redrive_copies_again() -> TestResult {
    let mut count = 0;
    for checksum in [CompletionChecksum::Reported, CompletionChecksum::Missing] {
        let fixture = Fixture::start(setup(checksum)).await?;

        let copies = COPIES.into_iter().filter(|(_, _, scenario, _)| scenario.completion_checksum() == checksum);
        let trials: Vec<_> = copies
            .flat_map(|copy| [FaultMode::Transient, FaultMode::Persistent].map(|mode| trial(copy, mode)))
            .collect();
        let problems = run_trials(&fixture, &trials).await?;

        assert!(problems.is_empty(), "{}", problems.join("\n"));

        count += trials.len();
    }
    print_line(&format!("flips: {count} wrong bytes, each found before or at publication, none visible"));
    Ok(())
}

/// Whether a key has a version.
async fn exists(s3: &Client, bucket: &str, key: &str) -> TestResult<bool> {
    let listed = s3.list_object_versions().bucket(bucket).prefix(key).send().await?;
    Ok(listed.versions().iter().any(|version| version.key() == Some(key)))
}

#[tokio::test]
async fn a_copy_with_a_flipped_byte_is_removed_before_its_execution_fails() -> TestResult {
    for (state, operation, scenario, _) in COPIES {
        let fixture = Fixture::start(setup(scenario.completion_checksum())).await?;

        fixture.sandbox.faults().add(flip(state, operation, FaultMode::Transient))?;
        scenario.upload(&fixture, "k").await?;

        assert_eq!(fixture.wait_for_failure().await?.error, "Checksum.Mismatch", "{state} {scenario:?}");
        let outputs = &fixture.outputs;
        let is_backup = ["CopyObject", "CopySlice"].contains(&state);
        let backup = exists(&fixture.s3, &outputs.backup_bucket, "k").await?;
        let replica = exists(&fixture.replica_s3, &outputs.replica_bucket, "k").await?;
        assert_eq!((backup, replica), (!is_backup, false), "{state} {scenario:?}: only proven copies exist");
    }
    Ok(())
}
