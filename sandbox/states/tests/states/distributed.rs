//! Distributed Maps: what is run and tolerated.

use std::sync::{Arc, atomic::Ordering};

use serde_json::{Value, json};

use crate::{
    distributed_support::{distributed, pass, picky, with},
    support::{Answer, Ended, Script, World, machine, run, task, text},
};

/// The children of an execution's only Map Run, in the order of their starts.
async fn children(world: &World, ended: &Ended) -> Vec<Value> {
    let runs = world.ask("ListMapRuns", json!({"executionArn": ended.described["executionArn"]})).await;
    let listed = world.ask("ListExecutions", json!({"mapRunArn": runs["mapRuns"][0]["mapRunArn"]})).await;
    let mut children = listed["executions"].as_array().unwrap().clone();
    children.reverse();
    children
}

#[tokio::test(start_paused = true)]
async fn each_item_is_an_execution_of_its_own_with_its_own_history() {
    let world = World::new(&Script::answers([]));
    let definition =
        distributed("STANDARD", pass(json!({"Output": {"got": "{% $states.input %}"}})), json!({"Label": "items"}));
    let ended = world.run(&definition, &json!(["a", "b"])).await;
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
    let children = children(&world, &ended).await;
    assert_eq!(children.len(), 2);
    for (child, item) in children.iter().zip(["a", "b"]) {
        let arn = text(&child["executionArn"]);
        assert!(arn.starts_with("arn:aws:states:eu-central-1:000000000000:execution:machine/items:"), "{arn}");
        assert_eq!((&child["itemCount"], &child["mapRunArn"]), (&json!(1), &json!(map_run)));
        let described = world.ask("DescribeExecution", json!({"executionArn": arn})).await;
        assert_eq!(described["stateMachineArn"], "arn:aws:states:eu-central-1:000000000000:stateMachine:machine/items");
        assert_eq!((&described["input"], &described["mapRunArn"]), (&json!(json!(item).to_string()), &json!(map_run)));
        let history = world.history(&arn).await;
        let types: Vec<&str> = history.iter().map(|event| event["type"].as_str().unwrap()).collect();
        assert_eq!(types, ["ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"]);
        let role = &history[0]["executionStartedEventDetails"]["roleArn"];
        assert_eq!(role, "arn:aws:iam::000000000000:role/machine");
    }
    let told: Vec<Value> =
        world.events.0.lock().unwrap().iter().map(|event| event["detail"]["status"].clone()).collect();
    assert_eq!(
        told.iter().filter(|status| **status == "RUNNING").count(),
        3,
        "the event bus is told of each: {told:?}"
    );
    let of_machine = world.ask("ListExecutions", json!({"stateMachineArn": ended.described["stateMachineArn"]})).await;
    assert_eq!(of_machine["executions"].as_array().unwrap().len(), 1, "children are listed by their Map Run alone");
}

