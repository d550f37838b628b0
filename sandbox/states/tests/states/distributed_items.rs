//! The items of distributed Maps: reading, selecting and batching.

use serde_json::{Value, json};

use crate::{
    distributed_support::{Bucket, distributed, pass},
    support::{Fixture, run},
};

#[tokio::test(start_paused = true)]
async fn objects_are_read_by_their_format() {
    let csv = json!({"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW", "CSVDelimiter": "PIPE"});
    let given = json!({"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["a", "b"], "MaxItems": 1});
    for (config, content, expected) in [
        (json!({"InputType": "JSON"}), "[1, {\"a\": 2}]", json!([1, {"a": 2}])),
        (json!({"InputType": "JSON"}), "{\"x\": 1}", json!([{"Key": "x", "Value": 1}])),
        (json!({"InputType": "JSON", "ItemsPointer": "/a/b"}), "{\"a\": {\"b\": [7]}}", json!([7])),
        (json!({"InputType": "JSONL", "MaxItems": "{% 2 %}"}), "1\n{\"a\": 2}\n\n3\n", json!([1, {"a": 2}])),
        (csv, "a|b\n1|2\n", json!([{"a": "1", "b": "2"}])),
        (given, "1,2\n3,4\n", json!([{"a": "1", "b": "2"}])),
    ] {
        let bucket = Bucket::holding([("list", content)]);
        let reader = json!({"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": config,
                            "Arguments": {"Bucket": "b", "Key": "{% $states.input.key %}"}});
        let definition = distributed("STANDARD", pass(json!({})), json!({"ItemReader": reader}));
        let ended = Fixture::new(&bucket.script()).run(&definition, &json!({"key": "list"})).await;
        assert_eq!(ended.output(), expected, "{config}");
        assert_eq!(ended.of("MapStateStarted")[0]["mapStateStartedEventDetails"]["length"], 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_bucket_is_listed_page_by_page() {
    let bucket = Bucket::holding([("x/1", "one"), ("x/2", "three"), ("x/3", ""), ("y", "no")]);
    let reader = |most: Value| {
        json!({"Resource": "arn:aws:states:::s3:listObjectsV2", "ReaderConfig": most,
                                      "Arguments": {"Bucket": "b", "Prefix": "x/", "MaxKeys": 2}})
    };
    let definition = distributed("EXPRESS", pass(json!({})), json!({"ItemReader": reader(json!({}))}));
    let ended = Fixture::new(&bucket.script()).run(&definition, &json!({})).await;
    let output = ended.output();
    assert_eq!(
        output[1],
        json!({"Etag": "\"x/2\"", "Key": "x/2", "LastModified": 1_668_699_881, "Size": 5, "StorageClass": "STANDARD"})
    );
    assert_eq!(output.as_array().unwrap().len(), 3);
    let definition = distributed("EXPRESS", pass(json!({})), json!({"ItemReader": reader(json!({"MaxItems": 1}))}));
    let script = bucket.script();
    let ended = Fixture::new(&script).run(&definition, &json!({})).await;
    assert_eq!((ended.output().as_array().unwrap().len(), script.count()), (1, 1), "no page is asked for in vain");
}

#[tokio::test(start_paused = true)]
async fn unreadable_items_fail_the_map_run_by_error_name() {
    for (key, content, cause) in [
        ("gone", "", "The specified key does not exist."),
        ("list", "7", "Attempting to map over non-iterable node."),
        ("list", "{", "not JSON"),
        ("list.gz", "[]", "is compressed"),
        ("list.zst", "[]", "is compressed"),
        ("list.zstd", "[]", "is compressed"),
    ] {
        let bucket = Bucket::holding([("list", content), ("list.gz", content)]);
        let reader = json!({"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "JSON"},
                            "Arguments": {"Bucket": "b", "Key": key}});
        let definition = distributed("STANDARD", pass(json!({})), json!({"ItemReader": reader}));
        let ended = Fixture::new(&bucket.script()).run(&definition, &json!({})).await;
        assert_eq!(ended.error(), "States.ItemReaderFailed");
        assert!(ended.cause().contains(cause), "{} should say {cause}", ended.cause());
        assert_eq!(ended.types()[3..], ["MapRunStarted", "MapRunFailed", "MapStateFailed", "ExecutionFailed"]);
        assert_eq!(ended.of("MapRunFailed")[0]["mapRunFailedEventDetails"]["error"], "States.ItemReaderFailed");
    }
}

#[tokio::test(start_paused = true)]
async fn a_selector_can_read_the_item_its_source_and_the_states_input() {
    let selector = json!({"item": "{% $states.context.Map.Item %}", "all": "{% $states.input.extra %}"});
    let fields = json!({"Items": "{% $states.input.members %}", "ItemSelector": selector});
    let input = json!({"members": {"k": 1, "l": 2}, "extra": 2});
    let ended = run(&distributed("STANDARD", pass(json!({})), fields), &input, []).await;
    let item = |index: u8, key: &str| json!({"Index": index, "Key": key, "Value": index + 1, "Source": "STATE_DATA"});
    assert_eq!(ended.output(), json!([{"item": item(0, "k"), "all": 2}, {"item": item(1, "l"), "all": 2}]));
}

#[tokio::test(start_paused = true)]
async fn items_are_batched_by_number_and_by_bytes() {
    let batches = async |batcher: Value, items: Value| {
        let definition = distributed("EXPRESS", pass(json!({})), json!({"ItemBatcher": batcher}));
        run(&definition, &items, []).await.output()
    };
    assert_eq!(
        batches(json!({"MaxItemsPerBatch": 2, "BatchInput": {"n": "{% $count($states.input) %}"}}), json!([1, 2, 3]))
            .await,
        json!([{"BatchInput": {"n": 3}, "Items": [1, 2]}, {"BatchInput": {"n": 3}, "Items": [3]}])
    );
    // {"Items":["aaaa","aaaa"]} has 25 bytes.
    let items = json!(["aaaa", "aaaa", "aaaa"]);
    let two_and_one = json!([{"Items": ["aaaa", "aaaa"]}, {"Items": ["aaaa"]}]);
    assert_eq!(batches(json!({"MaxInputBytesPerBatch": 25}), items.clone()).await, two_and_one);
    // Of three 32 bytes.
    assert_eq!(batches(json!({"MaxInputBytesPerBatch": 31}), items.clone()).await, two_and_one);
    assert_eq!(batches(json!({"MaxInputBytesPerBatch": 32}), items.clone()).await.as_array().unwrap().len(), 1);
    assert_eq!(batches(json!({"MaxInputBytesPerBatch": "{% 24 %}"}), items).await.as_array().unwrap().len(), 3);
    let large = json!(["x".repeat(100_000), "x".repeat(100_000), "x".repeat(100_000)]);
    let definition = distributed(
        "EXPRESS",
        pass(json!({"Output": "{% $count($states.input.Items) %}"})),
        json!({"ItemBatcher": {"MaxItemsPerBatch": 9}, "Items": "{% [1..3].($states.input) %}"}),
    );
    let ended = run(&definition, &large[0], []).await;
    assert_eq!(ended.output(), json!([2, 1]), "no batch is larger than an input may be");
}

/// Source: "Map.Item.Source" of the context object
/// (<https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html>).
#[tokio::test(start_paused = true)]
async fn read_items_have_the_bucket_and_key_as_their_source() {
    let object = json!({"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "JSON"},
                        "Arguments": {"Bucket": "b", "Key": "x/list"}});
    let list = json!({"Resource": "arn:aws:states:::s3:listObjectsV2", "Arguments": {"Bucket": "b", "Prefix": "x/"}});
    for (reader, source) in [(object, "S3://b/x/list"), (list, "S3://b")] {
        let script = Bucket::holding([("x/list", "[1]")]).script();
        let fields = json!({"ItemReader": reader, "ItemSelector": "{% $states.context.Map.Item.Source %}"});
        let ended = Fixture::new(&script).run(&distributed("STANDARD", pass(json!({})), fields), &json!({})).await;
        assert_eq!(ended.output(), json!([source]));
        let call = script.calls().remove(0);
        assert_eq!((call.state.as_str(), call.role_arn.as_str()), ("M", "arn:aws:iam::000000000000:role/machine"));
        assert_eq!(json!(call.execution_arn), ended.described["executionArn"]);
    }
}

/// The limits of MaxItems and of ToleratedFailurePercentage
/// (<https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html>,
/// <https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html>) also apply to the results of
/// expressions.
#[tokio::test(start_paused = true)]
async fn expression_results_are_range_checked_before_the_map_run_starts() {
    let reader = json!({"Resource": "arn:aws:states:::s3:listObjectsV2", "Arguments": {"Bucket": "b"},
                        "ReaderConfig": {"MaxItems": "{% 100000001 %}"}});
    let writer = json!({"Resource": "arn:aws:states:::s3:putObject", "Arguments": {"Bucket": "{% $nothing %}"}});
    for fields in [
        json!({"ItemReader": reader}),
        json!({"ToleratedFailurePercentage": "{% 101 %}"}),
        json!({"ToleratedFailurePercentage": "{% -1 %}"}),
        json!({"MaxConcurrency": "{% -1 %}"}),
        json!({"Items": "{% 'text' %}"}),
        json!({"ResultWriter": writer}),
    ] {
        let ended = run(&distributed("STANDARD", pass(json!({})), fields.clone()), &json!([1]), []).await;
        assert_eq!(ended.error(), "States.QueryEvaluationError", "{fields}");
        assert!(ended.of("MapRunStarted").is_empty(), "{fields}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_item_is_limited_to_the_size_of_an_input() {
    for (letters, succeeds) in [(262_142, true), (262_143, false)] {
        let content = json!(["x".repeat(letters)]).to_string();
        let reader = json!({"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "JSON"},
                            "Arguments": {"Bucket": "b", "Key": "list"}});
        let definition = distributed("STANDARD", pass(json!({"Output": "small"})), json!({"ItemReader": reader}));
        let fixture = Fixture::new(&Bucket::holding([("list", &content)]).script());
        let ended = fixture.run(&definition, &json!({})).await;
        assert_eq!((ended.status() == "SUCCEEDED", ended.error() == "States.DataLimitExceeded"), (succeeds, !succeeds));
    }
}
