//! The corpus: the inputs that every run starts with.

use std::{fs, path::Path};

use serde_json::{Value, json};

fn copy() -> Value {
    json!({
        "source": {
            "bucket": "source", "key": "a b", "versionId": "v1", "etag": "tag", "size": 90, "region": "eu-west-1"
        },
        "destination": {"bucket": "backup", "key": "a b", "region": "eu-west-1"},
        "precondition": {"ifMatch": "old"},
        "method": "multipart",
        "upload": {"uploadId": "up", "partSize": 5, "partCount": 18},
        "crc64nvme": "AAAAAAAAAAA=",
        "attributes": {
            "contentType": "text/plain", "tags": {"team": "blue"}, "storageClass": "GLACIER_IR",
            "metadata": {"owner": "ann", "holdfast-stamp": "v=v1 s=0A e=tag m=20261122T095959Z"}
        },
        "displacedMetadata": {"large": "value"},
        "rejectedVersions": ["w0"],
    })
}

fn backup() -> Value {
    json!({
        "copy": copy(),
        "stamp": {"versionId": "v1", "sequencer": "0A", "etag": "tag", "lastModified": "2026-11-22T09:59:59Z"},
        "placement": "late",
        "event": {"id": "e-1", "time": "2026-11-22T10:00:00Z", "sequencer": "0A"},
    })
}

fn proven(bucket: &str) -> Value {
    json!({
        "destination": {"bucket": bucket, "key": "a b", "region": "eu-west-1"},
        "stored": {"versionId": "b1", "etag": "tag", "crc64nvme": "AAAAAAAAAAA="},
        "evidence": {
            "method": "bothRead", "algorithm": "SHA256", "source": "ab", "copy": "ab", "bytesRead": 180,
            "etagsEqual": false, "tagsCompared": "values",
            "differences": [{"name": "storageClass", "expected": "STANDARD", "repaired": false}]
        },
    })
}

/// Events and payloads: one of each kind, and inputs that once caused a defect or are likely to.
pub(crate) fn json() -> Vec<Vec<u8>> {
    let events = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events");
    let mut corpus: Vec<Vec<u8>> = fs::read_dir(events)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| fs::read(path).unwrap())
        .collect();
    corpus.sort();
    let digest = json!({"crc64nvme": "AAAAAAAAAAA=", "sha256": "00".repeat(32)});
    let slices: Vec<_> =
        (0..3).map(|index| json!({"index": index, "done": true, "bytes": 30, "digest": digest})).collect();
    let resume = json!({"nextPart": 2, "crc64nvme": "AAAAAAAAAAA=", "partSha256": ["00".repeat(32)]});
    let slice = json!({"index": 0, "firstPart": 1, "lastPart": 6});
    let replan = json!({"attempt": 2, "error": "Upload.Gone", "givenUp": backup()});
    let event: Value = serde_json::from_slice(&corpus[corpus.len() - 1]).unwrap();
    let payloads = [
        json!({"event": event, "replan": replan, "redrives": 1}),
        json!({"copy": copy(), "slice": slice}),
        json!({"mode": "digest", "copy": copy(), "slice": slice, "resume": resume}),
        json!({
            "mode": "backup", "backup": backup(), "stored": proven("backup")["stored"], "slices": slices,
            "resume": {"slices": [digest], "digest": null, "bytesRead": 30}
        }),
        json!({"copy": copy(), "slices": slices}),
        json!({
            "backup": backup(), "proven": proven("backup"),
            "replica": {"bucket": "replica", "region": "eu-central-1"}, "replan": replan, "redrives": 0
        }),
        json!({
            "backup": backup(), "proven": proven("backup"), "slices": slices, "replica": proven("replica"),
            "execution": {"arn": "arn:aws:states:eu-west-1:1:execution:m:n", "startedAt": "2026-11-22T10:00:01Z"}
        }),
    ];
    corpus.extend(payloads.map(|payload| payload.to_string().into_bytes()));
    let broken = [
        "",
        "null",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":1e999}",
        "[[[[",
        "{\"detail-type\":{}}",
        "\u{feff}{}",
        "-0.0",
        "{\"\":1}",
        "{\"a\\nb\":1}",
    ];
    corpus.extend(broken.map(|text| text.as_bytes().to_vec()));
    corpus.push("[".repeat(10_000).into_bytes());
    corpus
}

/// A key and a version, with a line break between them.
pub(crate) fn names() -> Vec<Vec<u8>> {
    let longest = "é".repeat(512);
    let names = [
        "plain.txt\nv1",
        "a b+c%20d\nnull",
        "what?versionId=x#y&z\nv?1&x=%41",
        "../../etc/passwd\n..",
        "/\n/",
        "a\0b\u{1}\u{7f}\nv",
        "naïve/日本/😀\u{202e}\nv",
        "\u{feff}\n~",
        &longest,
    ];
    names.map(|text| text.as_bytes().to_vec()).to_vec()
}

/// Three sequencers, with line breaks between them.
pub(crate) fn sequencers() -> Vec<Vec<u8>> {
    let longest = "F".repeat(1024);
    let triples = [
        "0055\n0056\n00550001".to_owned(),
        "1\n0FFFFFFF\n10000000000000000000000000000000".to_owned(),
        "ab\nAB\naB0".to_owned(),
        "0\n00\n000".to_owned(),
        format!("{longest}\nF\n{longest}"),
    ];
    triples.map(String::into_bytes).to_vec()
}