#[tokio::test(start_paused = true)]
async fn a_map_run_is_described_as_aws_recorded_it() {
    let world = World::new(&Script::answers([]));
    let ended =
        world.run(&distributed("STANDARD", pass(json!({})), json!({"MaxConcurrency": 1})), &json!([1, 2])).await;
    let listed = world.ask("ListMapRuns", json!({"executionArn": ended.described["executionArn"]})).await;
    let described = world.ask("DescribeMapRun", json!({"mapRunArn": listed["mapRuns"][0]["mapRunArn"]})).await;
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/distributed-map-run-api.json");
    let recording: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let recorded = &recording["recorded"]["describe_map_run"];
    for name in ["executionCounts", "itemCounts"] {
        for (field, value) in recorded[name].as_object().unwrap() {
            assert_eq!(&described[name][field], value, "{name}.{field}");
        }
        // Fields that AWS added with redrive.
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
async fn children_do_not_see_the_variables_around_the_map() {
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
async fn more_failed_items_than_are_tolerated_fail_the_map_run() {
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
async fn when_too_many_failed_those_that_run_are_stopped_unless_they_are_express() {
    for (workflow, status) in [("STANDARD", "ABORTED"), ("EXPRESS", "SUCCEEDED")] {
        let script = Script::new(|call, _| match call.arguments.as_str() {
            Some("bad") => Answer::Error("Bad", "why"),
            _ => Answer::After(std::time::Duration::from_mins(1)),
        });
        let world = World::new(&script);
        let child =
            json!({"StartAt": "T", "States": {"T": task(json!({"Arguments": "{% $states.input %}", "End": true}))}});
        let definition = distributed(workflow, child, json!({"MaxConcurrency": 2}));
        let ended = world.run(&definition, &json!(["slow", "bad", "never"])).await;
        assert_eq!(ended.error(), "States.ExceedToleratedFailureThreshold");
        let statuses: Vec<Value> = children(&world, &ended).await.iter().map(|child| child["status"].clone()).collect();
        assert_eq!(statuses, [json!(status), json!("FAILED")], "{workflow}");
        assert_eq!(script.count(), 2, "what had not begun does not begin");
    }
}

#[tokio::test(start_paused = true)]
async fn as_many_children_run_as_may_and_more_when_the_map_run_is_updated() {
    let script = Script::new(|_, _| Answer::After(std::time::Duration::from_secs(10)));
    let world = World::new(&script);
    let child = json!({"StartAt": "T", "States": {"T": task(json!({"End": true}))}});
    let machine = world.create("m", &distributed("STANDARD", child, json!({"MaxConcurrency": 2}))).await;
    let arn = world.start(&machine, &json!([1, 2, 3, 4, 5, 6, 7])).await;
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    assert_eq!(script.most.load(Ordering::SeqCst), 2);
    let runs = world.ask("ListMapRuns", json!({"executionArn": arn})).await;
    let map_run = runs["mapRuns"][0]["mapRunArn"].clone();
    let described = world.ask("DescribeMapRun", json!({"mapRunArn": map_run})).await;
    let counts = &described["executionCounts"];
    assert_eq!((&counts["running"], &counts["pending"], &counts["total"]), (&json!(2), &json!(5), &json!(7)));
    world.ask("UpdateMapRun", json!({"mapRunArn": map_run, "maxConcurrency": 5})).await;
    assert_eq!(world.end(&arn).await["status"], "SUCCEEDED");
    assert_eq!(script.most.load(Ordering::SeqCst), 5);
    assert_eq!(world.ask("DescribeMapRun", json!({"mapRunArn": map_run})).await["maxConcurrency"], 5);
    let (code, _) = world.refused("UpdateMapRun", json!({"mapRunArn": map_run, "maxConcurrency": 1})).await;
    assert_eq!(code, "ValidationException", "it has ended");
    assert_eq!(world.refused("DescribeMapRun", json!({"mapRunArn": "arn:x"})).await.0, "ResourceNotFound");
}

#[tokio::test(start_paused = true)]
async fn an_express_child_takes_at_most_five_minutes_and_has_no_history() {
    let script: Arc<Script> = Script::answers([Answer::Never]);
    let world = World::new(&script);
    let child = json!({"StartAt": "T", "States": {"T": task(json!({"End": true}))}});
    let ended =
        world.run(&distributed("EXPRESS", child, json!({"ToleratedFailurePercentage": 100})), &json!([1])).await;
    assert_eq!(ended.output()[0]["Status"], "TIMED_OUT");
    let arn = children(&world, &ended).await[0]["executionArn"].clone();
    assert_eq!(world.refused("GetExecutionHistory", json!({"executionArn": arn})).await.0, "ExecutionDoesNotExist");
    let statuses: Vec<Value> =
        world.events.0.lock().unwrap().iter().map(|event| event["detail"]["status"].clone()).collect();
    assert_eq!(statuses, ["RUNNING", "SUCCEEDED"], "the event bus is told of the parent alone");
}

#[tokio::test(start_paused = true)]
async fn a_retry_starts_another_map_run() {
    let retry =
        json!([{"ErrorEquals": ["States.ExceedToleratedFailureThreshold"], "MaxAttempts": 1, "IntervalSeconds": 1}]);
    let script = Script::answers([Answer::Error("Bad", "why")]);
    let child =
        json!({"StartAt": "T", "States": {"T": task(json!({"Arguments": "{% $states.input %}", "End": true}))}});
    let world = World::new(&script);
    let ended = world.run(&distributed("STANDARD", child, json!({"Retry": retry})), &json!([1])).await;
    assert_eq!(ended.output(), json!([1]));
    assert_eq!((ended.of("MapRunStarted").len(), ended.of("MapStateStarted").len()), (2, 2));
    let runs = world.ask("ListMapRuns", json!({"executionArn": ended.described["executionArn"]})).await;
    let statuses = async |index: usize| {
        world.ask("DescribeMapRun", json!({"mapRunArn": runs["mapRuns"][index]["mapRunArn"]})).await["status"].clone()
    };
    assert_eq!((statuses(0).await, statuses(1).await), (json!("SUCCEEDED"), json!("FAILED")));
}

#[tokio::test(start_paused = true)]
async fn an_empty_list_is_a_map_run_without_children() {
    let ended = run(&distributed("STANDARD", pass(json!({})), json!({})), &json!([]), []).await;
    assert_eq!(ended.output(), json!([]));
    assert_eq!(ended.of("MapRunSucceeded").len(), 1);
}
