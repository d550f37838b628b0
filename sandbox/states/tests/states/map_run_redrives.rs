//! Redrives of Map Runs, by AWS's documentation. Source: Step Functions Developer Guide, "Redriving Map Runs"
//! (<https://docs.aws.amazon.com/step-functions/latest/dg/redrive-map-run.html>).

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    distributed_support::{children, distributed, map_runs, pass, two_steps},
    support::{Answer, Fixture, Script, text},
};

fn bad() -> Answer {
    Answer::Error("Bad", "why")
}

/// "If the Map Run wasn't started in the original execution attempt of the parent workflow, redriving the parent
/// workflow starts the Map Run for the first time."
#[tokio::test(start_paused = true)]
async fn a_map_run_that_was_not_started_is_started_by_the_redrive() {
    let most = json!({"MaxConcurrency": "{% $states.context.Execution.RedriveCount > 0 ? 1 : 'none' %}"});
    let fixture = Fixture::new(&Script::answers([]));
    let before = fixture.run(&distributed("STANDARD", pass(json!({})), most), &json!([1])).await;
    let execution = &before.described["executionArn"];
    assert_eq!(before.error(), "States.QueryEvaluationError");
    assert_eq!(map_runs(&fixture, execution).await.len(), 0);
    let after = fixture.redrive(&before).await;
    assert_eq!(after.output(), json!([1]));
    assert_eq!((after.of("MapRunStarted").len(), after.of("MapRunRedriven").len()), (1, 0));
    assert_eq!(map_runs(&fixture, execution).await[0]["redriveCount"], 0);
}

/// "Child workflow executions that have exceeded the event history limit are counted towards the tolerated failure
/// threshold and considered as failed."
#[tokio::test(start_paused = true)]
async fn a_child_whose_history_is_full_stays_failed_and_counts_as_failed() {
    for (events, called) in [(24_999, 0), (24_998, 1)] {
        let fixture = Fixture::new(&Script::answers([Answer::Arguments, bad()]));
        let before = fixture.run(&distributed("STANDARD", two_steps(), json!({})), &json!(["a"])).await;
        let run = map_runs(&fixture, &before.described["executionArn"]).await.remove(0);
        let child = text(&children(&fixture, &run).await[0]["executionArn"]);
        fixture.states.shutdown().await.unwrap();
        let records = fixture.store.load::<Value>("states.executions").unwrap();
        let (_, mut record) = records.into_iter().find(|(key, _)| *key == child).unwrap();
        record["events"] = json!(events);
        fixture.store.put("states.executions", &child, &record).unwrap();
        let second = Script::answers([]);
        let again = Fixture::over(Arc::clone(&fixture.store), &second);
        let after = again.redrive(&before).await;
        assert_eq!(second.count(), called, "{events} events");
        let run = map_runs(&again, &before.described["executionArn"]).await.remove(0);
        let counts = &run["executionCounts"];
        if called == 0 {
            assert_eq!(after.error(), "States.ExceedToleratedFailureThreshold");
            assert_eq!((&counts["failed"], &counts["failuresNotRedrivable"]), (&json!(1), &json!(1)));
        } else {
            assert_eq!((after.status(), &counts["succeeded"]), ("SUCCEEDED", &json!(1)));
        }
    }
}

/// "Map Run might still be canceling in progress child workflow executions of type Standard, or waiting for child
/// workflow executions of type Express to complete their executions. … In these cases, the running Map Run completes
/// its operations before attempting to redrive."
#[tokio::test(start_paused = true)]
async fn a_redrive_waits_for_children_that_still_run() {
    // The first Task takes five seconds, and the second one fails once.
    for (workflow, called) in [
        ("EXPRESS", vec![json!("a"), json!(["a"]), json!("a"), json!(["a"])]),
        ("STANDARD", vec![json!("a"), json!("a"), json!(["a"])]),
    ] {
        let script = Script::new(|call, before| match call.arguments {
            Value::String(_) => Answer::After(Duration::from_secs(5)),
            _ if before == 1 => bad(),
            _ => Answer::Arguments,
        });
        let fixture = Fixture::new(&script);
        let machine = fixture.create("m", &distributed(workflow, two_steps(), json!({}))).await;
        let arn = fixture.start(&machine, &json!(["a"])).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        fixture.ask("StopExecution", json!({"executionArn": arn})).await;
        fixture.ask("RedriveExecution", json!({"executionArn": arn})).await;
        assert_eq!(fixture.end(&arn).await["output"], "[[\"a\"]]", "{workflow}");
        assert_eq!(script.arguments(), called, "{workflow}");
        let runs = map_runs(&fixture, &json!(arn)).await;
        assert_eq!((runs.len(), &runs[0]["redriveCount"]), (1, &json!(1)), "{workflow}");
        if workflow == "EXPRESS" {
            assert_eq!(script.most.load(Ordering::SeqCst), 1, "it is not run twice at one time");
        }
    }
}

