//! A Deny statement has priority over the Allow statements of the same function.

use holdfast_tests::{
    TestResult,
    fixture::{Fixture, Setup},
};
use serde_json::json;

use super::scenarios::payload_of;

#[tokio::test]
async fn the_function_that_removes_copies_cannot_remove_a_receipt() -> TestResult {
    let fixture = Fixture::start(Setup::default()).await?;

    fixture.upload("k", "bytes").await?;
    let execution = fixture.wait_for_success().await?;
    let backup = &fixture.outputs.backup_bucket;
    let versions = fixture.s3.list_object_versions().bucket(backup).prefix(".holdfast/receipts/").send().await?;
    let [receipt] = versions.versions() else { return Err(format!("one receipt, not {versions:?}").into()) };
    let (function, mut payload) = payload_of(&fixture, &execution, "VerifyBackup").await?;
    payload["backup"]["copy"]["destination"]["key"] = json!(receipt.key);
    payload["stored"] = json!({ "versionId": receipt.version_id, "etag": receipt.e_tag });

    assert_eq!(
        fixture.invoke(&function, &payload).await?,
        "Checksum.Mismatch",
        "the payload presents the receipt as a copy"
    );

    let request = fixture.s3.head_object().bucket(backup).set_key(receipt.key.clone());
    request.set_version_id(receipt.version_id.clone()).send().await.map_err(|_| "the receipt was removed")?;

    let denials = fixture.sandbox.iam().denials();
    let idle: Vec<_> = denials.iter().filter(|denial| !denial.needed).collect();
    assert!(idle.is_empty() && !denials.is_empty(), "denied although no statement allows it: {idle:?}");
    Ok(())
}
