//! The template agrees with the state machine and the functions.

use std::collections::BTreeSet;

use sandbox::template::{Settings, Stack};
use serde_json::Value;

use crate::machine::{Machine, repository, stack, text};

fn role_statements(stack: &Stack, arn: &str) -> Vec<Value> {
    let role = stack.roles.iter().find(|role| role.arn == arn).unwrap_or_else(|| panic!("no role {arn}"));
    role.policies.iter().flat_map(|policy| policy["Statement"].as_array().cloned().unwrap_or_default()).collect()
}

fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        one => one.as_str().map(str::to_owned).into_iter().collect(),
    }
}

#[test]
fn every_function_crate_is_deployed_on_the_provided_runtime() {
    let folders: BTreeSet<_> = std::fs::read_dir(repository("functions"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let stack = stack();

    assert_eq!(folders, stack.functions.iter().map(|function| function.crate_name.clone()).collect());
    for function in &stack.functions {
        assert_eq!((function.runtime.as_str(), function.handler.as_str()), ("provided.al2023", "bootstrap"));
        assert_eq!(function.architecture, "arm64", "the default");
        assert!(function.timeout_seconds <= 900, "{} exceeds the limit of Lambda", function.name);
    }
}

#[test]
fn the_state_machine_may_only_invoke_its_functions_and_write_logs() {
    let machine = Machine::read();

    let statements = role_statements(&machine.stack, &machine.stack.state_machines[0].role_arn);
    let (invocations, others): (Vec<_>, Vec<_>) =
        statements.into_iter().partition(|statement| strings(&statement["Action"]) == ["lambda:InvokeFunction"]);

    assert_eq!(invocations.len(), 1);
    let allowed: BTreeSet<_> = strings(&invocations[0]["Resource"]).into_iter().collect();
    assert_eq!(allowed, machine.stack.functions.iter().map(|function| function.arn.clone()).collect());
    for statement in others {
        assert!(strings(&statement["Action"]).iter().all(|action| action.starts_with("logs:")), "{statement}");
    }
}

#[test]
fn no_function_policy_has_a_wildcard_action_or_resource() {
    let stack = stack();
    for function in &stack.functions {
        for statement in role_statements(&stack, &function.role_arn) {
            for action in strings(&statement["Action"]) {
                assert!(!action.contains('*'), "{} may do {action}", function.crate_name);
            }
            for resource in strings(&statement["Resource"]) {
                assert_ne!(resource, "*", "{}: {statement}", function.crate_name);
            }
        }
    }
}

#[test]
fn each_rule_has_its_target_a_dead_letter_queue_and_retries() {
    let machine = Machine::read();
    let notify = machine.stack.functions.iter().find(|function| function.crate_name == "notify").unwrap();
    for (rule, target) in [
        ("holdfast-upload", &machine.stack.state_machines[0].arn),
        ("holdfast-request", &machine.stack.state_machines[0].arn),
        ("holdfast-failure", &notify.arn),
    ] {
        let rule = machine.stack.rules.iter().find(|one| one.name == rule).unwrap_or_else(|| panic!("no rule {rule}"));
        let [only] = rule.targets.as_slice() else { panic!("{} has one target", rule.name) };
        assert_eq!(&only["Arn"], target, "{}", rule.name);
        assert_eq!(only["DeadLetterConfig"]["Arn"], machine.stack.queues[0].arn, "{}", rule.name);
        assert_eq!(only["RetryPolicy"]["MaximumRetryAttempts"], 185, "{}", rule.name);
    }
}

#[test]
fn buckets_are_versioned_and_retained() {
    let template: serde_yaml_ng::Value = serde_yaml_ng::from_str(&text("template.yaml")).unwrap();
    let resources = template["Resources"].as_mapping().unwrap();
    let mut kept = Vec::new();

    for (name, resource) in resources {
        if ["AWS::S3::Bucket", "AWS::SQS::Queue"].contains(&resource["Type"].as_str().unwrap()) {
            for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
                assert_eq!(resource[policy].as_str(), Some("Retain"), "{name:?}");
            }
            kept.push(name.as_str().unwrap());
        }
    }
    assert_eq!(kept, ["SourceBucket", "BackupBucket", "UndeliveredEvents"]);
    assert!(stack().buckets.iter().all(|bucket| bucket.is_versioned));
}

#[test]
fn release_builds_unwind_so_that_the_runtime_reports_panics() {
    assert!(text("Cargo.toml").lines().all(|line| !line.trim_start().starts_with("panic")));
}

#[test]
fn a_replica_needs_both_its_bucket_and_its_region() {
    let settings = |parameters: &[(&str, &str)]| Settings {
        stack: "holdfast".to_owned(),
        region: "eu-west-1".to_owned(),
        account: "000000000000".to_owned(),
        parameters: parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    };
    let file = repository("template.yaml");
    let replica = [("ReplicaBucketName", "far-away"), ("ReplicaRegion", "eu-central-1")];

    let stack = Stack::read(&file, &settings(&replica)).unwrap();

    assert_eq!((stack.state_machines.len(), stack.rules.len(), stack.buckets.len()), (1, 3, 2));
    assert_eq!(stack.outputs["ReplicaBucketName"], "far-away");

    let error = Stack::read(&file, &settings(&replica[..1])).unwrap_err();

    assert!(error.to_string().contains("ReplicaRegion is missing"), "{error}");
}
