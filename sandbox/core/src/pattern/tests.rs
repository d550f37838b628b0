//! The pattern language, compared with the examples of AWS's documentation and of its matcher.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::{Value, json};

use super::Pattern;

fn matches(pattern: &Value, event: &Value) -> bool {
    Pattern::compile(pattern).unwrap().matches(event)
}

/// The event of <https://github.com/aws/event-ruler#ruler-by-example>.
fn instance_event() -> Value {
    json!({
        "version": "0",
        "id": "ddddd4-aaaa-7777-4444-345dd43cc333",
        "detail-type": "EC2 Instance State-change Notification",
        "source": "aws.ec2",
        "account": "012345679012",
        "time": "2017-10-02T16:24:49Z",
        "region": "us-east-1",
        "resources": ["arn:aws:ec2:us-east-1:123456789012:instance/i-000000aaaaaa00000"],
        "detail": {
            "c-count": 5,
            "d-count": 3,
            "x-limit": 301.8,
            "source-ip": "10.0.0.33",
            "instance-id": "i-000000aaaaaa00000",
            "state": "running"
        }
    })
}

#[test]
fn the_documented_patterns_match_the_documented_event() {
    for pattern in [
        json!({ "detail-type": ["EC2 Instance State-change Notification"],
                "resources": ["arn:aws:ec2:us-east-1:123456789012:instance/i-000000aaaaaa00000"],
                "detail": { "state": ["initializing", "running"] } }),
        json!({ "time": [{ "prefix": "2017-10-02" }] }),
        json!({ "source": [{ "suffix": "ec2" }] }),
        json!({ "source": [{ "equals-ignore-case": "AWS.EC2" }] }),
        json!({ "source": [{ "wildcard": "a*.*2" }] }),
        json!({ "detail": { "state": [{ "anything-but": "initializing" }] } }),
        json!({ "detail": { "x-limit": [{ "anything-but": 123 }] } }),
        json!({ "detail": { "state": [{ "anything-but": ["stopped", "overloaded"] }] } }),
        json!({ "detail": { "x-limit": [{ "anything-but": [100, 200, 300] }] } }),
        json!({ "detail": { "state": [{ "anything-but": { "prefix": "init" } }] } }),
        json!({ "detail": { "c-count": [{ "numeric": [">", 0, "<=", 5] }],
                            "d-count": [{ "numeric": ["<", 10] }],
                            "x-limit": [{ "numeric": ["=", 3.018e2] }] } }),
        json!({ "detail": { "source-ip": [{ "cidr": "10.0.0.0/24" }] } }),
        json!({ "detail": { "c-count": [{ "exists": true }] } }),
        json!({ "detail": { "e-count": [{ "exists": false }] } }),
        json!({ "time": [{ "prefix": "2017-10-02" }],
                "detail": { "state": [{ "anything-but": "initializing" }],
                            "c-count": [{ "numeric": [">", 0, "<=", 5] }],
                            "d-count": [{ "numeric": ["<", 10] }],
                            "x-limit": [{ "anything-but": [100, 200, 300] }],
                            "source-ip": [{ "cidr": "10.0.0.0/8" }] } }),
    ] {
        assert!(matches(&pattern, &instance_event()), "does not match: {pattern}");
    }
}

#[test]
fn a_pattern_for_other_values_does_not_match() {
    for pattern in [
        json!({ "detail": { "state": ["Running"] } }),
        json!({ "detail": { "state": ["run"] } }),
        json!({ "state": ["running"] }),
        json!({ "source": ["aws.ec2"], "detail": { "state": ["stopped"] } }),
        json!({ "detail": { "state": [{ "anything-but": ["running", "stopped"] }] } }),
        json!({ "detail": { "no-such": [{ "anything-but": "x" }] } }),
        json!({ "detail": { "c-count": ["5"] } }),
        json!({ "detail": { "c-count": [{ "prefix": "5" }] } }),
        json!({ "detail": { "c-count": [{ "numeric": [">", 5] }] } }),
        json!({ "detail": { "c-count": [{ "exists": false }] } }),
        json!({ "detail": { "source-ip": [{ "cidr": "10.0.1.0/24" }] } }),
        json!({ "detail": { "source-ip": [{ "cidr": "2001:db8::/32" }] } }),
        json!({ "detail": [{ "exists": true }] }),
        json!({ "source": { "x": ["aws.ec2"] } }),
    ] {
        assert!(!matches(&pattern, &instance_event()), "matches: {pattern}");
    }
}

