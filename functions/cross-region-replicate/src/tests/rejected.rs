//! Replicas that did not match their backup: they are copied again, and never used as the replica.

use holdfast_core::names::VersionId;
use holdfast_s3::testing::single;

use super::*;

/// The input of the second plan of a small replica.
fn second_plan() -> ReplicateInput {
    let mut input = replanned(2, 0);
    input.backup = single(5);
    input.replan.as_mut().unwrap().given_up.copy.upload = None;
    input
}

#[tokio::test]
async fn a_rejected_replica_is_copied_again_and_recorded_in_the_plan() {
    for (version, record, named) in [
        (Some(replica("v1", "0A")), None, vec!["r1"]),
        (None, Some(testing::head_object().e_tag("\"record\"")), vec!["r1"]),
        (None, None, vec![]),
    ] {
        let mut input = second_plan();
        let rejected = json!({"versionId": "r1", "etag": "published", "crc64nvme": "AAAAAAAAAAA="});
        input.replan.as_mut().unwrap().rejected = serde_json::from_value(rejected).unwrap();
        let copy = copied();
        let objects = [
            head("rep", "a b", version.clone()),
            head_version("r1", version),
            head("rep", ".holdfast/rejected/a b/r1", record),
            versions("a b", &[("r1", 5)]),
        ];
        let rules: Vec<_> = objects.iter().chain([&copy]).collect();

        let plan = call(&rules, "10", input).await.unwrap();

        assert_eq!(copy.num_calls(), 1, "it is copied again");
        let versions: Vec<_> = plan.replica.copy.rejected_versions.iter().map(VersionId::as_str).collect();
        assert_eq!(versions, named);
    }
}

#[tokio::test]
async fn a_rejected_replica_is_never_used_again() {
    let rejected = || replica("v1", "0A");
    for (current, late, key) in
        [(rejected(), None, "a b"), (replica("v2", "0B").version_id("r2"), Some(rejected()), LATE)]
    {
        let mut input = second_plan();
        let given_up = &mut input.replan.as_mut().unwrap().given_up;
        given_up.copy.rejected_versions = vec![VersionId::new("r1").unwrap()];
        let objects = [head("rep", "a b", Some(current)), head("rep", LATE, late), versions("a b", &[])];
        let copy = copied();
        let rules: Vec<_> = objects.iter().chain([&copy]).collect();

        let plan = call(&rules, "10", input).await.unwrap();

        let replica = plan.replica.copy;
        assert_eq!((copy.num_calls(), replica.destination.key.as_str()), (1, key), "it is copied again");
        assert_eq!(replica.rejected_versions.len(), 1);
    }
}
