//! What the policies deny is kept from functions that are allowed it by another statement, whatever they are asked.

use holdfast_tests::{
    TestResult,
    world::{Setup, World},
};
use serde_json::json;

use super::scenarios::{invoke, payload};

#[tokio::test]
async fn not_even_the_function_that_removes_bad_copies_can_remove_a_receipt() -> TestResult {
    let world = World::start(Setup::default()).await?;
    world.upload("k", "bytes").await?;
    let execution = world.succeeded().await?;
    let backup = &world.outputs.backup_bucket;
    let versions = world.s3.list_object_versions().bucket(backup).prefix(".holdfast/receipts/").send().await?;
    let [receipt] = versions.versions() else { return Err(format!("one receipt, not {versions:?}").into()) };
    let (function, mut payload) = payload(&world, &execution, "VerifyBackup").await?;
    payload["backup"]["copy"]["destination"]["key"] = json!(receipt.key);
    payload["stored"] = json!({ "versionId": receipt.version_id, "etag": receipt.e_tag });
    assert_eq!(invoke(&world, &function, &payload).await?, "Checksum.Mismatch", "it takes the receipt for a bad copy");

    let stands = world.s3.head_object().bucket(backup).set_key(receipt.key.clone());
    stands.set_version_id(receipt.version_id.clone()).send().await.map_err(|_| "the receipt was removed")?;
    let denials = world.sandbox.iam().denials();
    let idle: Vec<_> = denials.iter().filter(|denial| !denial.needed).collect();
    assert!(idle.is_empty() && !denials.is_empty(), "denied, though nothing allows it: {idle:?}");
    Ok(())
}
