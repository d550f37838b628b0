//! Which calls a rule fires for.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::{Value, json};

use super::*;

fn call(operation: &'static str) -> Call<'static> {
    Call { bucket: "target", key: "photos/a cat.jpg", part: Some(7), ..Call::new(Service::S3, operation) }
}

fn by_function(call: Call<'static>) -> Call<'static> {
    let names = Names { name: "demo-copier", crate_name: "copier" };
    Call { function: Some(names), state: Some("Copy"), ..call }
}

fn added(rule: Value) -> Faults {
    let faults = Faults::default();
    faults.add(serde_json::from_value(rule).unwrap()).unwrap();
    faults
}

fn fired(faults: &Faults, call: &Call<'_>) -> bool {
    faults.plan(call) != Plan::default()
}

#[test]
fn a_rule_matches_calls_that_match_every_field_of_its_target() {
    let made = by_function(call("UploadPartCopy"));
    for (target, expected) in [
        (json!({}), true),
        (json!({"service": "s3"}), true),
        (json!({"service": "sns"}), false),
        (json!({"operation": "UploadPartCopy"}), true),
        (json!({"operation": "UploadPart"}), false),
        (json!({"bucket": "target", "key": "photos/*.jpg"}), true),
        (json!({"bucket": "tar*", "key": "*cat*"}), true),
        (json!({"bucket": "target", "key": "photos/*.png"}), false),
        (json!({"bucket": "up"}), false),
        (json!({"part": 7}), true),
        (json!({"part": 8}), false),
        (json!({"function": "copier"}), true),
        (json!({"function": "demo-*"}), true),
        (json!({"function": "copy"}), false),
        (json!({"state": "Copy"}), true),
        (json!({"state": "CopyParts"}), false),
        (json!({"part": 7, "state": "CopyParts"}), false),
    ] {
        let faults = added(json!({"match": target, "effect": {"drop": "before"}}));
        assert_eq!(fired(&faults, &made), expected, "{target}");
    }
}

#[test]
fn a_field_that_a_call_lacks_does_not_match() {
    let other = Call::new(Service::Sns, "Publish");
    for target in [json!({"bucket": "b"}), json!({"part": 1}), json!({"function": "*"}), json!({"state": "*"})] {
        assert!(!fired(&added(json!({"match": target, "effect": {"drop": "after"}})), &other), "{target}");
    }
}

#[test]
fn a_rule_skips_calls_and_then_fires_a_number_of_times() {
    let faults = added(json!({"when": {"skip": 2, "times": 3}, "effect": {"drop": "before"}}));
    let strikes: Vec<bool> = (0..7).map(|_| fired(&faults, &call("GetObject"))).collect();
    assert_eq!(strikes, [false, false, true, true, true, false, false]);
    let rules = faults.rules();
    assert_eq!((rules[0].matched, rules[0].fired), (7, 3));
}

#[test]
fn a_probability_gives_the_same_result_for_the_same_seed_in_any_order() {
    let rule = |seed: u64| json!({"when": {"probability": 0.5, "seed": seed}, "effect": {"drop": "before"}});
    let part = |number: u16| Call { part: Some(number), ..call("UploadPartCopy") };
    let pattern = |seed: u64, order: &[u16]| {
        let faults = added(rule(seed));
        let mut fired: Vec<(u16, bool)> = order.iter().map(|part_| (*part_, fired(&faults, &part(*part_)))).collect();
        fired.sort_unstable();
        fired
    };
    let forward: Vec<u16> = (1..=200).collect();
    let back: Vec<u16> = (1..=200).rev().collect();
    assert_eq!(pattern(1, &forward), pattern(1, &back));
    assert_ne!(pattern(1, &forward), pattern(2, &forward), "another seed gives another result");
    let count = pattern(1, &forward).iter().filter(|(_, fired)| *fired).count();
    assert!((80..=120).contains(&count), "about half of 200 calls, not {count}");
    let three = added(json!({"when": {"probability": 0.5, "times": 3}, "effect": {"drop": "before"}}));
    assert_eq!(
        forward.iter().filter(|number| fired(&three, &part(**number))).count(),
        3,
        "calls without a fault do not count"
    );
    let faults = added(rule(3));
    let again: Vec<bool> = (0..40).map(|_| fired(&faults, &part(1))).collect();
    assert!(again.contains(&true) && again.contains(&false), "the same call made again gets a new result");
}

#[test]
fn an_effect_applies_only_to_calls_that_support_it() {
    let invoke = Call { function: by_function(call("x")).function, ..Call::new(Service::Lambda, INVOKE) };
    let deliver = Call::new(Service::Events, DELIVER);
    for (effect, copies, invokes, delivers) in [
        (json!({"error": {"code": "SlowDown"}}), true, true, false),
        (json!({"error": {"code": "SlowDown", "inside200": true}}), true, false, false),
        (json!({"latency": {"millis": 1}}), true, true, false),
        (json!({"drop": "after"}), true, true, false),
        (json!({"flip": {}}), true, false, false),
        (json!({"kill": "before"}), true, true, false),
        (json!({"kill": "during"}), false, true, false),
        (json!({"functionError": {"errorType": "Internal"}}), false, true, false),
        (json!({"repeat": {"copies": 1}}), false, false, true),
        (json!({"delay": {"millis": 1}}), false, false, true),
        (json!({"reorder": {"after": 1}}), false, false, true),
    ] {
        let faults = added(json!({"effect": effect}));
        let strikes = [by_function(call("UploadPartCopy")), invoke, deliver].map(|call| fired(&faults, &call));
        assert_eq!(strikes, [copies, invokes, delivers], "{effect}");
    }
    let killing = added(json!({"effect": {"kill": "after"}}));
    assert!(!fired(&killing, &call("PutObject")), "no function makes the call");
}

#[test]
fn the_first_rule_that_fires_decides_and_latency_combines_with_others() {
    let faults = added(json!({"effect": {"latency": {"millis": 5}}}));
    let lasting = faults.add(Rule::new(Target::default(), Effect::error("SlowDown")).times(1)).unwrap();
    faults.add(Rule::new(Target::default(), Effect::Drop(Moment::After))).unwrap();
    let first = faults.plan(&call("GetObject"));
    assert_eq!(first.latency.as_millis(), 5);
    assert!(matches!(first.ending, Ending::Error(_)), "{first:?}");
    assert_eq!(faults.plan(&call("GetObject")).ending, Ending::Drop(Moment::After));
    assert_eq!(faults.rules().iter().map(|rule| rule.matched).collect::<Vec<_>>(), [2, 2, 1]);
    assert!(faults.remove(&lasting));
    assert!(!faults.remove(&lasting), "the rule was removed before");
    faults.clear();
    assert!(faults.rules().is_empty() && !fired(&faults, &call("GetObject")));
}

#[test]
fn a_rule_that_can_match_no_call_is_rejected_with_advice() {
    for (rule, sentence) in [
        (json!({"match": {"service": "s3"}, "effect": {"functionError": {"errorType": "E"}}}), "leave out service"),
        (json!({"match": {"operation": "GetObject"}, "effect": {"flip": {}}}), "leave out operation"),
        (json!({"match": {"service": "s3"}, "effect": {"kill": "during"}}), "Lambda's Invoke"),
        (json!({"match": {"operation": "Publish"}, "effect": {"repeat": {"copies": 1}}}), "deliveries of events"),
        (json!({"match": {"operation": "Foo"}, "effect": {"drop": "before"}}), "Deliver, DeleteRule"),
        (
            json!({"match": {"service": "s3", "operation": "Publish"}, "effect": {"drop": "before"}}),
            "UploadPartCopy of s3",
        ),
        (
            json!({"match": {"service": "lambda", "operation": "invoke"}, "effect": {"drop": "before"}}),
            "are Invoke, GetF",
        ),
        (json!({"match": {"part": 0}, "effect": {"drop": "before"}}), "1 to 10000, not 0"),
        (json!({"match": {"part": 10001}, "effect": {"drop": "before"}}), "not 10001"),
        (json!({"when": {"times": 0}, "effect": {"drop": "before"}}), "when.times"),
        (json!({"when": {"probability": 0.0}, "effect": {"drop": "before"}}), "when.probability"),
        (json!({"when": {"probability": 1.5}, "effect": {"drop": "before"}}), "not 1.5"),
        (json!({"effect": {"error": {"code": "Odd"}}}), "effect.error.status"),
        (json!({"effect": {"error": {"code": "Odd", "status": 299}}}), "not 299"),
        (json!({"effect": {"error": {"code": "Odd", "status": 600}}}), "not 600"),
        (json!({"effect": {"error": {"code": "", "status": 500}}}), "error.code"),
        (json!({"effect": {"error": {"code": "SNS.ThrottledException"}}}), "own name ThrottledException"),
        (json!({"effect": {"error": {"code": "Lambda.ServiceException"}}}), "own name ServiceException"),
        (json!({"effect": {"functionError": {"errorType": ""}}}), "errorType"),
    ] {
        let refused = Faults::default().add(serde_json::from_value(rule.clone()).unwrap()).unwrap_err().to_string();
        assert!(refused.contains(sentence), "{rule}: {refused}");
    }
}

#[test]
fn a_rule_with_values_at_the_limits_is_accepted() {
    for rule in [
        json!({"when": {"probability": 1.0}, "effect": {"drop": "before"}}),
        json!({"match": {"operation": "GetObject", "part": 7}, "effect": {"drop": "before"}}),
        json!({"effect": {"error": {"code": "Odd", "status": 300}}}),
        json!({"effect": {"error": {"code": "Odd", "status": 599}}}),
    ] {
        assert!(fired(&added(rule.clone()), &call("GetObject")), "{rule}");
    }
}

#[test]
fn latencies_add_up() {
    let faults = added(json!({"effect": {"latency": {"millis": 5}}}));
    faults.add(Rule::new(Target::default(), Effect::Latency { millis: 7 })).unwrap();
    assert_eq!(faults.plan(&call("GetObject")).latency.as_millis(), 12);
}

#[test]
fn a_marked_caller_dies_with_its_next_call_unless_a_rule_fires() {
    let origin = CallOrigin::new(Names { name: "demo-copier", crate_name: "copier" }, None);
    let faults = added(json!({"when": {"times": 1}, "effect": {"drop": "after"}}));
    origin.kill_at_next_call();
    let mut endings = (0..3).map(|_| faults.plan_for(&call("GetObject"), Some(&origin)).ending);
    assert_eq!(endings.next(), Some(Ending::Drop(Moment::After)));
    assert_eq!(endings.next(), Some(Ending::Kill(Life::After)));
    assert_eq!(endings.next(), Some(Ending::AsUsual));
}

#[test]
fn json_that_is_not_a_rule_is_rejected_with_the_field() {
    for (rule, field) in [
        (json!({"match": {"bukket": "b"}, "effect": {"drop": "before"}}), "bukket"),
        (json!({"effect": {"drop": "later"}}), "later"),
        (json!({"effect": {"flip": {"ofset": 1}}}), "ofset"),
        (json!({"effect": {"explode": {}}}), "explode"),
        (json!({"match": {}}), "effect"),
    ] {
        let refused = serde_json::from_value::<Rule>(rule).unwrap_err().to_string();
        assert!(refused.contains(field), "{refused}");
    }
}

#[test]
fn a_rule_survives_a_round_trip_through_json() {
    let written = json!({
        "match": {"service": "s3", "operation": "UploadPartCopy", "part": 7},
        "when": {"skip": 1, "times": 2, "seed": 0},
        "effect": {"error": {"status": 503, "code": "SlowDown", "message": "m", "inside200": true}},
    });
    let rule: Rule = serde_json::from_value(written.clone()).unwrap();
    assert_eq!(serde_json::to_value(rule).unwrap(), written);
}
