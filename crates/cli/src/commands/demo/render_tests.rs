//! Rows as people see them.

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::{
    commands::demo::{compare::Digests, report::Proof},
    history::{Failure, Step, StepKind},
};

fn proven() -> Result<Row, serde_json::Error> {
    let sha256 = holdfast_core::checksum::Sha256::of(b"x");
    let copy = |bucket: &str| {
        serde_json::from_value(json!({
            "destination": {"bucket": bucket, "key": "a b", "region": "eu-west-1"},
            "stored": {"versionId": "v2", "etag": "e"},
            "evidence": {
                "method": "storedChecksums", "algorithm": "CRC64NVME", "source": "c", "copy": "c", "bytesRead": 0,
                "etagsEqual": true, "tagsCompared": "count", "differences": []
            }
        }))
    };
    let proof = Proof {
        words: "stored CRC64NVME (backup, replica)".to_owned(),
        backup: copy("backup")?,
        replica: Some(copy("replica")?),
        receipt: serde_json::from_value(json!({
            "bucket": "backup", "key": ".holdfast/receipts/source/a b/v1.json", "written": true
        }))?,
        sha256: Digests { source: sha256, backup: sha256, replica: Some(sha256) },
        lag_ms: 12,
    };
    let task = |state: &str| Step { state: state.to_owned(), kind: StepKind::Task, times: 1 };
    Ok(Row {
        key: "a b".to_owned(),
        size: 1536,
        version_id: Some("v1".to_owned()),
        execution_arn: Some("arn:e".to_owned()),
        path: vec![task("Validate"), task("Notify")],
        took: Some(Duration::from_millis(412)),
        verdict: Verdict::Proven(Box::new(proof)),
    })
}

fn failed() -> Row {
    let failure = Failure {
        state: Some("CopySlice".to_owned()),
        error: "Source.Denied".to_owned(),
        cause: "grant s3:GetObject".to_owned(),
    };
    Row {
        key: "b".to_owned(),
        size: 0,
        version_id: None,
        execution_arn: Some("arn:f".to_owned()),
        path: Vec::new(),
        took: None,
        verdict: Verdict::NotProven { failure },
    }
}

#[test]
fn a_proven_row_shows_everything_that_was_promised() -> Result<(), serde_json::Error> {
    let report = Report::new(vec![proven()?], Duration::from_secs(2));
    let text = render(&report, Some(200));
    let sha256 = holdfast_core::checksum::Sha256::of(b"x").to_string();
    let short = format!("SHA-256 {}… ×3", &sha256[..8]);
    for expected in
        ["a b", "1.5 KiB", "Validate → Notify", "stored CRC64NVME (backup, replica)", &short, "v1 ", "412 ms"]
    {
        assert!(text.contains(expected), "{expected:?} is missing in\n{text}");
    }
    assert!(text.contains("Receipts: s3://backup/.holdfast/receipts/source/<key>/<version>.json"), "{text}");
    assert!(summary(&report, true).starts_with("1 object in 2.0 s. It is proven: source, backup and replica hold"));
    Ok(())
}

#[test]
fn one_object_that_is_not_proven_spoils_the_report_and_is_told_in_a_sentence() -> Result<(), serde_json::Error> {
    let report = Report::new(vec![proven()?, failed()], Duration::from_secs(2));
    assert!(!report.proven);
    let text = render(&report, Some(200));
    assert!(text.contains("✗ b: in CopySlice: Source.Denied: grant s3:GetObject\n"), "{text}");
    assert_eq!(summary(&report, true), "1 of 2 objects not proven.");
    Ok(())
}

#[test]
fn the_json_document_has_the_same_facts() -> Result<(), serde_json::Error> {
    let value = serde_json::to_value(Report::new(vec![proven()?, failed()], Duration::from_secs(2)))?;
    assert_eq!(value["proven"], false);
    assert_eq!(value["elapsedMs"], 2000);
    assert_eq!(value["objects"][0]["verdict"], "proven");
    assert_eq!(value["objects"][0]["sha256"]["replica"], value["objects"][0]["sha256"]["source"]);
    assert_eq!(value["objects"][0]["durationMs"], 412);
    assert_eq!(value["objects"][0]["path"][0]["state"], "Validate");
    assert_eq!(value["objects"][1]["verdict"], "notProven");
    assert_eq!(value["objects"][1]["failure"]["state"], "CopySlice");
    Ok(())
}
