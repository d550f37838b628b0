//! The findings for each fault of a deployment.

use super::*;
use crate::AwsError;

const ARN: &str = "arn:aws:states:eu-west-1:111122223333:stateMachine:holdfast-backup";

fn bucket(role: Role, name: &str, region: &str) -> BucketFacts {
    BucketFacts {
        role,
        name: name.to_owned(),
        expected_region: region.to_owned(),
        region: Ok(region.to_owned()),
        versioning: Ok(Versioning::Enabled),
        sends_events: Ok(role == Role::Source),
        lifecycle: Ok(vec![LifecycleRule { days: 21, is_for_all_keys: true }]),
    }
}

fn healthy() -> Facts {
    Facts {
        buckets: vec![
            bucket(Role::Source, "source", "eu-west-1"),
            bucket(Role::Backup, "backup", "eu-west-1"),
            bucket(Role::Replica, "replica", "eu-central-1"),
            bucket(Role::Receipts, "receipts", "eu-west-1"),
        ],
        topic: TopicFacts { arn: "topic".to_owned(), subscriptions: Ok(vec![subscription(true)]) },
        state_machine: Ok("ACTIVE".to_owned()),
        state_machine_arn: ARN.to_owned(),
    }
}

fn subscription(is_confirmed: bool) -> Subscription {
    Subscription { endpoint: "ops@example.com".to_owned(), is_confirmed }
}

fn denied<T>() -> Result<T, AwsError> {
    Err(AwsError::unexpected("it cannot be read", "AccessDenied"))
}

fn rules(days: i32, is_for_all_keys: bool) -> Vec<LifecycleRule> {
    vec![LifecycleRule { days, is_for_all_keys }]
}

#[test]
fn a_healthy_deployment_has_no_finding_to_fix() {
    let findings = decide(&healthy());

    assert_eq!(findings.len(), 12, "{findings:#?}");
    assert!(findings.iter().all(|finding| finding.status == Status::Ok && finding.fix.is_none()), "{findings:#?}");
}

/// A change of healthy facts, and the only finding that it causes.
type Case = (fn(&mut Facts), Check, Status, &'static str, &'static str);

const CASES: [Case; 15] = [
    (
        |facts| facts.buckets[0].sends_events = Ok(false),
        Check::EventBridge,
        Status::Problem,
        "no upload is backed up",
        "turn on EventBridge in the properties of the bucket source",
    ),
    (
        |facts| facts.buckets[0].sends_events = denied(),
        Check::EventBridge,
        Status::Unknown,
        "AccessDenied",
        "credentials",
    ),
    (
        |facts| facts.buckets[0].versioning = Ok(Versioning::Never),
        Check::Versioning,
        Status::Advice,
        "is lost",
        "--bucket source",
    ),
    (
        |facts| facts.buckets[1].versioning = Ok(Versioning::Suspended),
        Check::Versioning,
        Status::Problem,
        "overwrites its earlier backup",
        "--region eu-west-1 --bucket backup",
    ),
    (
        |facts| facts.buckets[2].versioning = Ok(Versioning::Never),
        Check::Versioning,
        Status::Problem,
        "overwrites its earlier replica",
        "--region eu-central-1 --bucket replica",
    ),
    (
        |facts| facts.buckets[2].region = Ok("us-east-1".to_owned()),
        Check::Region,
        Status::Problem,
        "in us-east-1, but the stack expects it in eu-central-1",
        "ReplicaRegion=us-east-1",
    ),
    (
        |facts| facts.buckets[0].region = Ok("us-east-1".to_owned()),
        Check::Region,
        Status::Problem,
        "in us-east-1",
        "Deploy the stack in us-east-1",
    ),
    (
        |facts| facts.buckets[2].lifecycle = Ok(Vec::new()),
        Check::Lifecycle,
        Status::Problem,
        "never removed",
        "21 days",
    ),
    (
        |facts| facts.buckets[2].lifecycle = Ok(rules(21, false)),
        Check::Lifecycle,
        Status::Problem,
        "never removed",
        "21 days",
    ),
    (
        |facts| facts.buckets[2].lifecycle = Ok(rules(14, true)),
        Check::Lifecycle,
        Status::Problem,
        "after 14 days",
        "shorter",
    ),
    (
        |facts| facts.buckets[1].lifecycle = Ok(rules(7, false)),
        Check::Lifecycle,
        Status::Problem,
        "after 7 days",
        "shorter",
    ),
    (
        |facts| facts.topic.subscriptions = Ok(Vec::new()),
        Check::Subscriptions,
        Status::Problem,
        "no subscription",
        "NotifyEmail",
    ),
    (
        |facts| facts.topic.subscriptions = Ok(vec![subscription(false)]),
        Check::Subscriptions,
        Status::Problem,
        "has not confirmed",
        "link",
    ),
    (
        |facts| facts.state_machine = Ok("DELETING".to_owned()),
        Check::StateMachine,
        Status::Problem,
        "DELETING",
        "Deploy",
    ),
    (|facts| facts.state_machine = denied(), Check::StateMachine, Status::Unknown, "AccessDenied", "credentials"),
];

#[test]
fn each_fault_is_the_only_finding_and_names_its_fix() {
    for (number, (damage, check, status, message, fix)) in CASES.into_iter().enumerate() {
        let mut facts = healthy();
        damage(&mut facts);

        let findings: Vec<Finding> =
            decide(&facts).into_iter().filter(|finding| finding.status != Status::Ok).collect();
        let [finding] = findings.as_slice() else { panic!("case {number}: {findings:#?}") };

        assert_eq!((finding.check, finding.status), (check, status), "case {number}: {finding:?}");
        assert!(finding.message.contains(message), "case {number}: {finding:?}");
        assert!(finding.fix.as_ref().is_some_and(|text| text.contains(fix)), "case {number}: {finding:?}");
    }
}

#[test]
fn a_bucket_that_cannot_be_read_is_one_finding() {
    let mut facts = healthy();
    facts.buckets[2].region = denied();
    facts.buckets[2].versioning = denied();
    facts.buckets[2].lifecycle = denied();

    let findings = decide(&facts);
    let replica: Vec<_> = findings.iter().filter(|finding| finding.resource == "s3://replica").collect();

    assert_eq!(replica.len(), 1, "{replica:#?}");
    assert!(replica[0].status.needs_action());
}

#[test]
fn advice_needs_no_action() {
    let mut facts = healthy();
    facts.buckets[0].versioning = Ok(Versioning::Suspended);
    assert!(decide(&facts).iter().all(|finding| !finding.status.needs_action()));
}