/// "The parent workflow execution was timed out or canceled before the Map Run was started": "The redriven Map Run uses
/// the input in the Amazon S3 bucket."
#[tokio::test(start_paused = true)]
async fn a_redrive_reads_items_that_were_not_read_before() {
    let reader = json!({"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "JSON"},
                        "Arguments": {"Bucket": "b", "Key": "list"}});
    let script = Script::answers([Answer::Never, Answer::Value(json!({"Body": "[\"now\"]"}))]);
    let fixture = Fixture::new(&script);
    let definition = distributed("STANDARD", pass(json!({})), json!({"ItemReader": reader}));
    let machine = fixture.create("m", &definition).await;
    let arn = fixture.start(&machine, &json!({})).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    fixture.ask("StopExecution", json!({"executionArn": arn})).await;
    fixture.ask("RedriveExecution", json!({"executionArn": arn})).await;
    assert_eq!(fixture.end(&arn).await["output"], "[\"now\"]");
}

/// "Step Functions needs appropriate permission to redrive a Map Run": `states:RedriveExecution` on its children.
#[tokio::test(start_paused = true)]
async fn a_child_is_redriven_only_with_the_roles_permission() {
    let fixture = Fixture::new(&Script::answers([bad()]));
    let before = fixture.run(&distributed("STANDARD", two_steps(), json!({})), &json!(["a"])).await;
    let run = map_runs(&fixture, &before.described["executionArn"]).await.remove(0);
    let child = text(&children(&fixture, &run).await[0]["executionArn"]);
    fixture.states.shutdown().await.unwrap();
    let forbidding = Script::forbidding("states:RedriveExecution");
    let again = Fixture::over(Arc::clone(&fixture.store), &forbidding);
    let after = again.redrive(&before).await;
    assert_eq!((after.error(), forbidding.count()), ("States.Permissions", 0));
    assert!(after.cause().ends_with(&format!("may not states:RedriveExecution {child}")), "{}", after.cause());
}

/// The API reference of `ListExecutions`: "For a Distributed Map, redriveFilter sets a filter to list child workflow
/// executions based on whether or not they have been redriven."
#[tokio::test(start_paused = true)]
async fn children_are_listed_by_whether_they_were_redriven() {
    let script =
        Script::new(|call, before| if call.arguments == "bad" && before < 3 { bad() } else { Answer::Arguments });
    let fixture = Fixture::new(&script);
    let definition = distributed("STANDARD", two_steps(), json!({"MaxConcurrency": 1}));
    let before = fixture.run(&definition, &json!(["good", "bad"])).await;
    assert_eq!(fixture.redrive(&before).await.status(), "SUCCEEDED");
    let run = map_runs(&fixture, &before.described["executionArn"]).await.remove(0);
    for (filter, input) in [("REDRIVEN", "\"bad\""), ("NOT_REDRIVEN", "\"good\"")] {
        let body = json!({"mapRunArn": run["mapRunArn"], "redriveFilter": filter});
        let listed = fixture.ask("ListExecutions", body).await["executions"].as_array().unwrap().clone();
        let described = fixture.ask("DescribeExecution", json!({"executionArn": listed[0]["executionArn"]})).await;
        assert_eq!((listed.len(), &described["input"]), (1, &json!(input)), "{filter}");
    }
}
