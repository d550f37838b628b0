//! The rounds of a Map Run: their children, counts and descriptions. Source: Step Functions Developer Guide, "Redriving
//! Map Runs" (<https://docs.aws.amazon.com/step-functions/latest/dg/redrive-map-run.html>) and "Using Map state in
//! Distributed mode" (<https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html>).

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    distributed_support::{children, distributed, map_runs},
    support::{Answer, Fixture, Script, task, text},
};

/// A child with one Task that receives the item.
fn one_step() -> Value {
    json!({"StartAt": "T", "States": {"T": task(json!({"Arguments": "{% $states.input %}", "End": true}))}})
}

fn bad() -> Answer {
    Answer::Error("Bad", "why")
}

#[tokio::test(start_paused = true)]
async fn tolerated_failures_count_items_not_batches() {
    for (tolerated, succeeds) in [(1, false), (2, true)] {
        let script = Script::new(|call, _| if call.arguments["Items"][0] == 3 { bad() } else { Answer::Arguments });
        let fixture = Fixture::new(&script);
        let fields = json!({"ItemBatcher": {"MaxItemsPerBatch": 2}, "ToleratedFailureCount": tolerated});
        let ended = fixture.run(&distributed("STANDARD", one_step(), fields), &json!([1, 2, 3, 4, 5])).await;
        assert_eq!(ended.status() == "SUCCEEDED", succeeds, "{tolerated} tolerated");
        let run = map_runs(&fixture, &ended.described["executionArn"]).await.remove(0);
        let count = |kind: &str, of: &str| run[kind][of].as_u64().unwrap();
        assert_eq!((count("itemCounts", "failed"), count("executionCounts", "failed")), (2, 1));
        assert_eq!((count("itemCounts", "total"), count("executionCounts", "total")), (5, 3));
        assert_eq!(count("itemCounts", "failuresNotRedrivable"), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_child_that_timed_out_is_a_failure() {
    let fixture = Fixture::new(&Script::answers([Answer::Never]));
    let ended = fixture.run(&distributed("EXPRESS", one_step(), json!({})), &json!([1])).await;
    assert_eq!(ended.error(), "States.ExceedToleratedFailureThreshold");
    let counts = &map_runs(&fixture, &ended.described["executionArn"]).await[0]["itemCounts"];
    assert_eq!((&counts["timedOut"], &counts["failed"]), (&json!(1), &json!(0)));
}

#[tokio::test(start_paused = true)]
async fn children_without_a_limit_exceed_inline_concurrency() {
    for fields in [json!({}), json!({"MaxConcurrency": 0})] {
        let script = Script::new(|_, _| Answer::After(Duration::from_secs(1)));
        let items = json!((0..50).collect::<Vec<_>>());
        let ended = Fixture::new(&script).run(&distributed("EXPRESS", one_step(), fields.clone()), &items).await;
        assert_eq!((ended.status(), script.most.load(Ordering::SeqCst)), ("SUCCEEDED", 50), "{fields}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_starts_a_new_map_run_even_after_success() {
    let fields = json!({
        "Output": "{% $states.context.State.RetryCount > 0 ? $states.result : $nothing %}",
        "Retry": [{"ErrorEquals": ["States.QueryEvaluationError"], "MaxAttempts": 1}],
    });
    let script = Script::answers([]);
    let fixture = Fixture::new(&script);
    let ended = fixture.run(&distributed("STANDARD", one_step(), fields), &json!([7])).await;
    assert_eq!(ended.output(), json!([7]));
    let started = ended.of("MapRunStarted");
    assert_eq!((started.len(), ended.of("MapRunSucceeded").len(), script.count()), (2, 2, 2));
    let list =
        |token: Value| json!({"executionArn": ended.described["executionArn"], "maxResults": 1, "nextToken": token});
    let newest = fixture.ask("ListMapRuns", list(json!(null))).await;
    let oldest = fixture.ask("ListMapRuns", list(newest["nextToken"].clone())).await;
    for (page, event) in [(&newest, started[1]), (&oldest, started[0])] {
        assert_eq!(page["mapRuns"][0]["mapRunArn"], event["mapRunStartedEventDetails"]["mapRunArn"]);
    }
    assert!(oldest["nextToken"].is_null(), "{oldest}");
}

#[tokio::test(start_paused = true)]
async fn a_child_runs_once_per_round() {
    for workflow in ["STANDARD", "EXPRESS"] {
        // The second item had not started when the first one failed. Both fail again, slowly enough to be observed.
        let script = Script::new(|call, before| match call.arguments.as_str() {
            Some("first") if before != 1 && before < 6 => bad(),
            Some("second") if before < 6 => bad(),
            _ => Answer::Arguments,
        });
        let fixture = Fixture::new(&script);
        let definition = distributed(workflow, one_step(), json!({"MaxConcurrency": 1}));
        let before = fixture.run(&definition, &json!(["first", "second"])).await;
        assert_eq!(script.arguments(), ["first"]);
        let after = fixture.redrive(&before).await;
        assert_eq!(after.error(), "States.ExceedToleratedFailureThreshold", "{workflow}");
        assert_eq!(script.arguments(), ["first", "first", "second"], "{workflow}");
        let after = fixture.redrive(&after).await;
        assert_eq!(after.error(), "States.ExceedToleratedFailureThreshold", "{workflow}");
        assert_eq!(script.arguments()[3..], ["second"], "{workflow}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_express_child_restarts_at_any_age_with_five_minutes() {
    const DAYS: i64 = 15 * 24 * 60 * 60 * 1000;
    let fixture = Fixture::new(&Script::answers([bad()]));
    let before = fixture.run(&distributed("EXPRESS", one_step(), json!({})), &json!(["a"])).await;
    let run = map_runs(&fixture, &before.described["executionArn"]).await.remove(0);
    let child = text(&children(&fixture, &run).await[0]["executionArn"]);
    fixture.states.shutdown().await.unwrap();
    let records: Vec<(String, Value)> = fixture.store.load("states.executions").unwrap();
    let (key, mut record) = records.into_iter().find(|(key, _)| *key == child).unwrap();
    for at in ["started", "stopped"] {
        record[at] = json!(record[at].as_i64().unwrap() - DAYS);
    }
    fixture.store.put("states.executions", &key, &record).unwrap();
    let again = Fixture::over(Arc::clone(&fixture.store), &Script::answers([Answer::After(Duration::from_mins(4))]));
    again.ask("RedriveExecution", json!({"executionArn": before.described["executionArn"]})).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let described = &children(&again, &run).await[0];
    assert_eq!(described["status"], "RUNNING", "{described}");
    for field in ["error", "cause", "stopDate"] {
        assert!(described.get(field).is_none(), "{field} is that of the end before: {described}");
    }
    let ended = again.end(&text(&before.described["executionArn"])).await;
    assert_eq!(ended["output"], "[\"a\"]", "{ended}");
}

#[tokio::test(start_paused = true)]
async fn a_redriven_child_shows_its_redrive_date_and_count() {
    let fixture = Fixture::new(&Script::answers([bad()]));
    let whole = json!({"ResultWriter": {"WriterConfig": {"Transformation": "NONE"}}});
    let before = fixture.run(&distributed("STANDARD", one_step(), whole), &json!([1])).await;
    let child = &fixture.redrive(&before).await.output()[0];
    assert_eq!((&child["RedriveCount"], &child["Status"]), (&json!(1), &json!("SUCCEEDED")));
    assert!(text(&child["RedriveDate"]).ends_with('Z'), "{child}");
}

#[tokio::test(start_paused = true)]
async fn results_of_an_earlier_round_do_not_count_as_written() {
    let fixture = Fixture::new(&Script::answers([Answer::Arguments, bad(), Answer::Never]));
    let definition = distributed("STANDARD", one_step(), json!({"MaxConcurrency": 1}));
    let before = fixture.run(&definition, &json!([1, 2])).await;
    let execution = &before.described["executionArn"];
    assert_eq!(map_runs(&fixture, execution).await[0]["itemCounts"]["resultsWritten"], 2);
    fixture.ask("RedriveExecution", json!({"executionArn": execution})).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let counts = &map_runs(&fixture, execution).await[0]["itemCounts"];
    assert_eq!(
        (&counts["running"], &counts["succeeded"], &counts["resultsWritten"]),
        (&json!(1), &json!(1), &json!(0))
    );
}

/// "A list of Map Runs" page by page, and the changes by UpdateMapRun during a Map Run
/// (<https://docs.aws.amazon.com/step-functions/latest/apireference/API_UpdateMapRun.html>).
#[tokio::test(start_paused = true)]
async fn an_update_of_a_map_run_changes_only_the_given_settings() {
    for (change, field) in [
        (json!({"toleratedFailureCount": 1}), "toleratedFailureCount"),
        (json!({"toleratedFailurePercentage": 50}), "toleratedFailurePercentage"),
    ] {
        let script = Script::new(|_, before| if before == 0 { Answer::After(Duration::from_secs(9)) } else { bad() });
        let fixture = Fixture::new(&script);
        let machine = fixture.create("m", &distributed("STANDARD", one_step(), json!({"MaxConcurrency": 1}))).await;
        let arn = fixture.start(&machine, &json!([1, 2])).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let map_run = map_runs(&fixture, &json!(arn)).await[0]["mapRunArn"].clone();
        let with = |fields: &Value| {
            let mut body = fields.clone();
            body["mapRunArn"] = map_run.clone();
            body
        };
        for wrong in [
            json!({"toleratedFailurePercentage": 101}),
            json!({"toleratedFailurePercentage": -1}),
            json!({"toleratedFailureCount": -1}),
            json!({"maxConcurrency": "2"}),
        ] {
            assert_eq!(fixture.refused("UpdateMapRun", with(&wrong)).await.0, "ValidationException", "{wrong}");
        }
        fixture.ask("UpdateMapRun", with(&change)).await;
        let described = map_runs(&fixture, &json!(arn)).await.remove(0);
        assert_eq!((described[field].as_f64(), &described["maxConcurrency"]), (change[field].as_f64(), &json!(1)));
        assert_eq!(fixture.end(&arn).await["status"], "SUCCEEDED", "{field}");
    }
    let fixture = Fixture::new(&Script::answers([]));
    assert_eq!(fixture.refused("DescribeMapRun", json!({"mapRunArn": "x"})).await.0, "InvalidArn");
    let ended = fixture.run(&distributed("STANDARD", one_step(), json!({})), &json!([1])).await;
    let map_run = map_runs(&fixture, &ended.described["executionArn"]).await[0]["mapRunArn"].clone();
    let both = json!({"mapRunArn": map_run, "stateMachineArn": ended.described["stateMachineArn"]});
    assert_eq!(fixture.refused("ListExecutions", both).await.0, "ValidationException", "one or the other");
}

#[tokio::test(start_paused = true)]
async fn more_than_a_thousand_items_are_run() {
    let small = json!({"StartAt": "P", "States": {"P": {"Type": "Pass", "Output": 1, "End": true}}});
    let ended =
        Fixture::new(&Script::answers([])).run(&distributed("EXPRESS", small, json!({})), &json!(vec![0; 1001])).await;
    assert_eq!(ended.output(), json!(vec![1; 1001]));
}
