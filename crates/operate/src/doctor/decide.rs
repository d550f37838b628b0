//! Decides what is wrong with a deployment.

use super::{BucketFacts, Check, Facts, Finding, LifecycleRule, Role, Status, TopicFacts, Versioning};
use crate::AwsError;

/// An execution can be redriven for 14 days, and needs its uploads for that long.
const REDRIVE_DAYS: i32 = 14;

/// The findings, in the order of the resources.
pub fn decide(facts: &Facts) -> Vec<Finding> {
    let mut findings: Vec<Finding> = facts.buckets.iter().flat_map(bucket).collect();
    findings.extend(topic(&facts.topic));
    findings.push(state_machine(facts));
    findings
}

fn bucket(bucket: &BucketFacts) -> Vec<Finding> {
    let BucketFacts { role, name, .. } = bucket;
    let report =
        |check, (status, message, fix)| Finding { check, resource: format!("s3://{name}"), status, message, fix };
    let mut findings = vec![report(Check::Region, region(bucket))];
    if bucket.region.is_err() {
        return findings;
    }
    if *role == Role::Source {
        findings.push(report(Check::EventBridge, events(bucket)));
    }
    if *role != Role::Receipts {
        findings.push(report(Check::Versioning, versioning(bucket)));
    }
    if matches!(role, Role::Backup | Role::Replica) {
        findings.push(report(Check::Lifecycle, lifecycle(bucket)));
    }
    findings
}

/// Status, message and fix.
type Verdict = (Status, String, Option<String>);

fn ok(message: impl Into<String>) -> Verdict {
    (Status::Ok, message.into(), None)
}

fn problem(message: impl Into<String>, fix: impl Into<String>) -> Verdict {
    (Status::Problem, message.into(), Some(fix.into()))
}

fn unknown(error: &AwsError) -> Verdict {
    (Status::Unknown, error.to_string(), Some("Run the command with credentials that may read this.".to_owned()))
}

fn region(BucketFacts { role, name, expected_region, region, .. }: &BucketFacts) -> Verdict {
    match region {
        Err(error) => (
            Status::Problem,
            error.to_string(),
            Some(format!("Check that the {role} bucket {name} exists, and that you and the stack may read it.")),
        ),
        Ok(region) if region == expected_region => ok(format!("the {role} bucket is in {region}")),
        Ok(region) => problem(
            format!("the {role} bucket is in {region}, but the stack expects it in {expected_region}"),
            match role {
                Role::Replica => format!("Deploy the stack with ReplicaRegion={region}."),
                _ => format!("Deploy the stack in {region}, or name a bucket in {expected_region}."),
            },
        ),
    }
}

fn events(BucketFacts { name, sends_events, .. }: &BucketFacts) -> Verdict {
    match sends_events {
        Err(error) => unknown(error),
        Ok(true) => ok("the bucket sends its events to EventBridge"),
        Ok(false) => problem(
            "the bucket sends no events to EventBridge, so no upload is backed up",
            format!(
                "In the S3 console, turn on EventBridge in the properties of the bucket {name}. It takes about five \
                 minutes. Then send `Backup Requested` for the uploads in between."
            ),
        ),
    }
}

fn versioning(BucketFacts { role, name, expected_region, versioning, .. }: &BucketFacts) -> Verdict {
    let versioning = match versioning {
        Err(error) => return unknown(error),
        Ok(Versioning::Enabled) => return ok("the bucket keeps versions"),
        Ok(Versioning::Suspended) => "versioning is suspended",
        Ok(Versioning::Never) => "versioning is off",
    };
    let fix = format!(
        "Run: aws s3api put-bucket-versioning --region {expected_region} --bucket {name} --versioning-configuration \
         Status=Enabled"
    );
    match role {
        Role::Source => (
            Status::Advice,
            format!("{versioning}: a version that is overwritten before its backup is lost"),
            Some(fix),
        ),
        _ => problem(format!("{versioning}: the next upload of a key overwrites its earlier {role}"), fix),
    }
}

fn lifecycle(BucketFacts { role, name, lifecycle, .. }: &BucketFacts) -> Verdict {
    let rules = match lifecycle {
        Err(error) => return unknown(error),
        Ok(rules) => rules,
    };
    let fix = format!(
        "Add a lifecycle rule to the {role} bucket {name} that removes incomplete uploads after 21 days, and change or \
         remove shorter ones."
    );
    // S3 applies the shortest of several rules.
    let shortest = rules.iter().map(|rule| rule.days).min();
    match shortest {
        Some(days) if days <= REDRIVE_DAYS => problem(
            format!("incomplete uploads are removed after {days} days, but a redrive may need them for {REDRIVE_DAYS}"),
            fix,
        ),
        Some(days) if rules.iter().any(|rule: &LifecycleRule| rule.is_for_all_keys) => {
            ok(format!("incomplete uploads are removed after {days} days"))
        }
        _ => problem("incomplete uploads are never removed, and are billed", fix),
    }
}

fn topic(TopicFacts { arn, subscriptions }: &TopicFacts) -> Vec<Finding> {
    let report =
        |(status, message, fix)| Finding { check: Check::Subscriptions, resource: arn.clone(), status, message, fix };
    let subscriptions = match subscriptions {
        Err(error) => return vec![report(unknown(error))],
        Ok(subscriptions) => subscriptions,
    };
    if subscriptions.is_empty() {
        let fix = "Deploy the stack with NotifyEmail, or subscribe to the topic.";
        return vec![report(problem("the topic has no subscription, so it delivers no message", fix))];
    }
    let finding = |subscription: &super::Subscription| {
        let endpoint = &subscription.endpoint;
        if subscription.is_confirmed {
            return report(ok(format!("{endpoint} is subscribed")));
        }
        let fix = "Open the link in the mail of SNS. If the mail is missing, subscribe again.";
        report(problem(format!("{endpoint} has not confirmed its subscription, so it receives nothing"), fix))
    };
    subscriptions.iter().map(finding).collect()
}

fn state_machine(Facts { state_machine, state_machine_arn, .. }: &Facts) -> Finding {
    let (status, message, fix) = match state_machine {
        Err(error) => unknown(error),
        Ok(status) if status == "ACTIVE" => ok("the state machine is active"),
        Ok(status) => problem(format!("the state machine is {status}"), "Deploy the stack again."),
    };
    Finding { check: Check::StateMachine, resource: state_machine_arn.clone(), status, message, fix }
}
