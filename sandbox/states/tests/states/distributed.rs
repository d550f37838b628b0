//! Distributed Maps: their children and tolerated failures.

use std::sync::{Arc, atomic::Ordering};

use serde_json::{Value, json};

use crate::{
    distributed_support::{distributed, pass, picky, with},
    support::{Answer, Ended, Fixture, Script, machine, run, task, text},
};

/// The children of an execution's only Map Run, in the order of their starts.
async fn children(fixture: &Fixture, ended: &Ended) -> Vec<Value> {
    let runs = fixture.ask("ListMapRuns", json!({"executionArn": ended.described["executionArn"]})).await;
    let listed = fixture.ask("ListExecutions", json!({"mapRunArn": runs["mapRuns"][0]["mapRunArn"]})).await;
    let mut children = listed["executions"].as_array().unwrap().clone();
    children.reverse();
    children
}

#[tokio::test(start_paused = true)]
async fn each_item_is_a_separate_execution_with_a_history() {
    let fixture = Fixture::new(&Script::answers([]));
    let definition =
        distributed("STANDARD", pass(json!({"Output": {"got": "{% $states.input %}"}})), json!({"Label": "items"}));
    let ended = fixture.run(&definition, &json!(["a", "b"])).await;
    assert_eq!(ended.output(), json!([{"got": "a"}, {"got": "b"}]));
    assert_eq!(
        ended.types(),
        [
            "ExecutionStarted",
            "MapStateEntered",
            "MapStateStarted",
            "MapRunStarted",
            "MapRunSucceeded",
            "MapStateSucceeded",
            "MapStateExited",
            "ExecutionSucceeded"
        ]
    );
    assert_eq!(ended.of("MapStateStarted")[0]["mapStateStartedEventDetails"]["length"], 2);
    let map_run = text(&ended.of("MapRunStarted")[0]["mapRunStartedEventDetails"]["mapRunArn"]);
    assert!(map_run.starts_with("arn:aws:states:eu-central-1:000000000000:mapRun:machine/items:"), "{map_run}");
    let children = children(&fixture, &ended).await;
    assert_eq!(children.len(), 2);
    for (child, item) in children.iter().zip(["a", "b"]) {
        let arn = text(&child["executionArn"]);
        assert!(arn.starts_with("arn:aws:states:eu-central-1:000000000000:execution:machine/items:"), "{arn}");
        assert_eq!((&child["itemCount"], &child["mapRunArn"]), (&json!(1), &json!(map_run)));
        let described = fixture.ask("DescribeExecution", json!({"executionArn": arn})).await;
        assert_eq!(described["stateMachineArn"], "arn:aws:states:eu-central-1:000000000000:stateMachine:machine/items");
        assert_eq!((&described["input"], &described["mapRunArn"]), (&json!(json!(item).to_string()), &json!(map_run)));
        let history = fixture.history(&arn).await;
        let types: Vec<&str> = history.iter().map(|event| event["type"].as_str().unwrap()).collect();
        assert_eq!(types, ["ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"]);
        let role = &history[0]["executionStartedEventDetails"]["roleArn"];
        assert_eq!(role, "arn:aws:iam::000000000000:role/machine");
    }
    let statuses: Vec<Value> =
        fixture.events.0.lock().unwrap().iter().map(|event| event["detail"]["status"].clone()).collect();
    assert_eq!(
        statuses.iter().filter(|status| **status == "RUNNING").count(),
        3,
        "each execution sends events: {statuses:?}"
    );
    let of_machine =
        fixture.ask("ListExecutions", json!({"stateMachineArn": ended.described["stateMachineArn"]})).await;
    assert_eq!(of_machine["executions"].as_array().unwrap().len(), 1, "children are listed by their Map Run alone");
}

