//! A sandbox that is killed between the end of a Task's call and the next event. The call is not repeated, and retries
//! continue.

use serde_json::{Value, json};

use crate::{
    restart_support::{killed_after, line},
    support::{Answer, Fixture, Script, machine, task},
};

fn bad() -> Answer {
    Answer::Error("Bad", "why")
}

fn inside() -> Value {
    line("A", "Task", &json!("in"), "Running")
}

#[tokio::test(start_paused = true)]
async fn a_task_whose_result_was_written_before_a_kill_is_not_called_again() {
    let states = json!({
        "A": task(json!({"Arguments": "first", "Assign": {"v": "{% $states.result %}"}, "Next": "B"})),
        "B": task(json!({"Arguments": "second", "Output": "{% [$v, $states.input] %}", "End": true})),
    });
    let fixture = Fixture::new(&Script::answers([Answer::Value(json!({"n": 1}))]));
    let ended = fixture.run(&machine("A", states), &json!("in")).await;
    assert_eq!(ended.history[4]["type"], "TaskSucceeded");
    let second = Script::answers([]);
    let after = killed_after(fixture, &ended, 5, inside(), &second).await;
    assert_eq!(second.arguments(), ["second"]);
    assert_eq!((after.types(), after.output()), (ended.types(), json!([{"n": 1}, {"n": 1}])));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_failed_before_a_kill_keeps_its_retry_count() {
    let retry = json!([{"ErrorEquals": ["Bad"], "MaxAttempts": 2, "IntervalSeconds": 10, "BackoffRate": 3}]);
    let count = "{% $states.context.State.RetryCount %}";
    let definition = machine("A", json!({"A": task(json!({"Arguments": count, "Retry": retry, "End": true}))}));
    for (event, left, waited) in [(5, vec![1, 2], 40), (8, vec![2], 30), (11, vec![], 0)] {
        let fixture = Fixture::new(&Script::answers([bad(), bad(), bad()]));
        let ended = fixture.run(&definition, &json!("in")).await;
        assert_eq!((&ended.history[event - 1]["type"], ended.error()), (&json!("TaskFailed"), "Bad"));
        let second = Script::new(|_, _| bad());
        let before = tokio::time::Instant::now();
        let after = killed_after(fixture, &ended, event, inside(), &second).await;
        assert_eq!(second.arguments(), left, "killed after event {event}");
        assert_eq!((after.types(), after.error(), after.cause()), (ended.types(), "Bad", "why"));
        assert_eq!(before.elapsed().as_secs(), waited, "killed after event {event}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_kill_during_a_retry_does_not_add_retries() {
    let retry = json!([{"ErrorEquals": ["Bad"], "MaxAttempts": 1, "IntervalSeconds": 1}]);
    let definition = machine("A", json!({"A": task(json!({"Retry": retry, "End": true}))}));
    let fixture = Fixture::new(&Script::answers([bad(), bad()]));
    let ended = fixture.run(&definition, &json!("in")).await;
    assert_eq!(ended.history[6]["type"], "TaskStarted");
    let second = Script::new(|_, _| bad());
    let before = tokio::time::Instant::now();
    let after = killed_after(fixture, &ended, 7, inside(), &second).await;
    assert_eq!(before.elapsed().as_secs(), 0, "it is not taken for the one that failed");
    assert_eq!(
        (after.status(), second.count()),
        ("FAILED", 1),
        "the call that was under way is made again and not retried"
    );
}

#[tokio::test(start_paused = true)]
async fn a_task_that_failed_or_timed_out_before_a_kill_is_caught() {
    for (answer, kind, error) in [(bad(), "TaskFailed", "Bad"), (Answer::Never, "TaskTimedOut", "States.Timeout")] {
        let catch = json!([{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]);
        let states = json!({
            "A": task(json!({"TimeoutSeconds": 5, "Catch": catch, "End": true})),
            "Caught": {"Type": "Succeed"},
        });
        let fixture = Fixture::new(&Script::answers([answer]));
        let ended = fixture.run(&machine("A", states), &json!("in")).await;
        assert_eq!(ended.history[4]["type"], kind);
        let second = Script::answers([]);
        let after = killed_after(fixture, &ended, 5, inside(), &second).await;
        assert_eq!((after.types(), after.output(), second.count()), (ended.types(), ended.output(), 0));
        assert_eq!(after.output()["Error"], error);
    }
}

#[tokio::test(start_paused = true)]
async fn an_expression_that_failed_before_a_kill_counts_as_an_attempt() {
    let fields = json!({
        "Output": "{% $states.context.State.RetryCount > 0 ? 'well' : $nothing %}",
        "Retry": [{"ErrorEquals": ["States.QueryEvaluationError"], "MaxAttempts": 1}],
        "End": true,
    });
    let fixture = Fixture::new(&Script::answers([]));
    let ended = fixture.run(&machine("A", json!({"A": task(fields)})), &json!("in")).await;
    assert_eq!(ended.history[5]["type"], "EvaluationFailed");
    let second = Script::answers([]);
    let after = killed_after(fixture, &ended, 6, inside(), &second).await;
    assert_eq!((after.types(), after.output(), second.count()), (ended.types(), json!("well"), 1));
}

#[tokio::test(start_paused = true)]
async fn a_catcher_expression_that_failed_before_a_kill_fails_the_state() {
    let catch = json!([{"ErrorEquals": ["States.ALL"], "Output": "{% $nothing %}", "Next": "Never"}]);
    let retry = json!([{"ErrorEquals": ["States.QueryEvaluationError"], "MaxAttempts": 9}]);
    let states = json!({
        "A": task(json!({"Catch": catch, "Retry": retry, "End": true})),
        "Never": {"Type": "Pass", "End": true},
    });
    let fixture = Fixture::new(&Script::answers([bad()]));
    let ended = fixture.run(&machine("A", states), &json!("in")).await;
    assert_eq!(ended.history[5]["type"], "EvaluationFailed");
    let second = Script::answers([]);
    let after = killed_after(fixture, &ended, 6, inside(), &second).await;
    assert_eq!((after.types(), second.count()), (ended.types(), 0));
    assert_eq!((after.error(), after.cause()), (ended.error(), ended.cause()));
}
