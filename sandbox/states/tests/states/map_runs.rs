//! Map Runs that end before their time: what a redrive runs again, what a restart continues with, what a stop leaves.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use crate::{
    distributed_support::{Bucket, children, distributed, map_runs, of, pass, two_steps},
    support::{Answer, Script, World, machine, task, text},
};

/// A runner that fails the second Task of one item, `"bad"`.
fn failing() -> Arc<Script> {
    Script::new(|call, _| match &call.arguments {
        arguments if *arguments == json!(["bad"]) => Answer::Error("Bad", "why"),
        _ => Answer::Arguments,
    })
}

#[tokio::test(start_paused = true)]
async fn standard_children_that_failed_go_on_from_the_state_that_failed_and_the_others_are_kept() {
    let first = failing();
    let world = World::new(&first);
    let definition = distributed("STANDARD", two_steps(), json!({"MaxConcurrency": 1}));
    let before = world.run(&definition, &json!(["a", "bad", "c"])).await;
    assert_eq!((before.status(), first.count()), ("FAILED", 4));
    let execution = &before.described["executionArn"];
    let failed = map_runs(&world, execution).await.remove(0);
    let child = children(&world, &failed).await.remove(1);
    assert_eq!((&child["status"], &child["redriveStatus"]), (&json!("FAILED"), &json!("REDRIVABLE_BY_MAP_RUN")));
    let (code, _) = world.refused("RedriveExecution", json!({"executionArn": child["executionArn"]})).await;
    assert_eq!(code, "ExecutionNotRedrivable", "a child is redriven with its parent");
    world.states.shutdown().await.unwrap();

    let second = Script::answers([]);
    let again = World::over(Arc::clone(&world.store), &second);
    let after = again.redrive(&before).await;
    assert_eq!(second.arguments(), [json!(["bad"]), json!("c"), json!(["c"])]);
    assert_eq!(after.output(), json!([["a"], ["bad"], ["c"]]));
    assert_eq!(
        after.types()[before.history.len()..],
        [
            "ExecutionRedriven",
            "MapRunRedriven",
            "MapRunSucceeded",
            "MapStateSucceeded",
            "MapStateExited",
            "ExecutionSucceeded"
        ]
    );
    let redriven = &after.of("MapRunRedriven")[0]["mapRunRedrivenEventDetails"];
    assert_eq!(redriven, &json!({"mapRunArn": failed["mapRunArn"], "redriveCount": 1}));
    let runs = map_runs(&again, execution).await;
    assert_eq!((runs.len(), &runs[0]["status"], &runs[0]["redriveCount"]), (1, &json!("SUCCEEDED"), &json!(1)));
    assert!(runs[0]["redriveDate"].is_number());
    let counts = &runs[0]["itemCounts"];
    assert_eq!((&counts["succeeded"], &counts["failed"], &counts["resultsWritten"]), (&json!(3), &json!(0), &json!(3)));
    let children = children(&again, &runs[0]).await;
    assert_eq!(of(&children, "redriveCount"), [json!(0), json!(1), json!(0)]);
    let history = again.history(children[1]["executionArn"].as_str().unwrap()).await;
    assert_eq!(history.iter().filter(|event| event["type"] == "ExecutionRedriven").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn express_children_that_failed_start_over_under_the_same_arn() {
    let first = failing();
    let world = World::new(&first);
    let before = world.run(&distributed("EXPRESS", two_steps(), json!({})), &json!(["a", "bad"])).await;
    let failed = map_runs(&world, &before.described["executionArn"]).await.remove(0);
    let arns = of(&children(&world, &failed).await, "executionArn");
    world.states.shutdown().await.unwrap();
    let second = Script::answers([]);
    let again = World::over(Arc::clone(&world.store), &second);
    let after = again.redrive(&before).await;
    assert_eq!(second.arguments(), [json!("bad"), json!(["bad"])], "from its first state");
    assert_eq!(after.output(), json!([["a"], ["bad"]]));
    let children = children(&again, &failed).await;
    assert_eq!((of(&children, "executionArn"), of(&children, "redriveCount")), (arns, vec![json!(0), json!(0)]));
}

#[tokio::test(start_paused = true)]
async fn children_that_wait_for_their_redrive_are_pending() {
    let first = Script::new(|_, _| Answer::Error("Bad", "why"));
    let world = World::new(&first);
    let definition = distributed("STANDARD", two_steps(), json!({"ToleratedFailureCount": 2, "MaxConcurrency": 1}));
    let before = world.run(&definition, &json!([1, 2, 3])).await;
    assert_eq!(before.error(), "States.ExceedToleratedFailureThreshold");
    world.states.shutdown().await.unwrap();
    let second = Script::answers([Answer::Never]);
    let again = World::over(Arc::clone(&world.store), &second);
    let arn = text(&before.described["executionArn"]);
    again.ask("RedriveExecution", json!({"executionArn": arn})).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let run = map_runs(&again, &json!(arn)).await.remove(0);
    let counts = &run["executionCounts"];
    assert_eq!((&counts["running"], &counts["pendingRedrive"], &counts["failed"]), (&json!(1), &json!(2), &json!(0)));
    assert_eq!(counts["pending"], 0, "what began once is not among those that did not");
    let pending = json!({"mapRunArn": run["mapRunArn"], "statusFilter": "PENDING_REDRIVE"});
    let listed = again.ask("ListExecutions", pending).await;
    assert_eq!(of(listed["executions"].as_array().unwrap(), "status"), ["PENDING_REDRIVE", "PENDING_REDRIVE"]);
    again.ask("StopExecution", json!({"executionArn": arn})).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let run = map_runs(&again, &json!(arn)).await.remove(0);
    let counts = &run["executionCounts"];
    assert_eq!((&run["status"], &counts["pendingRedrive"]), (&json!("ABORTED"), &json!(0)));
    let pending = json!({"mapRunArn": run["mapRunArn"], "statusFilter": "PENDING_REDRIVE"});
    assert_eq!(again.ask("ListExecutions", pending).await["executions"], json!([]));
    assert_eq!((&counts["aborted"], &counts["failed"]), (&json!(1), &json!(2)));
}

#[tokio::test(start_paused = true)]
async fn a_stop_of_the_parent_aborts_its_children_and_a_redrive_goes_on_with_them() {
    let script = Script::new(|call, before| match call.arguments {
        Value::Array(_) if before < 4 => Answer::Never,
        _ => Answer::Arguments,
    });
    let world = World::new(&script);
    let machine = world.create("m", &distributed("STANDARD", two_steps(), json!({}))).await;
    let arn = world.start(&machine, &json!(["a", "b"])).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.ask("StopExecution", json!({"executionArn": arn})).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let run = map_runs(&world, &json!(arn)).await.remove(0);
    assert_eq!(run["status"], "ABORTED");
    assert!(run["stopDate"].is_number(), "{run}");
    assert_eq!(of(&children(&world, &run).await, "status"), ["ABORTED", "ABORTED"]);
    world.ask("RedriveExecution", json!({"executionArn": arn})).await;
    let described = world.end(&arn).await;
    assert_eq!(described["output"], json!([["a"], ["b"]]).to_string());
    assert_eq!(script.count(), 6, "the first Tasks are not called again");
}

#[tokio::test(start_paused = true)]
async fn a_child_that_somebody_stopped_is_no_failure() {
    let world = World::new(&Script::answers([Answer::Never]));
    let machine = world.create("m", &distributed("STANDARD", two_steps(), json!({}))).await;
    let arn = world.start(&machine, &json!(["a", "b"])).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let run = map_runs(&world, &json!(arn)).await.remove(0);
    let child = children(&world, &run).await.remove(0);
    world.ask("StopExecution", json!({"executionArn": child["executionArn"], "error": "Enough"})).await;
    let described = world.end(&arn).await;
    let output: Value = serde_json::from_str(described["output"].as_str().unwrap()).unwrap();
    assert_eq!((&output[0]["Status"], &output[0]["Error"]), (&json!("ABORTED"), &json!("Enough")));
    assert_eq!(output[1], json!(["b"]));
    let counts = &map_runs(&world, &json!(arn)).await[0]["itemCounts"];
    assert_eq!((&counts["aborted"], &counts["succeeded"]), (&json!(1), &json!(1)));
}

#[tokio::test(start_paused = true)]
async fn a_map_run_in_a_branch_that_is_given_up_is_aborted() {
    let map = distributed("STANDARD", two_steps(), json!({}))["States"]["M"].clone();
    let wait = json!({"W": {"Type": "Wait", "Seconds": 1, "Next": "F"}, "F": {"Type": "Fail", "Error": "Enough"}});
    let branches = json!([{"StartAt": "M", "States": {"M": map}}, {"StartAt": "W", "States": wait}]);
    let catch = json!([{"ErrorEquals": ["Enough"], "Next": "Long"}]);
    let states = json!({
        "P": {"Type": "Parallel", "Arguments": ["a"], "Branches": branches, "Catch": catch, "Next": "Long"},
        "Long": task(json!({"End": true})),
    });
    let script = Script::answers([Answer::Never, Answer::Never]);
    let world = World::new(&script);
    let machine = world.create("m", &machine("P", states)).await;
    let arn = world.start(&machine, &json!({})).await;
    while script.count() < 2 {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let run = map_runs(&world, &json!(arn)).await.remove(0);
    assert_eq!((&run["status"], &run["executionCounts"]["aborted"]), (&json!("ABORTED"), &json!(1)));
    assert_eq!(world.ask("DescribeExecution", json!({"executionArn": arn})).await["status"], "RUNNING");
}

/// A branch of one distributed Map whose children hand their item on in a list.
fn branch(name: &str, items: Value) -> Value {
    let state = format!("{name}Child");
    let call = task(json!({"Arguments": "{% [$states.input] %}", "End": true}));
    let child = json!({"StartAt": state, "States": {state.as_str(): call}});
    let map = distributed("STANDARD", child, json!({"Items": items, "Label": name}))["States"]["M"].clone();
    json!({"StartAt": name, "States": {name: map}})
}

#[tokio::test(start_paused = true)]
async fn a_map_run_is_aborted_with_the_branch_that_it_is_in_and_not_with_another() {
    // Within the branch beside it something is given up, and caught there.
    let inner = json!({"Type": "Parallel", "End": true, "Catch": [{"ErrorEquals": ["Enough"], "Next": "Caught"}], "Branches": [
        {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 99, "End": true}}},
        {"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "Enough"}}},
    ]});
    let beside =
        json!({"StartAt": "I", "States": {"I": inner, "Caught": {"Type": "Pass", "Output": "caught", "End": true}}});
    let branches = json!([branch("M", json!(["a"])), beside]);
    let definition = machine("P", json!({"P": {"Type": "Parallel", "Branches": branches, "End": true}}));
    let script = Script::answers([Answer::After(Duration::from_secs(9)), Answer::Never]);
    let world = World::new(&script);
    let machine = world.create("m", &definition).await;
    let done = world.start(&machine, &json!({})).await;
    assert_eq!(world.end(&done).await["output"], json!([[["a"]], "caught"]).to_string());
    let stopped = world.start(&machine, &json!({})).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.ask("StopExecution", json!({"executionArn": stopped})).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let run = map_runs(&world, &json!(stopped)).await.remove(0);
    assert_eq!(
        (&run["status"], of(&children(&world, &run).await, "status")),
        (&json!("ABORTED"), vec![json!("ABORTED")])
    );
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_each_distributed_map_goes_on_with_its_own_map_run() {
    let branches = json!([branch("M", json!(["a"])), branch("N", json!(["b"]))]);
    let definition = machine("P", json!({"P": {"Type": "Parallel", "Branches": branches, "End": true}}));
    let world = World::new(&Script::answers([Answer::Never, Answer::Never]));
    let machine = world.create("m", &definition).await;
    let arn = world.start(&machine, &json!({})).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.states.shutdown().await.unwrap();
    let again = World::over(Arc::clone(&world.store), &Script::answers([]));
    assert_eq!(again.states.resume(), 3, "the parent and two children");
    assert_eq!(again.end(&arn).await["output"], json!([[["a"]], [["b"]]]).to_string());
    assert_eq!(map_runs(&again, &json!(arn)).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_map_run_goes_on_after_a_restart() {
    for workflow in ["STANDARD", "EXPRESS"] {
        let first =
            Script::new(|call, _| if call.arguments == json!(["b"]) { Answer::Never } else { Answer::Arguments });
        let world = World::new(&first);
        let definition = distributed(workflow, two_steps(), json!({"MaxConcurrency": 2}));
        let machine = world.create("m", &definition).await;
        let arn = world.start(&machine, &json!(["a", "b", "c", "d"])).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(first.count(), 8);
        world.states.shutdown().await.unwrap();
        let second = Script::answers([]);
        let again = World::over(Arc::clone(&world.store), &second);
        assert_eq!(again.states.resume(), 2, "the parent and one child");
        let described = again.end(&arn).await;
        assert_eq!(described["output"], json!([["a"], ["b"], ["c"], ["d"]]).to_string(), "{workflow}");
        assert_eq!(second.arguments(), [json!(["b"])]);
        let history = again.history(&arn).await;
        let started = history.iter().filter(|event| event["type"] == "MapRunStarted").count();
        assert_eq!((started, map_runs(&again, &json!(arn)).await.len()), (1, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_map_run_whose_items_could_not_be_read_reads_them_when_it_is_redriven_and_not_again_after_that() {
    let bucket = Bucket::holding([]);
    let script = bucket.script_and(|arguments| match arguments {
        Value::String(item) if item == "bad" => Answer::Error("Bad", "why"),
        _ => Answer::Arguments,
    });
    let reader = json!({"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "JSON"},
                        "Arguments": {"Bucket": "b", "Key": "list"}});
    let world = World::new(&script);
    let ended = world.run(&distributed("STANDARD", two_steps(), json!({"ItemReader": reader})), &json!({})).await;
    assert_eq!(ended.error(), "States.ItemReaderFailed");
    bucket.put("list", "[\"bad\"]");
    let ended = world.redrive(&ended).await;
    assert_eq!(ended.error(), "States.ExceedToleratedFailureThreshold");
    bucket.put("list", "[\"changed\"]");
    let ended = world.redrive(&ended).await;
    assert_eq!(ended.error(), "States.ExceedToleratedFailureThreshold", "it still has its own item");
    let runs = map_runs(&world, &ended.described["executionArn"]).await;
    assert_eq!((runs.len(), &runs[0]["redriveCount"]), (1, &json!(2)));
}

#[tokio::test(start_paused = true)]
async fn results_that_could_not_be_written_are_written_by_a_redrive_without_running_anything_again() {
    let bucket = Bucket::holding([]);
    let served = bucket.script();
    let refusing = Script::new(|call, _| match call.resource.as_str() {
        "aws-sdk:s3:putObject" => Answer::Error("S3.S3Exception", "denied"),
        _ => Answer::Arguments,
    });
    let world = World::new(&refusing);
    let writer = json!({"Resource": "arn:aws:states:::s3:putObject", "Arguments": {"Bucket": "out"}});
    let before = world.run(&distributed("STANDARD", two_steps(), json!({"ResultWriter": writer})), &json!(["a"])).await;
    assert_eq!((before.error(), refusing.count()), ("States.ResultWriterFailed", 3));
    world.states.shutdown().await.unwrap();
    let again = World::over(Arc::clone(&world.store), &served);
    let after = again.redrive(&before).await;
    assert!(text(&after.output()["ResultWriterDetails"]["Key"]).ends_with("/manifest.json"));
    assert_eq!(served.count(), 2, "two files are written and no Task is called");
}

#[tokio::test(start_paused = true)]
async fn after_too_much_data_and_after_an_expression_that_failed_another_map_run_is_started() {
    let large = pass(json!({"Output": "{% $pad('', 200000, 'x') %}"}));
    let failing = json!({"ItemSelector": "{% $states.input.nothing %}"});
    for (child, fields, error) in
        [(large, json!({}), "States.DataLimitExceeded"), (pass(json!({})), failing, "States.QueryEvaluationError")]
    {
        let world = World::new(&Script::answers([]));
        let before = world.run(&distributed("STANDARD", child, fields), &json!([1, 2])).await;
        assert_eq!(before.error(), error);
        let after = world.redrive(&before).await;
        assert_eq!(after.error(), error);
        let runs = map_runs(&world, &before.described["executionArn"]).await;
        assert_eq!((runs.len(), of(&runs, "redriveCount")), (2, vec![json!(0), json!(0)]), "{error}");
        assert!(after.of("MapRunRedriven").is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn when_a_killed_sandbox_starts_again_a_child_of_an_aborted_map_run_is_aborted_unless_it_is_express() {
    let cases = [("STANDARD", "ABORTED", 0), ("EXPRESS", "SUCCEEDED", 2)];
    // Killed when the end of the execution had been written, without or with that of its Map Run.
    for ((workflow, status, called), of_map_run) in
        cases.into_iter().flat_map(|case| [(case, "RUNNING"), (case, "ABORTED")])
    {
        let world = World::new(&Script::answers([Answer::Never]));
        let machine = world.create("m", &distributed(workflow, two_steps(), json!({}))).await;
        let arn = world.start(&machine, &json!(["a"])).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        world.states.shutdown().await.unwrap();
        let (key, mut run) = world.store.load::<Value>("states.mapRuns").unwrap().remove(0);
        run["status"] = json!(of_map_run);
        world.store.put("states.mapRuns", &key, &run).unwrap();
        let mut record = world.store.load::<Value>("states.executions").unwrap();
        record.retain(|(key, _)| *key == arn);
        let (_, mut record) = record.remove(0);
        record["status"] = json!("ABORTED");
        world.store.put("states.executions", &arn, &record).unwrap();
        let second = Script::answers([]);
        let again = World::over(Arc::clone(&world.store), &second);
        assert_eq!(again.states.resume(), 1);
        let run = map_runs(&again, &json!(arn)).await.remove(0);
        assert_eq!(run["status"], "ABORTED", "{workflow}");
        let child = text(&children(&again, &run).await[0]["executionArn"]);
        assert_eq!((&again.end(&child).await["status"], second.count()), (&json!(status), called), "{workflow}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_map_run_is_redriven_at_most_a_thousand_times() {
    let world = World::new(&failing());
    let before = world.run(&distributed("STANDARD", two_steps(), json!({})), &json!(["bad"])).await;
    world.states.shutdown().await.unwrap();
    let (key, mut run) = world.store.load::<Value>("states.mapRuns").unwrap().remove(0);
    run["redrives"] = json!(1000);
    world.store.put("states.mapRuns", &key, &run).unwrap();
    let again = World::over(Arc::clone(&world.store), &Script::answers([]));
    assert_eq!(again.redrive(&before).await.error(), "States.Runtime");
}

#[tokio::test(start_paused = true)]
async fn a_child_that_cannot_be_redriven_any_more_stays_failed() {
    const DAY: i64 = 24 * 60 * 60 * 1000;
    let first = failing();
    let world = World::new(&first);
    let before = world.run(&distributed("STANDARD", two_steps(), json!({})), &json!(["bad"])).await;
    let failed = map_runs(&world, &before.described["executionArn"]).await.remove(0);
    let child = children(&world, &failed).await[0]["executionArn"].clone();
    world.states.shutdown().await.unwrap();
    let records: Vec<(String, Value)> = world.store.load("states.executions").unwrap();
    let (key, mut record) = records.into_iter().find(|(key, _)| json!(key) == child).unwrap();
    record["stopped"] = json!(record["stopped"].as_i64().unwrap() - 15 * DAY);
    world.store.put("states.executions", &key, &record).unwrap();
    let second = Script::answers([]);
    let again = World::over(Arc::clone(&world.store), &second);
    let after = again.redrive(&before).await;
    assert_eq!((after.error(), second.count()), ("States.ExceedToleratedFailureThreshold", 0));
    let run = map_runs(&again, &before.described["executionArn"]).await.remove(0);
    assert_eq!(run["executionCounts"]["failuresNotRedrivable"], 1);
}
