//! A sandbox that is killed between the end of a Map Run and what follows it in the history of its execution: the Map Run
//! stays the one that it was.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    distributed_support::{Bucket, distributed, map_runs, pass, picky},
    support::{Answer, Ended, Script, World, machine, task, text},
};

/// The service started again as a kill right after an event leaves it, with its only line of work as given; what became of
/// the execution.
async fn killed_after(world: World, ended: &Ended, event: usize, line: Value, runner: &Arc<Script>) -> Ended {
    let arn = text(&ended.described["executionArn"]);
    world.states.shutdown().await.unwrap();
    for id in event + 1..=ended.history.len() {
        world.store.delete("states.history", &format!("{arn}#{id:08}")).unwrap();
    }
    let runs = ended.history[..event].iter().filter(|event| event["type"] == "MapRunStarted");
    let known: Vec<&Value> = runs.map(|event| &event["mapRunStartedEventDetails"]["mapRunArn"]).collect();
    for (run, _) in world.store.load::<Value>("states.mapRuns").unwrap() {
        if !known.contains(&&json!(run)) {
            world.store.delete("states.mapRuns", &run).unwrap();
        }
    }
    let records = world.store.load::<Value>("states.executions").unwrap();
    let (_, mut record) = records.into_iter().find(|(key, _)| *key == arn).unwrap();
    (record["status"], record["stopped"]) = (json!("RUNNING"), json!(null));
    world.store.put("states.executions", &arn, &record).unwrap();
    world.store.put("states.frames", &format!("{arn}#"), &line).unwrap();
    let again = World::over(Arc::clone(&world.store), runner);
    again.states.resume();
    let described = again.end(&arn).await;
    let runs = map_runs(&again, &json!(arn)).await;
    let after = Ended { described, history: again.history(&arn).await };
    assert_eq!(runs.len(), after.of("MapRunStarted").len(), "every Map Run has its event");
    after
}

/// The line of work in its Map state.
fn inside(input: &Value, progress: &str) -> Value {
    json!({"state": "M", "kind": "Map", "input": input, "variables": {}, "entered": 0, "entered_event": 2,
           "progress": progress})
}

#[tokio::test(start_paused = true)]
async fn a_map_run_that_failed_before_a_kill_fails_its_state_and_is_not_started_again() {
    let input = json!([200]);
    for (retry, last_run) in [(json!([]), 5), (json!([{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1}]), 8)] {
        let definition = distributed("EXPRESS", picky(), json!({"Retry": retry}));
        for (event, progress) in [(last_run, "Running"), (last_run + 1, "Running"), (last_run + 1, "Failed")] {
            let runner = Script::answers([]);
            let world = World::new(&runner);
            let ended = world.run(&definition, &input).await;
            assert_eq!(ended.history[last_run - 1]["type"], "MapRunFailed");
            assert_eq!(ended.history[last_run]["type"], "MapStateFailed");
            let after = killed_after(world, &ended, event, inside(&input, progress), &runner).await;
            assert_eq!(after.types(), ended.types(), "killed after event {event}");
            assert_eq!((after.error(), after.cause()), (ended.error(), ended.cause()));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_map_run_that_failed_before_a_kill_is_retried_as_often_as_its_state_says() {
    let input = json!([200]);
    let retry = json!([{"ErrorEquals": ["States.ExceedToleratedFailureThreshold"], "MaxAttempts": 2}]);
    let definition = distributed("EXPRESS", picky(), json!({"Retry": retry}));
    for event in [5, 8] {
        let runner = Script::answers([]);
        let world = World::new(&runner);
        let ended = world.run(&definition, &input).await;
        assert_eq!((ended.of("MapRunStarted").len(), &ended.history[event - 1]["type"]), (3, &json!("MapRunFailed")));
        let after = killed_after(world, &ended, event, inside(&input, "Running"), &runner).await;
        assert_eq!(after.types(), ended.types(), "killed after event {event}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_map_run_that_failed_before_a_kill_is_caught_with_its_cause() {
    let input = json!([200]);
    let catch = json!([{"ErrorEquals": ["States.ALL"], "Next": "After"}]);
    let mut definition = distributed("EXPRESS", picky(), json!({"Catch": catch}));
    definition["States"]["After"] = json!({"Type": "Succeed"});
    let runner = Script::answers([]);
    let world = World::new(&runner);
    let ended = world.run(&definition, &input).await;
    let after = killed_after(world, &ended, 6, inside(&input, "Running"), &runner).await;
    assert_eq!(after.types(), ended.types());
    assert_eq!(after.output(), ended.output());
    assert_eq!(after.output()["Cause"], "The specified tolerated failure threshold was exceeded");
}

#[tokio::test(start_paused = true)]
async fn a_map_run_that_succeeded_before_a_kill_hands_on_what_it_has_without_writing_it_again() {
    let input = json!([1, 2]);
    let writer = json!({"Resource": "arn:aws:states:::s3:putObject", "Arguments": {"Bucket": "b", "Prefix": "p"}});
    for fields in [json!({}), json!({"ResultWriter": writer})] {
        let mut definition = distributed("STANDARD", pass(json!({})), fields);
        let map = definition["States"]["M"].as_object_mut().unwrap();
        map.remove("End");
        map.insert("Next".to_owned(), json!("T"));
        let states = json!({"M": map, "T": task(json!({"Arguments": "{% $states.input %}", "End": true}))});
        let world = World::new(&Bucket::holding([]).script());
        let ended = world.run(&machine("M", states), &input).await;
        assert_eq!(ended.types()[4..6], ["MapRunSucceeded", "MapStateSucceeded"]);
        let runner = Script::new(|call, _| match call.resource.as_str() {
            "lambda:invoke" => Answer::Arguments,
            _ => Answer::Error("S3.AccessDenied", "nothing is written twice"),
        });
        let after = killed_after(world, &ended, 6, inside(&input, "Running"), &runner).await;
        assert_eq!((after.types(), after.output()), (ended.types(), ended.output()));
        assert_eq!(runner.count(), 1);
    }
}
