//! Where a replica goes, by the rules of order that hold for backups.

use holdfast_core::contract::{Placement, Precondition};
use holdfast_s3::testing::single;

use super::*;

#[tokio::test]
async fn the_replica_bucket_decides_where_a_replica_goes() {
    let foreign = || testing::head_object().e_tag("\"published\"").content_length(5);
    let backup = |version: &str| testing::head_object().version_id(version).e_tag("\"backup-tag\"");
    for (current, current_backup, key, why) in [
        (replica("v0", "09"), None, "a b", "an older replica is replaced"),
        (replica("v2", "0B"), None, LATE, "a newer replica stays"),
        (foreign(), Some(backup("b/1")), "a b", "no stamp, and the backup is the current one"),
        (foreign(), Some(backup("b/2")), LATE, "no stamp, and a newer backup exists"),
    ] {
        let rules = [
            head("rep", "a b", Some(current)),
            head("dst", "a b", current_backup),
            head("rep", LATE, None),
            copied(),
            versions("a b", &[("r1", 5)]),
        ];

        let plan = call(&rules.each_ref(), "10", input(&single(5))).await.unwrap();

        let Backup { copy, placement, .. } = plan.replica;
        assert_eq!(copy.destination.key.as_str(), key, "{why}");
        match placement {
            Placement::Current => {
                assert!(matches!(&copy.precondition, Precondition::IfMatch(etag) if etag.as_str() == "published"));
            }
            Placement::Late => assert_eq!(copy.precondition, Precondition::IfAbsent),
        }
    }
}

#[tokio::test]
async fn the_replica_of_a_late_backup_has_its_key() {
    let mut backup = single(5);
    backup.placement = Placement::Late;
    backup.copy.destination.key = serde_json::from_value(json!(LATE)).unwrap();

    let plan = call(&[&head("rep", LATE, None), &copied()], "10", input(&backup)).await.unwrap();

    assert_eq!(plan.replica.copy.destination.key.as_str(), LATE);
    assert_eq!(plan.replica.placement, Placement::Late);
}

#[tokio::test]
async fn a_published_late_replica_is_not_copied_again() {
    let rules = [
        head("rep", "a b", Some(replica("v2", "0B"))),
        head("rep", LATE, Some(replica("v1", "0A"))),
        versions("a b", &[]),
    ];

    let plan = call(&rules.each_ref(), "10", input(&single(5))).await.unwrap();

    assert_eq!((plan.stored.is_some(), plan.replica.placement), (true, Placement::Late));
}

#[tokio::test]
async fn a_replica_of_an_earlier_call_is_found_below_a_newer_one() {
    let versions = versions("a b", &[("r1", 5), ("r0", 4), ("r2", 5), ("r3", 5)]);
    let older = head_version("r2", Some(replica("v0", "09")));
    let ours = head_version("r3", Some(replica("v1", "0A").version_id("r3")));
    let rules = [&head("rep", "a b", Some(replica("v2", "0B"))), &versions, &older, &ours];

    let plan = call(&rules, "10", input(&single(5))).await.unwrap();

    assert_eq!(plan.stored.unwrap().version_id.unwrap().as_str(), "r3");
    let Backup { copy, placement, .. } = plan.replica;
    assert_eq!((copy.destination.key.as_str(), placement), ("a b", Placement::Current));
    assert_eq!((older.num_calls(), ours.num_calls()), (1, 1), "versions of other sizes and keys are not described");
}