/// Rows of <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html>.
#[test]
fn each_operator_matches_the_examples_of_the_documentation() {
    let check = |condition: Value, wanted: &[Value], unwanted: &[Value]| {
        let pattern = json!({ "field": [condition] });
        for value in wanted {
            assert!(matches(&pattern, &json!({ "field": value })), "{pattern} should match {value}");
        }
        for value in unwanted {
            assert!(!matches(&pattern, &json!({ "field": value })), "{pattern} should not match {value}");
        }
    };
    let each = |values: &[&str]| values.iter().map(|value| json!(value)).collect::<Vec<_>>();
    check(json!({ "prefix": "us-" }), &each(&["us-east-1"]), &each(&["eu-us-", "US-east-1"]));
    check(json!({ "prefix": { "equals-ignore-case": "eventb" } }), &each(&["EventBridge"]), &each(&["xEventB"]));
    check(json!({ "suffix": ".png" }), &each(&["a.png"]), &each(&["a.png.txt", "a.PNG"]));
    check(json!({ "suffix": { "equals-ignore-case": "tBridge" } }), &each(&["EVENTBRIDGE"]), &each(&["bridges"]));
    check(json!({ "equals-ignore-case": "alice" }), &each(&["Alice"]), &each(&["Alice "]));
    check(json!({ "anything-but": { "prefix": "us-" } }), &each(&["eu-west-1"]), &each(&["us-east-1"]));
    check(json!({ "anything-but": { "prefix": ["us-", "eu-"] } }), &each(&["ap-1"]), &each(&["us-1", "eu-1"]));
    check(json!({ "anything-but": { "suffix": ".png" } }), &each(&["a.txt"]), &each(&["a.png"]));
    check(
        json!({ "anything-but": { "equals-ignore-case": ["initializing", "stopped"] } }),
        &each(&["running"]),
        &each(&["INITIALIZING", "Stopped"]),
    );
    check(json!({ "anything-but": { "wildcard": "*/lib/*" } }), &each(&["/bin/a"]), &each(&["/usr/lib/a"]));
    check(json!({ "wildcard": "dir/*.png" }), &each(&["dir/a.png", "dir/.png"]), &each(&["dir/a.png2", "x/dir/a.png"]));
    check(json!({ "wildcard": "a*b*b" }), &each(&["abb", "axbxb"]), &each(&["ab", "axb"]));
    check(json!({ "wildcard": r"a\*\\*" }), &each(&[r"a*\x"]), &each(&[r"ax\x"]));
    check(json!({ "numeric": [">=", 10, "<", 20] }), &[json!(10), json!(19.9)], &[json!(9), json!(20), json!("15")]);
    check(json!({ "cidr": "2001:db8::/32" }), &each(&["2001:db8::1"]), &each(&["2001:db9::1", "10.0.0.1"]));
    check(json!(300), &[json!(300), json!(300.0), json!(3.0e2)], &[json!(301), json!("300")]);
    check(json!(""), &each(&[""]), &[json!(null), json!("x")]);
    check(Value::Null, &[json!(null)], &[json!(""), json!("null"), json!(false)]);
    check(json!(true), &[json!(true)], &[json!("true"), json!(false)]);
}

#[test]
fn an_array_in_the_event_matches_when_any_of_its_elements_does() {
    let event = json!({ "tags": ["a", ["b", "c"]], "none": [] });
    assert!(matches(&json!({ "tags": ["c", "z"] }), &event));
    assert!(matches(&json!({ "tags": [{ "anything-but": "a" }] }), &event));
    assert!(!matches(&json!({ "tags": ["d"] }), &event));
    assert!(matches(&json!({ "none": [{ "exists": false }] }), &event));
}

#[test]
fn fields_of_one_array_element_are_matched_together() {
    let event = json!({ "employees": [{ "first": "Ann", "last": "Lee" }, { "first": "Bob", "last": "Ray" }] });
    assert!(matches(&json!({ "employees": { "first": ["Bob"], "last": ["Ray"] } }), &event));
    assert!(!matches(&json!({ "employees": { "first": ["Ann"], "last": ["Ray"] } }), &event));
}

