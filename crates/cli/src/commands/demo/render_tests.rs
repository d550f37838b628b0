//! The text report.

use std::time::Duration;

use holdfast_core::history::Failure;
use holdfast_operate::read_back::Digests;
use serde_json::json;

use super::*;

/// A bucket name of the maximum length.
const SOURCE: &str = "source-2345678901234567890123456789012345678901234567890123456789012";

fn row(key: &str, verdict: Verdict) -> Row {
    let step = |state: &str, kind| Step { state: state.to_owned(), kind, times: 1 };
    let path = vec![
        step("Validate", StepKind::Task),
        step("Route", StepKind::Control),
        step("CopyParts", StepKind::Map { iterations: 3 }),
        step("VerifyBackup", StepKind::Task),
        step("ReplicaWanted", StepKind::Control),
        step("VerifyBackup", StepKind::Task),
    ];
    Row {
        key: key.to_owned(),
        size: 1536,
        version_id: Some("v1".to_owned()),
        execution_arn: Some("arn:e".to_owned()),
        path,
        duration: Some(Duration::from_millis(412)),
        verdict,
    }
}

fn proven(key: &str) -> Result<Row, serde_json::Error> {
    let sha256 = holdfast_core::checksum::Sha256::of(b"x");
    let copy = |bucket: &str| {
        serde_json::from_value(json!({
            "destination": {"bucket": bucket, "key": key, "region": "eu-west-1"},
            "stored": {"versionId": "v2", "etag": "e"},
            "evidence": {
                "method": "s3Checksum", "algorithm": "CRC64NVME", "source": "c", "copy": "c", "bytesRead": 0,
                "etagsEqual": true, "tagsCompared": "count", "differences": []
            }
        }))
    };
    let receipt = json!({
        "bucket": "backup", "key": format!(".holdfast/receipts/{SOURCE}/{key}/v1.json"), "written": true
    });
    let proof = Proof {
        summary: "stored CRC64NVME (backup, replica)".to_owned(),
        backup: copy("backup")?,
        replica: Some(copy("replica")?),
        receipt: serde_json::from_value(receipt)?,
        sha256: Digests { source: sha256, backup: sha256, replica: Some(sha256) },
        lag_ms: 12,
    };
    Ok(row(key, Verdict::Proven(Box::new(proof))))
}

fn failed(key: &str) -> Row {
    let failure = Failure {
        state: Some("CopySlice".to_owned()),
        error: Some("Source.Denied".to_owned()),
        cause: Some("grant s3:GetObject to the role of the function ".repeat(4)),
        ..Failure::default()
    };
    row(key, Verdict::Failed { failure })
}

fn excluded(key: &str) -> Row {
    row(key, Verdict::Excluded { reason: "the key begins with logs/".to_owned() })
}

fn of(objects: Vec<Row>) -> Report {
    Report::new(objects, Vec::new(), Duration::from_secs(2))
}

#[test]
fn a_proven_object_is_shown_with_its_proof_receipt_and_path() -> Result<(), serde_json::Error> {
    let text = report(&of(vec![proven("a b")?]));
    let sha256 = holdfast_core::checksum::Sha256::of(b"x").to_string();
    for expected in [
        "✓ a b                                                           1.5 KiB   412 ms\n",
        &format!("  stored CRC64NVME (backup, replica) · SHA-256 {}… ×3\n", &sha256[..8]),
        "  receipt v1.json\n",
        "  Validate → CopyParts×3 → VerifyBackup (2 times)\n",
        "Receipts: s3://backup/\n          .holdfast/receipts/source-",
        "/<key>/\n",
        "1 of 1 object proven, in 2.0 s.\n",
        "Next:\n",
    ] {
        assert!(text.contains(expected), "{expected:?} is missing in\n{text}");
    }
    Ok(())
}

#[test]
fn no_line_has_more_than_80_columns() -> Result<(), serde_json::Error> {
    let long = "folder/".repeat(30);
    let text = report(&of(vec![proven("日本語/📦.json")?, proven(&long)?, failed(&"k".repeat(1024)), excluded(&long)]));
    for line in text.lines() {
        let is_short_enough = display_width(line) <= COLUMNS;
        assert!(is_short_enough, "{} columns: {line}", display_width(line));
    }
    Ok(())
}

#[test]
fn a_failed_object_fails_the_report_and_shows_state_and_error() -> Result<(), serde_json::Error> {
    let report_of_two = of(vec![proven("a")?, failed("b")]);
    assert!(!report_of_two.proven);
    let text = report(&report_of_two);
    assert!(text.contains("✗ b ") && text.contains("FAILED in CopySlice: Source.Denied: grant s3:GetObject"), "{text}");
    assert!(text.ends_with("1 of 2 objects proven, in 2.0 s."), "{text}");
    Ok(())
}

#[test]
fn an_excluded_object_is_neither_proven_nor_a_failure() -> Result<(), serde_json::Error> {
    let report_of_two = of(vec![proven("a")?, excluded("logs/b")]);
    assert!(report_of_two.proven);
    let text = report(&report_of_two);
    assert!(text.contains("– logs/b") && text.contains("  excluded: the key begins with logs/\n"), "{text}");
    assert!(text.contains("1 of 2 objects proven, 1 excluded, in 2.0 s."), "{text}");
    assert!(!text.contains("NOT PROVEN"), "{text}");
    Ok(())
}

#[test]
fn the_json_document_has_the_same_facts() -> Result<(), serde_json::Error> {
    let report = Report::new(vec![proven("a")?, failed("b")], vec!["c".into()], Duration::from_secs(2));
    let value = serde_json::to_value(report)?;
    assert_eq!((&value["proven"], &value["elapsedMs"]), (&json!(false), &json!(2000)));
    assert_eq!(value["objects"][0]["verdict"], "proven");
    assert_eq!(value["objects"][0]["sha256"]["replica"], value["objects"][0]["sha256"]["source"]);
    assert_eq!(value["objects"][0]["durationMs"], 412);
    assert_eq!(value["objects"][0]["path"][0]["state"], "Validate");
    assert_eq!(value["objects"][1]["verdict"], "failed");
    assert_eq!(value["objects"][1]["failure"]["state"], "CopySlice");
    assert_eq!(value["skippedLinks"], json!(["c"]));
    Ok(())
}