#[tokio::test(start_paused = true)]
async fn a_map_run_is_described_as_aws_recorded_it() {
    let fixture = Fixture::new(&Script::answers([]));
    let ended =
        fixture.run(&distributed("STANDARD", pass(json!({})), json!({"MaxConcurrency": 1})), &json!([1, 2])).await;
    let listed = fixture.ask("ListMapRuns", json!({"executionArn": ended.described["executionArn"]})).await;
    let described = fixture.ask("DescribeMapRun", json!({"mapRunArn": listed["mapRuns"][0]["mapRunArn"]})).await;
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/distributed-map-run-api.json");
    let recording: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let recorded = &recording["recorded"]["describe_map_run"];
    for name in ["executionCounts", "itemCounts"] {
        for (field, value) in recorded[name].as_object().unwrap() {
            assert_eq!(&described[name][field], value, "{name}.{field}");
        }
        // AWS added these fields together with redrive, after the recording.
        assert_eq!(
            (&described[name]["pendingRedrive"], &described[name]["failuresNotRedrivable"]),
            (&json!(0), &json!(0))
        );
    }
    for name in ["maxConcurrency", "status", "toleratedFailureCount", "toleratedFailurePercentage"] {
        assert_eq!(described[name], recorded[name], "{name}");
    }
    for (ours, recorded) in
        [(&described, recorded), (&listed["mapRuns"][0], &recording["recorded"]["list_map_runs"]["mapRuns"][0])]
    {
        for name in recorded.as_object().unwrap().keys().filter(|name| *name != "ResponseMetadata") {
            assert!(ours.get(name).is_some(), "{name} is missing in {ours}");
        }
    }
    let shape = text(&listed["mapRuns"][0]["stateMachineArn"]).replace("stateMachine", "mapRun");
    assert!(text(&described["mapRunArn"]).starts_with(&format!("{shape}:")), "both have the label that AWS makes up");
}

#[tokio::test(start_paused = true)]
async fn children_cannot_read_the_variables_of_the_parent() {
    let definition = machine(
        "A",
        json!({
            "A": {"Type": "Pass", "Assign": {"v": 1}, "Output": [1], "Next": "M"},
            "M": with(distributed("STANDARD", pass(json!({"Output": "{% $v %}"})), json!({}))["States"]["M"].clone(), json!({})),
        }),
    );
    let ended = run(&definition, &json!({}), []).await;
    assert_eq!(ended.error(), "States.ExceedToleratedFailureThreshold");
}

#[tokio::test(start_paused = true)]
async fn failed_items_over_the_tolerance_fail_the_map_run() {
    for (fields, succeeds) in [
        (json!({}), false),
        (json!({"ToleratedFailureCount": 1}), false),
        (json!({"ToleratedFailureCount": 2}), true),
        (json!({"ToleratedFailurePercentage": 49}), false),
        (json!({"ToleratedFailurePercentage": "{% 50 %}"}), true),
        (json!({"ToleratedFailurePercentage": 100, "ToleratedFailureCount": 1}), false),
    ] {
        let ended = run(&distributed("STANDARD", picky(), fields.clone()), &json!([1, 101, 2, 102]), []).await;
        if !succeeds {
            assert_eq!(ended.error(), "States.ExceedToleratedFailureThreshold", "{fields}");
            assert_eq!(ended.cause(), "The specified tolerated failure threshold was exceeded");
            continue;
        }
        let output = ended.output();
        assert_eq!((&output[0], &output[2]), (&json!(1), &json!(2)), "{fields}");
        assert_eq!((&output[1]["Status"], &output[1]["Error"]), (&json!("FAILED"), &json!("TooLarge")));
    }
}

#[tokio::test(start_paused = true)]
async fn too_many_failures_stop_running_standard_children() {
    for (workflow, status) in [("STANDARD", "ABORTED"), ("EXPRESS", "SUCCEEDED")] {
        let script = Script::new(|call, _| match call.arguments.as_str() {
            Some("bad") => Answer::Error("Bad", "why"),
            _ => Answer::After(std::time::Duration::from_mins(1)),
        });
        let fixture = Fixture::new(&script);
        let child =
            json!({"StartAt": "T", "States": {"T": task(json!({"Arguments": "{% $states.input %}", "End": true}))}});
        let definition = distributed(workflow, child, json!({"MaxConcurrency": 2}));
        let ended = fixture.run(&definition, &json!(["slow", "bad", "never"])).await;
        assert_eq!(ended.error(), "States.ExceedToleratedFailureThreshold");
        let statuses: Vec<Value> =
            children(&fixture, &ended).await.iter().map(|child| child["status"].clone()).collect();
        assert_eq!(statuses, [json!(status), json!("FAILED")], "{workflow}");
        assert_eq!(script.count(), 2, "what had not begun does not begin");
    }
}