#[test]
fn exists_tests_leaves_so_an_object_counts_as_absent() {
    let event = json!({ "detail": { "c-count": { "c1": 100 } }, "list": [{ "a": 1 }, { "b": 2 }] });
    assert!(matches(&json!({ "detail": { "c-count": [{ "exists": false }] } }), &event));
    assert!(!matches(&json!({ "detail": { "c-count": [{ "exists": true }] } }), &event));
    assert!(matches(&json!({ "detail": { "c-count": { "c1": [{ "exists": true }] } } }), &event));
    assert!(matches(&json!({ "no": { "such": { "parent": [{ "exists": false }] } } }), &event));
    assert!(!matches(&json!({ "list": { "a": [{ "exists": false }] } }), &event), "one element has it");
    assert!(matches(&json!({ "detail": { "c-count": { "c1": [{ "exists": false }, 100] } } }), &event));
}

#[test]
fn one_alternative_of_or_must_match_besides_the_other_fields() {
    let pattern = json!({
        "source": ["aws.cloudwatch"],
        "$or": [
            { "metricName": ["CPUUtilization", "ReadLatency"] },
            { "metricType": ["MetricType"], "namespace": ["AWS/EC2"], "$or": [{ "metricId": [1234] }, { "spaceId": [1000] }] },
        ]
    });
    assert!(matches(&pattern, &json!({ "source": "aws.cloudwatch", "metricName": "ReadLatency" })));
    assert!(matches(
        &pattern,
        &json!({ "source": "aws.cloudwatch", "metricType": "MetricType", "namespace": "AWS/EC2", "spaceId": 1000 })
    ));
    assert!(!matches(
        &pattern,
        &json!({ "source": "aws.cloudwatch", "metricType": "MetricType", "namespace": "AWS/EC2", "spaceId": 1 })
    ));
    assert!(!matches(&pattern, &json!({ "source": "aws.x", "metricName": "ReadLatency" })));
    assert!(!matches(&pattern, &json!({ "source": "aws.cloudwatch" })));
}

#[test]
fn an_invalid_pattern_is_rejected_with_the_field_and_the_reason() {
    for (pattern, path, reason) in [
        (json!([]), "the pattern", "must be a JSON object"),
        (json!({}), "the pattern", "at least one field"),
        (json!({ "source": "aws.s3" }), "source", "must be an object or an array of values, for example [\"aws.s3\"]"),
        (json!({ "source": [] }), "source", "at least one value"),
        (json!({ "source": [["a"]] }), "source", "array inside"),
        (json!({ "detail": { "bucket": { "name": 7 } } }), "detail.bucket.name", "not 7"),
        (json!({ "detail": {} }), "detail", "at least one field"),
        (json!({ "a": { "b": [{ "startswith": "x" }] } }), "a.b", "unknown operator \"startswith\""),
        (json!({ "a": [{ "prefix": "x", "suffix": "y" }] }), "a", "exactly one operator"),
        (json!({ "a": [{ "prefix": 1 }] }), "a", "prefix must be a string, not 1"),
        (json!({ "a": [{ "exists": "yes" }] }), "a", "exists must be true or false"),
        (json!({ "a": [{ "numeric": [">", "1"] }] }), "a", "numeric must be"),
        (json!({ "a": [{ "numeric": [] }] }), "a", "numeric must be"),
        (json!({ "a": [{ "numeric": ["<", 5, ">", 1] }] }), "a", "numeric must be"),
        (json!({ "a": [{ "numeric": [">", 5, "<", 1] }] }), "a", "numeric must be"),
        (json!({ "a": [{ "anything-but": [] }] }), "a", "anything-but must be"),
        (json!({ "a": [{ "anything-but": { "numeric": ["=", 1] } }] }), "a", "not \"numeric\""),
        (json!({ "a": [{ "anything-but": { "prefix": [] } }] }), "a", "at least one string"),
        (json!({ "a": [{ "wildcard": "a**b" }] }), "a", "two stars"),
        (json!({ "a": [{ "wildcard": "a\\b" }] }), "a", "may escape only"),
        (json!({ "a": [{ "cidr": "10.0.0.0/33" }] }), "a", "block of addresses"),
        (json!({ "$or": [{ "a": [1] }] }), "$or", "at least two"),
        (json!({ "d": { "$or": [{ "a": [1] }, 2] } }), "d.$or", "at least two JSON objects"),
        (json!({ "d": { "$or": [{ "a": [1] }, { "b": 2 }] } }), "d.b", "not 2"),
    ] {
        let error = Pattern::compile(&pattern).err();
        let error = error.unwrap_or_else(|| panic!("{pattern} was accepted"));
        assert_eq!(error.path, path, "{pattern}: {error}");
        assert!(error.problem.contains(reason), "{pattern}: {error}");
    }
    assert!(Pattern::parse("{").unwrap_err().to_string().starts_with("the pattern: is not JSON"));
}
