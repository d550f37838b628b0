//! A sandbox that is killed between the end of a Map Run and the next event of its execution. The outcome of the Map
//! Run does not change.

use serde_json::{Value, json};

use crate::{
    distributed_support::{Bucket, distributed, pass, picky},
    restart_support::{killed_after, line},
    support::{Answer, Fixture, Script, machine, task},
};

/// The flow in its Map state.
fn inside(input: &Value, progress: &str) -> Value {
    line("M", "Map", input, progress)
}

#[tokio::test(start_paused = true)]
async fn a_map_run_that_failed_before_a_kill_is_not_restarted() {
    let input = json!([200]);
    for (retry, last_run) in [(json!([]), 5), (json!([{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1}]), 8)] {
        let definition = distributed("EXPRESS", picky(), json!({"Retry": retry}));
        for (event, progress) in [(last_run, "Running"), (last_run + 1, "Running"), (last_run + 1, "Failed")] {
            let runner = Script::answers([]);
            let fixture = Fixture::new(&runner);
            let ended = fixture.run(&definition, &input).await;
            assert_eq!(ended.history[last_run - 1]["type"], "MapRunFailed");
            assert_eq!(ended.history[last_run]["type"], "MapStateFailed");
            let after = killed_after(fixture, &ended, event, inside(&input, progress), &runner).await;
            assert_eq!(after.types(), ended.types(), "killed after event {event}");
            assert_eq!((after.error(), after.cause()), (ended.error(), ended.cause()));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_map_run_that_failed_before_a_kill_keeps_its_retry_count() {
    let input = json!([200]);
    let retry = json!([{"ErrorEquals": ["States.ExceedToleratedFailureThreshold"], "MaxAttempts": 2}]);
    let definition = distributed("EXPRESS", picky(), json!({"Retry": retry}));
    for event in [5, 8] {
        let runner = Script::answers([]);
        let fixture = Fixture::new(&runner);
        let ended = fixture.run(&definition, &input).await;
        assert_eq!((ended.of("MapRunStarted").len(), &ended.history[event - 1]["type"]), (3, &json!("MapRunFailed")));
        let after = killed_after(fixture, &ended, event, inside(&input, "Running"), &runner).await;
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
    let fixture = Fixture::new(&runner);
    let ended = fixture.run(&definition, &input).await;
    let after = killed_after(fixture, &ended, 6, inside(&input, "Running"), &runner).await;
    assert_eq!(after.types(), ended.types());
    assert_eq!(after.output(), ended.output());
    assert_eq!(after.output()["Cause"], "The specified tolerated failure threshold was exceeded");
}

#[tokio::test(start_paused = true)]
async fn a_map_run_that_succeeded_before_a_kill_keeps_its_results() {
    let input = json!([1, 2]);
    let writer = json!({"Resource": "arn:aws:states:::s3:putObject", "Arguments": {"Bucket": "b", "Prefix": "p"}});
    for fields in [json!({}), json!({"ResultWriter": writer})] {
        let mut definition = distributed("STANDARD", pass(json!({})), fields);
        let map = definition["States"]["M"].as_object_mut().unwrap();
        map.remove("End");
        map.insert("Next".to_owned(), json!("T"));
        let states = json!({"M": map, "T": task(json!({"Arguments": "{% $states.input %}", "End": true}))});
        let fixture = Fixture::new(&Bucket::holding([]).script());
        let ended = fixture.run(&machine("M", states), &input).await;
        assert_eq!(ended.types()[4..6], ["MapRunSucceeded", "MapStateSucceeded"]);
        let runner = Script::new(|call, _| match call.resource.as_str() {
            "lambda:invoke" => Answer::Arguments,
            _ => Answer::Error("S3.AccessDenied", "nothing is written twice"),
        });
        let after = killed_after(fixture, &ended, 6, inside(&input, "Running"), &runner).await;
        assert_eq!((after.types(), after.output()), (ended.types(), ended.output()));
        assert_eq!(runner.count(), 1);
    }
}
