//! The results of distributed Maps: their format, and the files in S3.

use serde_json::{Value, json};

use crate::{
    distributed_support::{Bucket, distributed, pass, picky},
    support::{Answer, Fixture, Script, run, text},
};

#[tokio::test(start_paused = true)]
async fn results_are_written_to_s3_in_awss_layout() {
    let bucket = Bucket::holding([]);
    let writer =
        json!({"Resource": "arn:aws:states:::s3:putObject", "Arguments": {"Bucket": "out", "Prefix": "jobs/"}});
    let fields = json!({"ResultWriter": writer, "ToleratedFailureCount": 1, "Label": "l"});
    let ended = Fixture::new(&bucket.script()).run(&distributed("STANDARD", picky(), fields), &json!([1, 101])).await;
    let output = ended.output();
    let map_run = text(&output["MapRunArn"]);
    let id = map_run.rsplit(':').next().unwrap();
    let key = format!("jobs/{id}/manifest.json");
    assert_eq!(output["ResultWriterDetails"], json!({"Bucket": "out", "Key": key}));
    let manifest: Value = serde_json::from_str(&bucket.content(&key)).unwrap();
    let (succeeded, failed) = (format!("jobs/{id}/SUCCEEDED_0.json"), format!("jobs/{id}/FAILED_0.json"));
    let file = |key: &str| json!([{"Key": key, "Size": bucket.content(key).len()}]);
    assert_eq!(
        manifest,
        json!({"DestinationBucket": "out", "MapRunArn": map_run,
               "ResultFiles": {"FAILED": file(&failed), "PENDING": [], "SUCCEEDED": file(&succeeded)}})
    );
    let results = |key: &str| serde_json::from_str::<Value>(&bucket.content(key)).unwrap();
    let mut names: Vec<String> = results(&succeeded)[0].as_object().unwrap().keys().cloned().collect();
    names.sort();
    assert_eq!(
        names,
        [
            "ExecutionArn",
            "Input",
            "InputDetails",
            "Name",
            "Output",
            "OutputDetails",
            "RedriveCount",
            "RedriveStatus",
            "RedriveStatusReason",
            "StartDate",
            "StateMachineArn",
            "Status",
            "StopDate"
        ]
    );
    let failed = &results(&failed)[0];
    assert_eq!(
        (&failed["Input"], &failed["Error"], &failed["Cause"]),
        (&json!("101"), &json!("TooLarge"), &json!("over 100"))
    );
    assert_eq!((&failed["Status"], &failed["RedriveStatus"]), (&json!("FAILED"), &json!("REDRIVABLE_BY_MAP_RUN")));
}

#[tokio::test(start_paused = true)]
async fn results_have_the_configured_transformation() {
    let child = || pass(json!({"Output": "{% [$states.input, $states.input] %}"}));
    for (config, expected) in [
        (json!({"Transformation": "COMPACT"}), json!([[1, 1], [2, 2]])),
        (json!({"Transformation": "FLATTEN"}), json!([1, 1, 2, 2])),
    ] {
        let only_config = json!({"ResultWriter": {"WriterConfig": config}});
        let ended = run(&distributed("EXPRESS", child(), only_config), &json!([1, 2]), []).await;
        assert_eq!(ended.output(), expected);
        let bucket = Bucket::holding([]);
        let mut config = config.clone();
        config["OutputType"] = json!("JSONL");
        let writer = json!({"Resource": "arn:aws:states:::s3:putObject", "Arguments": {"Bucket": "out"}, "WriterConfig": config});
        Fixture::new(&bucket.script())
            .run(&distributed("EXPRESS", child(), json!({"ResultWriter": writer})), &json!([1, 2]))
            .await;
        let lines: Vec<String> = expected.as_array().unwrap().iter().map(Value::to_string).collect();
        assert_eq!(bucket.content_ending("/SUCCEEDED_0.jsonl"), lines.join("\n") + "\n");
    }
    let whole = json!({"ResultWriter": {"WriterConfig": {"Transformation": "NONE"}}});
    let ended = run(&distributed("EXPRESS", child(), whole), &json!([1]), []).await;
    assert_eq!((&ended.output()[0]["Output"], &ended.output()[0]["Status"]), (&json!("[1,1]"), &json!("SUCCEEDED")));
}

#[tokio::test(start_paused = true)]
async fn unwritable_results_fail_the_map_run_by_error_name() {
    let script = Script::new(|call, _| match call.resource.as_str() {
        "aws-sdk:s3:putObject" => Answer::Error("S3.S3Exception", "denied"),
        _ => Answer::Arguments,
    });
    let writer = json!({"Resource": "arn:aws:states:::s3:putObject", "Arguments": {"Bucket": "out"}});
    let definition = distributed("STANDARD", pass(json!({})), json!({"ResultWriter": writer}));
    let ended = Fixture::new(&script).run(&definition, &json!([1])).await;
    assert_eq!((ended.error(), ended.cause()), ("States.ResultWriterFailed", "denied"));
}

#[tokio::test(start_paused = true)]
async fn outputs_over_the_total_size_limit_fail_the_map_run() {
    let child = pass(json!({"Output": "{% $pad('', 100000, 'x') %}"}));
    let ended = run(&distributed("EXPRESS", child, json!({})), &json!([1, 2, 3]), []).await;
    assert_eq!(ended.error(), "States.DataLimitExceeded");
    assert_eq!(ended.of("MapRunFailed")[0]["mapRunFailedEventDetails"]["error"], "States.DataLimitExceeded");
}

/// "PENDING": executions that the Map Run did not start
/// (<https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html>). Without a prefix the files
/// are under the name of the Map Run.
#[tokio::test(start_paused = true)]
async fn executions_that_never_started_are_written_as_pending() {
    let bucket = Bucket::holding([]);
    let writer = json!({"Resource": "arn:aws:states:::s3:putObject", "Arguments": {"Bucket": "out"}});
    let fixture = Fixture::new(&bucket.script());
    let fields = json!({"ResultWriter": writer, "MaxConcurrency": 1});
    let ended = fixture.run(&distributed("STANDARD", picky(), fields), &json!([101, 1, 2])).await;
    assert_eq!(ended.error(), "States.ExceedToleratedFailureThreshold");
    let map_run = text(&ended.of("MapRunStarted")[0]["mapRunStartedEventDetails"]["mapRunArn"]);
    let id = map_run.rsplit(':').next().unwrap();
    let written = |file: &str| serde_json::from_str::<Value>(&bucket.content(&format!("{id}/{file}"))).unwrap();
    let inputs = |file: &str| -> Vec<Value> {
        written(file).as_array().unwrap().iter().map(|result| result["Input"].clone()).collect()
    };
    assert_eq!((inputs("FAILED_0.json"), inputs("PENDING_0.json")), (vec![json!("101")], vec![json!("1"), json!("2")]));
    let files = &written("manifest.json")["ResultFiles"];
    assert_eq!(
        (&files["SUCCEEDED"], &files["PENDING"][0]["Key"]),
        (&json!([]), &json!(format!("{id}/PENDING_0.json")))
    );
}

#[tokio::test(start_paused = true)]
async fn only_lists_are_flattened() {
    let child = pass(json!({"Output": "{% $states.input = 1 ? [1, [2]] : {'a': 3} %}"}));
    let writer = json!({"ResultWriter": {"WriterConfig": {"Transformation": "FLATTEN"}}});
    let ended = run(&distributed("EXPRESS", child, writer), &json!([1, 2]), []).await;
    assert_eq!(ended.output(), json!([1, [2], {"a": 3}]));
}
