//! The policies of the template have exactly the listed actions.
//!
//! `tests/tests/e2e/policies` shows that every action of a function or of the state machine is needed. The sandbox has no
//! services for logs and keys, and does not evaluate bucket and queue policies.

mod table;

use std::collections::BTreeSet;

use serde_yaml_ng::Value;

use self::table::{CHECKSUM_VERIFY, COMPLETE_MULTIPART, COPY_PART, CROSS_REGION_REPLICATE, NOTIFY, OTHERS, VALIDATE};
use crate::machine::text;

/// An action of a policy, by its owner and statement.
type Action = (String, String, String);

fn expected() -> Vec<Action> {
    let all =
        [&VALIDATE[..], &COPY_PART, &COMPLETE_MULTIPART, &CHECKSUM_VERIFY, &CROSS_REGION_REPLICATE, &NOTIFY, &OTHERS];
    let mut expected = Vec::new();
    for (owner, sid, actions) in all.into_iter().flatten() {
        for (action, purpose) in *actions {
            assert!(!purpose.is_empty(), "{owner} {sid} {action} has no purpose");
            expected.push(((*owner).to_owned(), (*sid).to_owned(), (*action).to_owned()));
        }
    }
    expected
}

/// Collects the actions of every statement, those in a branch of `!If` included.
fn collect(owner: &str, value: &Value, found: &mut Vec<Action>) {
    match value {
        Value::Tagged(tagged) => collect(owner, &tagged.value, found),
        Value::Sequence(list) => list.iter().for_each(|item| collect(owner, item, found)),
        Value::Mapping(mapping) if mapping.contains_key("Effect") => {
            assert!(!mapping.contains_key("NotAction"), "{owner} has a NotAction");
            let sid = mapping
                .get("Sid")
                .and_then(Value::as_str)
                .unwrap_or_else(|| panic!("{owner} has a statement without a Sid"));
            let actions = match &mapping["Action"] {
                Value::Sequence(list) => list.iter().collect(),
                one => vec![one],
            };
            for action in actions {
                let action = action.as_str().unwrap_or_else(|| panic!("{owner} {sid}: {action:?} is not an action"));
                found.push((owner.to_owned(), sid.to_owned(), action.to_owned()));
            }
        }
        Value::Mapping(mapping) => mapping.values().for_each(|item| collect(owner, item, found)),
        _ => {}
    }
}

fn actions_of(template: &Value) -> Vec<Action> {
    let mut found = Vec::new();
    for (name, resource) in template["Resources"].as_mapping().unwrap() {
        let policies = resource["Properties"]["Policies"].as_sequence().into_iter().flatten();
        assert!(
            policies.clone().all(|policy| policy.get("Statement").is_some()),
            "{name:?} has a policy without statements"
        );
        collect(name.as_str().unwrap(), &resource["Properties"], &mut found);
    }
    found
}

fn template() -> Value {
    serde_yaml_ng::from_str(&text("template.yaml")).unwrap()
}

#[test]
fn the_policies_have_these_actions_and_no_others() {
    let (found, expected) = (actions_of(&template()), expected());

    for (which, list) in [("the template", &found), ("the table", &expected)] {
        let distinct: BTreeSet<_> = list.iter().collect();
        assert_eq!(distinct.len(), list.len(), "{which} has an action twice in one statement");
    }
    let unknown: Vec<_> = found.iter().filter(|action| !expected.contains(action)).collect();
    assert!(unknown.is_empty(), "these actions are not in the table: {unknown:#?}");
    let missing: Vec<_> = expected.iter().filter(|action| !found.contains(action)).collect();
    assert!(missing.is_empty(), "the template lacks these actions: {missing:#?}");
}

#[test]
fn only_bucket_policies_and_the_protection_of_receipts_deny() {
    let mut effects = BTreeSet::new();
    let template = template();

    for (name, resource) in template["Resources"].as_mapping().unwrap() {
        let kind = resource["Type"].as_str().unwrap();
        effects_of(&resource["Properties"], &mut |effect| {
            effects.insert((kind.to_owned(), effect.to_owned()));
            let denies_all = kind == "AWS::S3::BucketPolicy";
            let denies_some = name.as_str() == Some("ChecksumVerifyFunction");
            assert!(denies_some || (effect == "Deny") == denies_all, "{name:?}");
        });
    }
    let kinds: Vec<_> = effects.iter().map(|(kind, effect)| (kind.as_str(), effect.as_str())).collect();
    assert_eq!(
        kinds,
        [
            ("AWS::S3::BucketPolicy", "Deny"),
            ("AWS::SQS::QueuePolicy", "Allow"),
            ("AWS::Serverless::Function", "Allow"),
            ("AWS::Serverless::Function", "Deny"),
            ("AWS::Serverless::StateMachine", "Allow"),
        ]
    );
}

fn effects_of(value: &Value, visit: &mut impl FnMut(&str)) {
    match value {
        Value::Tagged(tagged) => effects_of(&tagged.value, visit),
        Value::Sequence(list) => list.iter().for_each(|item| effects_of(item, visit)),
        Value::Mapping(mapping) => {
            if let Some(effect) = mapping.get("Effect").and_then(Value::as_str) {
                visit(effect);
            }
            mapping.values().for_each(|item| effects_of(item, visit));
        }
        _ => {}
    }
}