#[tokio::test(start_paused = true)]
async fn the_concurrency_of_children_follows_updates_of_the_map_run() {
    let script = Script::new(|_, _| Answer::After(std::time::Duration::from_secs(10)));
    let fixture = Fixture::new(&script);
    let child = json!({"StartAt": "T", "States": {"T": task(json!({"End": true}))}});
    let machine = fixture.create("m", &distributed("STANDARD", child, json!({"MaxConcurrency": 2}))).await;
    let arn = fixture.start(&machine, &json!([1, 2, 3, 4, 5, 6, 7])).await;
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    assert_eq!(script.most.load(Ordering::SeqCst), 2);
    let runs = fixture.ask("ListMapRuns", json!({"executionArn": arn})).await;
    let map_run = runs["mapRuns"][0]["mapRunArn"].clone();
    let described = fixture.ask("DescribeMapRun", json!({"mapRunArn": map_run})).await;
    let counts = &described["executionCounts"];
    assert_eq!((&counts["running"], &counts["pending"], &counts["total"]), (&json!(2), &json!(5), &json!(7)));
    fixture.ask("UpdateMapRun", json!({"mapRunArn": map_run, "maxConcurrency": 5})).await;
    assert_eq!(fixture.end(&arn).await["status"], "SUCCEEDED");
    assert_eq!(script.most.load(Ordering::SeqCst), 5);
    assert_eq!(fixture.ask("DescribeMapRun", json!({"mapRunArn": map_run})).await["maxConcurrency"], 5);
    let (code, _) = fixture.refused("UpdateMapRun", json!({"mapRunArn": map_run, "maxConcurrency": 1})).await;
    assert_eq!(code, "ValidationException", "it has ended");
    assert_eq!(fixture.refused("DescribeMapRun", json!({"mapRunArn": "arn:x"})).await.0, "ResourceNotFound");
}

#[tokio::test(start_paused = true)]
async fn an_express_child_has_five_minutes_and_no_history() {
    let script: Arc<Script> = Script::answers([Answer::Never]);
    let fixture = Fixture::new(&script);
    let child = json!({"StartAt": "T", "States": {"T": task(json!({"End": true}))}});
    let ended =
        fixture.run(&distributed("EXPRESS", child, json!({"ToleratedFailurePercentage": 100})), &json!([1])).await;
    assert_eq!(ended.output()[0]["Status"], "TIMED_OUT");
    let arn = children(&fixture, &ended).await[0]["executionArn"].clone();
    assert_eq!(fixture.refused("GetExecutionHistory", json!({"executionArn": arn})).await.0, "ExecutionDoesNotExist");
    let statuses: Vec<Value> =
        fixture.events.0.lock().unwrap().iter().map(|event| event["detail"]["status"].clone()).collect();
    assert_eq!(statuses, ["RUNNING", "SUCCEEDED"], "only the parent sends events");
}

#[tokio::test(start_paused = true)]
async fn a_retry_starts_another_map_run() {
    let retry =
        json!([{"ErrorEquals": ["States.ExceedToleratedFailureThreshold"], "MaxAttempts": 1, "IntervalSeconds": 1}]);
    let script = Script::answers([Answer::Error("Bad", "why")]);
    let child =
        json!({"StartAt": "T", "States": {"T": task(json!({"Arguments": "{% $states.input %}", "End": true}))}});
    let fixture = Fixture::new(&script);
    let ended = fixture.run(&distributed("STANDARD", child, json!({"Retry": retry})), &json!([1])).await;
    assert_eq!(ended.output(), json!([1]));
    assert_eq!((ended.of("MapRunStarted").len(), ended.of("MapStateStarted").len()), (2, 2));
    let runs = fixture.ask("ListMapRuns", json!({"executionArn": ended.described["executionArn"]})).await;
    let statuses = async |index: usize| {
        fixture.ask("DescribeMapRun", json!({"mapRunArn": runs["mapRuns"][index]["mapRunArn"]})).await["status"].clone()
    };
    assert_eq!((statuses(0).await, statuses(1).await), (json!("SUCCEEDED"), json!("FAILED")));
}

#[tokio::test(start_paused = true)]
async fn an_empty_list_is_a_map_run_without_children() {
    let ended = run(&distributed("STANDARD", pass(json!({})), json!({})), &json!([]), []).await;
    assert_eq!(ended.output(), json!([]));
    assert_eq!(ended.of("MapRunSucceeded").len(), 1);
}
