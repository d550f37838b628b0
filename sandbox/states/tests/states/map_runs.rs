//! Map Runs that end early: redrives, restarts and stops.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use crate::{
    distributed_support::{Bucket, children, distributed, map_runs, of, pass, two_steps},
    support::{Answer, Fixture, Script, machine, task, text},
};

/// A runner that fails the second Task of one item, `"bad"`.
fn failing() -> Arc<Script> {
    Script::new(|call, _| match &call.arguments {
        arguments if *arguments == json!(["bad"]) => Answer::Error("Bad", "why"),
        _ => Answer::Arguments,
    })
}

#[tokio::test(start_paused = true)]
async fn failed_standard_children_continue_from_the_failed_state() {
    let first = failing();
    let fixture = Fixture::new(&first);
    let definition = distributed("STANDARD", two_steps(), json!({"MaxConcurrency": 1}));
    let before = fixture.run(&definition, &json!(["a", "bad", "c"])).await;
    assert_eq!((before.status(), first.count()), ("FAILED", 4));
    let execution = &before.described["executionArn"];
    let failed = map_runs(&fixture, execution).await.remove(0);
    let child = children(&fixture, &failed).await.remove(1);
    assert_eq!((&child["status"], &child["redriveStatus"]), (&json!("FAILED"), &json!("REDRIVABLE_BY_MAP_RUN")));
    let (code, _) = fixture.refused("RedriveExecution", json!({"executionArn": child["executionArn"]})).await;
    assert_eq!(code, "ExecutionNotRedrivable", "a child is redriven with its parent");
    fixture.states.shutdown().await.unwrap();

    let second = Script::answers([]);
    let again = Fixture::over(Arc::clone(&fixture.store), &second);
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
async fn failed_express_children_restart_under_the_same_arn() {
    let first = failing();
    let fixture = Fixture::new(&first);
    let before = fixture.run(&distributed("EXPRESS", two_steps(), json!({})), &json!(["a", "bad"])).await;
    let failed = map_runs(&fixture, &before.described["executionArn"]).await.remove(0);
    let arns = of(&children(&fixture, &failed).await, "executionArn");
    fixture.states.shutdown().await.unwrap();
    let second = Script::answers([]);
    let again = Fixture::over(Arc::clone(&fixture.store), &second);
    let after = again.redrive(&before).await;
    assert_eq!(second.arguments(), [json!("bad"), json!(["bad"])], "from its first state");
    assert_eq!(after.output(), json!([["a"], ["bad"]]));
    let children = children(&again, &failed).await;
    assert_eq!((of(&children, "executionArn"), of(&children, "redriveCount")), (arns, vec![json!(0), json!(0)]));
}

#[tokio::test(start_paused = true)]
async fn children_that_wait_for_their_redrive_are_pending() {
    let first = Script::new(|_, _| Answer::Error("Bad", "why"));
    let fixture = Fixture::new(&first);
    let definition = distributed("STANDARD", two_steps(), json!({"ToleratedFailureCount": 2, "MaxConcurrency": 1}));
    let before = fixture.run(&definition, &json!([1, 2, 3])).await;
    assert_eq!(before.error(), "States.ExceedToleratedFailureThreshold");
    fixture.states.shutdown().await.unwrap();
    let second = Script::answers([Answer::Never]);
    let again = Fixture::over(Arc::clone(&fixture.store), &second);
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
async fn a_redrive_continues_children_aborted_with_their_parent() {
    let script = Script::new(|call, before| match call.arguments {
        Value::Array(_) if before < 4 => Answer::Never,
        _ => Answer::Arguments,
    });
    let fixture = Fixture::new(&script);
    let machine = fixture.create("m", &distributed("STANDARD", two_steps(), json!({}))).await;
    let arn = fixture.start(&machine, &json!(["a", "b"])).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    fixture.ask("StopExecution", json!({"executionArn": arn})).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let run = map_runs(&fixture, &json!(arn)).await.remove(0);
    assert_eq!(run["status"], "ABORTED");
    assert!(run["stopDate"].is_number(), "{run}");
    assert_eq!(of(&children(&fixture, &run).await, "status"), ["ABORTED", "ABORTED"]);
    fixture.ask("RedriveExecution", json!({"executionArn": arn})).await;
    let described = fixture.end(&arn).await;
    assert_eq!(described["output"], json!([["a"], ["b"]]).to_string());
    assert_eq!(script.count(), 6, "the first Tasks are not called again");
}

#[tokio::test(start_paused = true)]
async fn a_stopped_child_is_no_failure() {
    let fixture = Fixture::new(&Script::answers([Answer::Never]));
    let machine = fixture.create("m", &distributed("STANDARD", two_steps(), json!({}))).await;
    let arn = fixture.start(&machine, &json!(["a", "b"])).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let run = map_runs(&fixture, &json!(arn)).await.remove(0);
    let child = children(&fixture, &run).await.remove(0);
    fixture.ask("StopExecution", json!({"executionArn": child["executionArn"], "error": "Enough"})).await;
    let described = fixture.end(&arn).await;
    let output: Value = serde_json::from_str(described["output"].as_str().unwrap()).unwrap();
    assert_eq!((&output[0]["Status"], &output[0]["Error"]), (&json!("ABORTED"), &json!("Enough")));
    assert_eq!(output[1], json!(["b"]));
    let counts = &map_runs(&fixture, &json!(arn)).await[0]["itemCounts"];
    assert_eq!((&counts["aborted"], &counts["succeeded"]), (&json!(1), &json!(1)));
}

#[tokio::test(start_paused = true)]
async fn a_map_run_in_an_aborted_branch_is_aborted() {
    let map = distributed("STANDARD", two_steps(), json!({}))["States"]["M"].clone();
    let wait = json!({"W": {"Type": "Wait", "Seconds": 1, "Next": "F"}, "F": {"Type": "Fail", "Error": "Enough"}});
    let branches = json!([{"StartAt": "M", "States": {"M": map}}, {"StartAt": "W", "States": wait}]);
    let catch = json!([{"ErrorEquals": ["Enough"], "Next": "Long"}]);
    let states = json!({
        "P": {"Type": "Parallel", "Arguments": ["a"], "Branches": branches, "Catch": catch, "Next": "Long"},
        "Long": task(json!({"End": true})),
    });
    let script = Script::answers([Answer::Never, Answer::Never]);
    let fixture = Fixture::new(&script);
    let machine = fixture.create("m", &machine("P", states)).await;
    let arn = fixture.start(&machine, &json!({})).await;
    while script.count() < 2 {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let run = map_runs(&fixture, &json!(arn)).await.remove(0);
    assert_eq!((&run["status"], &run["executionCounts"]["aborted"]), (&json!("ABORTED"), &json!(1)));
    assert_eq!(fixture.ask("DescribeExecution", json!({"executionArn": arn})).await["status"], "RUNNING");
}

/// A branch with one distributed Map whose children return their item in a list.
fn branch(name: &str, items: Value) -> Value {
    let state = format!("{name}Child");
    let call = task(json!({"Arguments": "{% [$states.input] %}", "End": true}));
    let child = json!({"StartAt": state, "States": {state.as_str(): call}});
    let map = distributed("STANDARD", child, json!({"Items": items, "Label": name}))["States"]["M"].clone();
    json!({"StartAt": name, "States": {name: map}})
}

#[tokio::test(start_paused = true)]
async fn a_map_run_is_aborted_only_with_its_own_branch() {
    // A flow inside the other branch is aborted, and the branch catches the error.
    let inner = json!({"Type": "Parallel", "End": true, "Catch": [{"ErrorEquals": ["Enough"], "Next": "Caught"}], "Branches": [
        {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 99, "End": true}}},
        {"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "Enough"}}},
    ]});
    let beside =
        json!({"StartAt": "I", "States": {"I": inner, "Caught": {"Type": "Pass", "Output": "caught", "End": true}}});
    let branches = json!([branch("M", json!(["a"])), beside]);
    let definition = machine("P", json!({"P": {"Type": "Parallel", "Branches": branches, "End": true}}));
    let script = Script::answers([Answer::After(Duration::from_secs(9)), Answer::Never]);
    let fixture = Fixture::new(&script);
    let machine = fixture.create("m", &definition).await;
    let done = fixture.start(&machine, &json!({})).await;
    assert_eq!(fixture.end(&done).await["output"], json!([[["a"]], "caught"]).to_string());
    let stopped = fixture.start(&machine, &json!({})).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    fixture.ask("StopExecution", json!({"executionArn": stopped})).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let run = map_runs(&fixture, &json!(stopped)).await.remove(0);
    assert_eq!(
        (&run["status"], of(&children(&fixture, &run).await, "status")),
        (&json!("ABORTED"), vec![json!("ABORTED")])
    );
}

#[tokio::test(start_paused = true)]
async fn each_distributed_map_continues_its_map_run_after_a_restart() {
    let branches = json!([branch("M", json!(["a"])), branch("N", json!(["b"]))]);
    let definition = machine("P", json!({"P": {"Type": "Parallel", "Branches": branches, "End": true}}));
    let fixture = Fixture::new(&Script::answers([Answer::Never, Answer::Never]));
    let machine = fixture.create("m", &definition).await;
    let arn = fixture.start(&machine, &json!({})).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    fixture.states.shutdown().await.unwrap();
    let again = Fixture::over(Arc::clone(&fixture.store), &Script::answers([]));
    assert_eq!(again.states.resume(), 3, "the parent and two children");
    assert_eq!(again.end(&arn).await["output"], json!([[["a"]], [["b"]]]).to_string());
    assert_eq!(map_runs(&again, &json!(arn)).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_map_run_continues_after_a_restart() {
    for workflow in ["STANDARD", "EXPRESS"] {
        let first =
            Script::new(|call, _| if call.arguments == json!(["b"]) { Answer::Never } else { Answer::Arguments });
        let fixture = Fixture::new(&first);
        let definition = distributed(workflow, two_steps(), json!({"MaxConcurrency": 2}));
        let machine = fixture.create("m", &definition).await;
        let arn = fixture.start(&machine, &json!(["a", "b", "c", "d"])).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(first.count(), 8);
        fixture.states.shutdown().await.unwrap();
        let second = Script::answers([]);
        let again = Fixture::over(Arc::clone(&fixture.store), &second);
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
async fn a_redrive_reads_unread_items_only_once() {
    let bucket = Bucket::holding([]);
    let script = bucket.script_and(|arguments| match arguments {
        Value::String(item) if item == "bad" => Answer::Error("Bad", "why"),
        _ => Answer::Arguments,
    });
    let reader = json!({"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "JSON"},
                        "Arguments": {"Bucket": "b", "Key": "list"}});
    let fixture = Fixture::new(&script);
    let ended = fixture.run(&distributed("STANDARD", two_steps(), json!({"ItemReader": reader})), &json!({})).await;
    assert_eq!(ended.error(), "States.ItemReaderFailed");
    bucket.put("list", "[\"bad\"]");
    let ended = fixture.redrive(&ended).await;
    assert_eq!(ended.error(), "States.ExceedToleratedFailureThreshold");
    bucket.put("list", "[\"changed\"]");
    let ended = fixture.redrive(&ended).await;
    assert_eq!(ended.error(), "States.ExceedToleratedFailureThreshold", "it still has its own item");
    let runs = map_runs(&fixture, &ended.described["executionArn"]).await;
    assert_eq!((runs.len(), &runs[0]["redriveCount"]), (1, &json!(2)));
}

#[tokio::test(start_paused = true)]
async fn a_redrive_writes_unwritten_results_without_running_children() {
    let bucket = Bucket::holding([]);
    let served = bucket.script();
    let refusing = Script::new(|call, _| match call.resource.as_str() {
        "aws-sdk:s3:putObject" => Answer::Error("S3.S3Exception", "denied"),
        _ => Answer::Arguments,
    });
    let fixture = Fixture::new(&refusing);
    let writer = json!({"Resource": "arn:aws:states:::s3:putObject", "Arguments": {"Bucket": "out"}});
    let before =
        fixture.run(&distributed("STANDARD", two_steps(), json!({"ResultWriter": writer})), &json!(["a"])).await;
    assert_eq!((before.error(), refusing.count()), ("States.ResultWriterFailed", 3));
    fixture.states.shutdown().await.unwrap();
    let again = Fixture::over(Arc::clone(&fixture.store), &served);
    let after = again.redrive(&before).await;
    assert!(text(&after.output()["ResultWriterDetails"]["Key"]).ends_with("/manifest.json"));
    assert_eq!(served.count(), 2, "two files are written and no Task is called");
}

#[tokio::test(start_paused = true)]
async fn data_limit_and_expression_errors_start_a_new_map_run() {
    let large = pass(json!({"Output": "{% $pad('', 200000, 'x') %}"}));
    let failing = json!({"ItemSelector": "{% $states.input.nothing %}"});
    for (child, fields, error) in
        [(large, json!({}), "States.DataLimitExceeded"), (pass(json!({})), failing, "States.QueryEvaluationError")]
    {
        let fixture = Fixture::new(&Script::answers([]));
        let before = fixture.run(&distributed("STANDARD", child, fields), &json!([1, 2])).await;
        assert_eq!(before.error(), error);
        let after = fixture.redrive(&before).await;
        assert_eq!(after.error(), error);
        let runs = map_runs(&fixture, &before.described["executionArn"]).await;
        assert_eq!((runs.len(), of(&runs, "redriveCount")), (2, vec![json!(0), json!(0)]), "{error}");
        assert!(after.of("MapRunRedriven").is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_restart_aborts_standard_children_of_an_aborted_map_run() {
    let cases = [("STANDARD", "ABORTED", 0), ("EXPRESS", "SUCCEEDED", 2)];
    // The sandbox is killed after the end of the execution is written, without or with the end of its Map Run.
    for ((workflow, status, called), of_map_run) in
        cases.into_iter().flat_map(|case| [(case, "RUNNING"), (case, "ABORTED")])
    {
        let fixture = Fixture::new(&Script::answers([Answer::Never]));
        let machine = fixture.create("m", &distributed(workflow, two_steps(), json!({}))).await;
        let arn = fixture.start(&machine, &json!(["a"])).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        fixture.states.shutdown().await.unwrap();
        let (key, mut run) = fixture.store.load::<Value>("states.mapRuns").unwrap().remove(0);
        run["status"] = json!(of_map_run);
        fixture.store.put("states.mapRuns", &key, &run).unwrap();
        let mut record = fixture.store.load::<Value>("states.executions").unwrap();
        record.retain(|(key, _)| *key == arn);
        let (_, mut record) = record.remove(0);
        record["status"] = json!("ABORTED");
        fixture.store.put("states.executions", &arn, &record).unwrap();
        let second = Script::answers([]);
        let again = Fixture::over(Arc::clone(&fixture.store), &second);
        assert_eq!(again.states.resume(), 1);
        let run = map_runs(&again, &json!(arn)).await.remove(0);
        assert_eq!(run["status"], "ABORTED", "{workflow}");
        let child = text(&children(&again, &run).await[0]["executionArn"]);
        assert_eq!((&again.end(&child).await["status"], second.count()), (&json!(status), called), "{workflow}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_map_run_is_redriven_at_most_a_thousand_times() {
    let fixture = Fixture::new(&failing());
    let before = fixture.run(&distributed("STANDARD", two_steps(), json!({})), &json!(["bad"])).await;
    fixture.states.shutdown().await.unwrap();
    let (key, mut run) = fixture.store.load::<Value>("states.mapRuns").unwrap().remove(0);
    run["redrives"] = json!(1000);
    fixture.store.put("states.mapRuns", &key, &run).unwrap();
    let again = Fixture::over(Arc::clone(&fixture.store), &Script::answers([]));
    assert_eq!(again.redrive(&before).await.error(), "States.Runtime");
}

#[tokio::test(start_paused = true)]
async fn a_child_past_its_redrive_period_stays_failed() {
    const DAY: i64 = 24 * 60 * 60 * 1000;
    let first = failing();
    let fixture = Fixture::new(&first);
    let before = fixture.run(&distributed("STANDARD", two_steps(), json!({})), &json!(["bad"])).await;
    let failed = map_runs(&fixture, &before.described["executionArn"]).await.remove(0);
    let child = children(&fixture, &failed).await[0]["executionArn"].clone();
    fixture.states.shutdown().await.unwrap();
    let records: Vec<(String, Value)> = fixture.store.load("states.executions").unwrap();
    let (key, mut record) = records.into_iter().find(|(key, _)| json!(key) == child).unwrap();
    record["stopped"] = json!(record["stopped"].as_i64().unwrap() - 15 * DAY);
    fixture.store.put("states.executions", &key, &record).unwrap();
    let second = Script::answers([]);
    let again = Fixture::over(Arc::clone(&fixture.store), &second);
    let after = again.redrive(&before).await;
    assert_eq!((after.error(), second.count()), ("States.ExceedToleratedFailureThreshold", 0));
    let run = map_runs(&again, &before.described["executionArn"]).await.remove(0);
    assert_eq!(run["executionCounts"]["failuresNotRedrivable"], 1);
}
