//! A byte that is another one in the store than it was in the source: in a single copy or in a part, in either leg,
//! once or every time. It ends as `Checksum.Mismatch`, and nothing that is wrong is visible.

use aws_sdk_s3::Client;
use holdfast_core::ErrorName;
use holdfast_tests::{TestResult, in_process::Store, world::World};
use sandbox::faults::{Effect, Rule, Service, Target};

use crate::{
    cells::Way,
    expected::End,
    run::{Trial, series},
    scenario::{Scenario, setup},
    tell,
};

/// A state that copies, by which request, what is uploaded, and the state that sees that the copy is wrong.
const COPIES: [(&str, &str, Scenario, &str); 7] = [
    ("CopyObject", "CopyObject", Scenario::Small, "VerifyBackup"),
    ("Replicate", "CopyObject", Scenario::Small, "VerifyReplica"),
    ("CopySlice", "UploadPartCopy", Scenario::Large, "CompleteUpload"),
    ("CopySlice", "UploadPartCopy", Scenario::Unchecked, "CompleteUpload"),
    ("CopyReplicaSlice", "UploadPartCopy", Scenario::Large, "CompleteReplica"),
    ("CopyReplicaSlice", "UploadPartCopy", Scenario::Unchecked, "CompleteReplica"),
    ("CopyReplicaSlice", "UploadPartCopy", Scenario::Untold, "CompleteReplica"),
];

fn flip(state: &str, operation: &str, way: Way) -> Rule {
    let target = Target {
        service: Some(Service::S3),
        operation: Some(operation.to_owned()),
        state: Some(state.to_owned()),
        ..Target::default()
    };
    Rule { target, when: way.when(), effect: Effect::Flip { offset: 3 } }
}

fn trial((state, operation, scenario, sees): (&str, &str, Scenario, &str), way: Way) -> Trial {
    let error = ErrorName::ChecksumMismatch.as_str().to_owned();
    Trial {
        name: format!("{state}/{scenario:?}/flipped/{way:?}"),
        rule: flip(state, operation, way),
        scenario,
        end: End::Fails { state: sees.to_owned(), error: error.clone(), met: (error, 1) },
        // Copied again, it is wrong again.
        fails_again: way == Way::Lasting,
        loses_openings: false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_byte_in_any_copy_of_either_leg_is_a_mismatch_and_a_redrive_copies_anew() -> TestResult {
    let mut count = 0;
    for store in [Store::TellsChecksums, Store::TellsNone] {
        let world = World::start(setup(store)).await?;
        let copies = COPIES.into_iter().filter(|(_, _, scenario, _)| scenario.store() == store);
        let trials: Vec<_> = copies.flat_map(|copy| [Way::Passing, Way::Lasting].map(|way| trial(copy, way))).collect();
        let problems = series(&world, &trials).await?;
        assert!(problems.is_empty(), "{}", problems.join("\n"));
        count += trials.len();
    }
    tell(&format!("flips: {count} wrong bytes, each seen where it was published or before, none visible"));
    Ok(())
}

/// Whether an object is visible at a key.
async fn stands(s3: &Client, bucket: &str, key: &str) -> TestResult<bool> {
    let listed = s3.list_object_versions().bucket(bucket).prefix(key).send().await?;
    Ok(listed.versions().iter().any(|version| version.key() == Some(key)))
}

#[tokio::test]
async fn what_has_a_flipped_byte_is_not_there_when_its_execution_has_failed() -> TestResult {
    for (state, operation, scenario, _) in COPIES {
        let world = World::start(setup(scenario.store())).await?;
        world.sandbox.faults().add(flip(state, operation, Way::Passing))?;
        scenario.upload(&world, "k").await?;
        assert_eq!(world.failed().await?.error, "Checksum.Mismatch", "{state} {scenario:?}");
        let outputs = &world.outputs;
        let is_backup = ["CopyObject", "CopySlice"].contains(&state);
        let backup = stands(&world.s3, &outputs.backup_bucket, "k").await?;
        let replica = stands(&world.replica_s3, &outputs.replica_bucket, "k").await?;
        assert_eq!((backup, replica), (!is_backup, false), "{state} {scenario:?}: only what was proven stands");
    }
    Ok(())
}
