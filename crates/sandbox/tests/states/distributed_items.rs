//! The items of distributed Maps: what is read, selected and batched.

use serde_json::{Value, json};

use crate::{
    distributed_support::{Bucket, distributed, pass},
    support::{World, run},
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
        let ended = World::new(&bucket.script()).run(&definition, &json!({"key": "list"})).await;
        assert_eq!(ended.output(), expected, "{config}");
        assert_eq!(ended.of("MapStateStarted")[0]["mapStateStartedEventDetails"]["length"], 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_bucket_is_listed_page_after_page() {
    let bucket = Bucket::holding([("x/1", "one"), ("x/2", "three"), ("x/3", ""), ("y", "no")]);
    let reader = |most: Value| {
        json!({"Resource": "arn:aws:states:::s3:listObjectsV2", "ReaderConfig": most,
                                      "Arguments": {"Bucket": "b", "Prefix": "x/", "MaxKeys": 2}})
    };
    let definition = distributed("EXPRESS", pass(json!({})), json!({"ItemReader": reader(json!({}))}));
    let ended = World::new(&bucket.script()).run(&definition, &json!({})).await;
    let output = ended.output();
    assert_eq!(
        output[1],
        json!({"Etag": "\"x/2\"", "Key": "x/2", "LastModified": 1_668_699_881, "Size": 5, "StorageClass": "STANDARD"})
    );
    assert_eq!(output.as_array().unwrap().len(), 3);
    let definition = distributed("EXPRESS", pass(json!({})), json!({"ItemReader": reader(json!({"MaxItems": 2}))}));
    let ended = World::new(&bucket.script()).run(&definition, &json!({})).await;
    assert_eq!(ended.output().as_array().unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_fails_the_map_run_by_name() {
    for (key, content, cause) in [
        ("gone", "", "The specified key does not exist."),
        ("list", "7", "Attempting to map over non-iterable node."),
        ("list", "{", "not JSON"),
        ("list.gz", "[]", "is compressed"),
    ] {
        let bucket = Bucket::holding([("list", content), ("list.gz", content)]);
        let reader = json!({"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "JSON"},
                            "Arguments": {"Bucket": "b", "Key": key}});
        let definition = distributed("STANDARD", pass(json!({})), json!({"ItemReader": reader}));
        let ended = World::new(&bucket.script()).run(&definition, &json!({})).await;
        assert_eq!(ended.error(), "States.ItemReaderFailed");
        assert!(ended.cause().contains(cause), "{} should say {cause}", ended.cause());
        assert_eq!(ended.types()[3..], ["MapRunStarted", "MapRunFailed", "MapStateFailed", "ExecutionFailed"]);
        assert_eq!(ended.of("MapRunFailed")[0]["mapRunFailedEventDetails"]["error"], "States.ItemReaderFailed");
    }
}

#[tokio::test(start_paused = true)]
async fn a_selector_sees_the_item_its_key_and_its_source_and_the_states_input() {
    let selector = json!({"item": "{% $states.context.Map.Item %}", "all": "{% $states.input.extra %}"});
    let fields = json!({"Items": "{% $states.input.members %}", "ItemSelector": selector});
    let ended =
        run(&distributed("STANDARD", pass(json!({})), fields), &json!({"members": {"k": 1}, "extra": 2}), []).await;
    let item = json!({"Index": 0, "Key": "k", "Value": 1, "Source": "STATE_DATA"});
    assert_eq!(ended.output(), json!([{"item": item, "all": 2}]));
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
