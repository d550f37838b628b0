//! Invalid payloads of every function.

use serde_json::{Value, json};

use super::{
    Functions,
    case::{Case, rows},
    events, valid_payloads,
};

/// One byte more than the largest object.
pub(super) const TOO_LARGE: u64 = 53_687_091_200_001;

fn planner_cases() -> impl Iterator<Item = Case> {
    let validate = rows(
        "Validate",
        [
            ("no event", "/event", None, "."),
            ("a negative number of redrives", "/redrives", Some(json!(-1)), "redrives"),
            ("a number of redrives that is too large", "/redrives", Some(json!(4_294_967_296_u64)), "redrives"),
            ("a first plan as a replan", "/replan/attempt", Some(json!(1)), "replan.attempt"),
            ("an attempt of one and a half", "/replan/attempt", Some(json!(1.5)), "replan.attempt"),
            ("an unknown error", "/replan/error", Some(json!("States.ALL")), "replan.error"),
            ("no previous plan", "/replan/givenUp", None, "replan"),
            (
                "an upload in another bucket to abort",
                "/replan/givenUp/copy/destination/bucket",
                Some(json!("another-bucket")),
                "replan.givenUp",
            ),
            ("an upload of another event to abort", "/replan/givenUp/event/id", Some(json!("other")), "replan.givenUp"),
            (
                "an upload to abort without an id",
                "/replan/givenUp/copy/upload/uploadId",
                Some(json!("")),
                "replan.givenUp.copy.upload.uploadId",
            ),
        ],
    );
    let replicate = rows(
        "Replicate",
        [
            ("no backup", "/backup", None, "."),
            ("a backup at another key", "/proven/destination/key", Some(json!("other")), "proven.destination"),
            ("a proof with different values", "/proven/evidence/copy", Some(json!("other")), "proven.evidence.copy"),
            ("an unknown method of proof", "/proven/evidence/method", Some(json!("unknown")), "proven.evidence.method"),
            ("a proof by MD4", "/proven/evidence/algorithm", Some(json!("MD4")), "proven.evidence.algorithm"),
            (
                "more bytes read than there are",
                "/proven/evidence/bytesRead",
                Some(json!(u64::MAX)),
                "proven.evidence.bytesRead",
            ),
            (
                "a checksum of seven bytes",
                "/proven/stored/crc64nvme",
                Some(json!("AAAAAAAAAA==")),
                "proven.stored.crc64nvme",
            ),
            ("no region of the replica", "/replica/region", None, "replica"),
            ("an empty region of the replica", "/replica/region", Some(json!("")), "replica.region"),
            ("a replica on another host", "/replica/region", Some(json!("evil.example#")), "replica.region"),
            ("a replica in the backup bucket", "/replica/bucket", Some(json!("holdfast-backup")), "replica.bucket"),
            ("a replica in a bucket without a name", "/replica/bucket", Some(json!("")), "replica.bucket"),
        ],
    );
    validate.chain(replicate)
}

fn copy_cases() -> impl Iterator<Item = Case> {
    rows(
        "CopyObject",
        [
            ("nothing to copy", "/copy", None, "."),
            ("a source without an entity tag", "/copy/source/etag", None, "copy.source"),
            ("a negative size", "/copy/source/size", Some(json!(-1)), "copy.source.size"),
            ("a size of 48.8 TiB and a byte", "/copy/source/size", Some(json!(TOO_LARGE)), "copy.source.size"),
            ("a size of 1e300", "/copy/source/size", Some(json!(1e300)), "copy.source.size"),
            ("a size that is text", "/copy/source/size", Some(json!("5")), "copy.source.size"),
            ("six gibibytes in one request", "/copy/source/size", Some(json!(6_u64 << 30)), "copy.method"),
            (
                "a copy onto its source's bucket",
                "/copy/destination/bucket",
                Some(json!("holdfast-source")),
                "copy.destination.bucket",
            ),
            ("an unknown method", "/copy/method", Some(json!("move")), "copy.method"),
            ("parts without a slice", "/copy/method", Some(json!("multipart")), "slice"),
            ("an unknown precondition", "/copy/precondition", Some(json!("never")), "copy.precondition"),
            (
                "a precondition with an empty entity tag",
                "/copy/precondition",
                Some(json!({"ifMatch": ""})),
                "copy.precondition.ifMatch",
            ),
            (
                "a second header in a content type",
                "/copy/attributes/contentType",
                Some(json!("text/plain\r\nx-amz-acl: public-read")),
                "copy.attributes.contentType",
            ),
            (
                "a space in the name of metadata",
                "/copy/attributes/metadata",
                Some(json!({"two words": ""})),
                "copy.attributes.metadata",
            ),
            (
                "a NUL in metadata",
                "/copy/attributes/metadata",
                Some(json!({"owner": "a\0"})),
                "copy.attributes.metadata.owner",
            ),
            (
                "tags in a list",
                "/copy/attributes/tags",
                Some(json!([{"Key": "a", "Value": "b"}])),
                "copy.attributes.tags",
            ),
        ],
    )
}

fn slice_cases() -> impl Iterator<Item = Case> {
    rows(
        "CopySlice",
        [
            ("part 0", "/slice/firstPart", Some(json!(0)), "slice.firstPart"),
            ("part 10,001", "/slice/lastPart", Some(json!(10_001)), "slice.lastPart"),
            ("a part past the object's last", "/slice/lastPart", Some(json!(9999)), "slice.lastPart"),
            (
                "a last part before the first",
                "/slice",
                Some(json!({"index": 0, "firstPart": 2, "lastPart": 1})),
                "slice",
            ),
            ("a negative slice", "/slice/index", Some(json!(-1)), "slice.index"),
            ("a slice without a last part", "/slice/lastPart", None, "slice"),
            ("no upload to copy into", "/copy/upload", None, "copy.upload"),
            ("an upload's id with a line break", "/copy/upload/uploadId", Some(json!("2~\n")), "copy.upload.uploadId"),
            ("parts of no bytes", "/copy/upload/partSize", Some(json!(0)), "copy.upload.partSize"),
            (
                "parts of more than five gibibytes",
                "/copy/upload/partSize",
                Some(json!((5_u64 << 30) + 1)),
                "copy.upload.partSize",
            ),
            ("an upload of no parts", "/copy/upload/partCount", Some(json!(0)), "copy.upload.partCount"),
            ("more parts than S3 takes", "/copy/upload/partCount", Some(json!(10_001)), "copy.upload.partCount"),
            ("fewer parts than make the object", "/copy/upload/partCount", Some(json!(1)), "copy.upload.partCount"),
            ("an upload for a single copy", "/copy/method", Some(json!("copyObject")), "copy.upload"),
        ],
    )
}

fn completion_cases() -> impl Iterator<Item = Case> {
    let twice = json!({"index": 0, "done": true, "bytes": 0});
    rows(
        "CompleteUpload",
        [
            ("no results", "/slices", None, "."),
            ("an empty list of results", "/slices", Some(json!([])), "slices"),
            ("a missing result", "/slices/0", None, "slices"),
            ("a duplicate result", "/slices/1", Some(twice.clone()), "slices"),
            ("an additional result", "/slices/99", Some(twice), "slices"),
            ("an unfinished slice", "/slices/0/done", Some(json!(false)), "slices"),
            ("a done that is text", "/slices/0/done", Some(json!("true")), "slices[0].done"),
            ("a slice of too many bytes", "/slices/0/bytes", Some(json!(TOO_LARGE)), "slices[0].bytes"),
            (
                "a digest that is not base64",
                "/slices/0/digest/crc64nvme",
                Some(json!("!!!!!!!!!!!=")),
                "slices[0].digest.crc64nvme",
            ),
            ("half a SHA-256", "/slices/0/digest/sha256", Some(json!("ab".repeat(16))), "slices[0].digest.sha256"),
            ("no upload to complete", "/copy/upload", None, "copy.upload"),
        ],
    )
}

fn verification_cases() -> impl Iterator<Item = Case> {
    let digest = json!({"crc64nvme": "AAAAAAAAAAA=", "sha256": "00".repeat(32)});
    let slice = rows(
        "DigestSlice",
        [
            ("no mode", "/mode", None, "."),
            ("an unknown mode", "/mode", Some(json!("guess")), "mode"),
            ("the mode of another payload", "/mode", Some(json!("backup")), "resume"),
            ("a digest of no slice", "/slice", None, "."),
            ("a digest past the end", "/slice/lastPart", Some(json!(9999)), "slice.lastPart"),
            ("progress in another slice", "/resume/nextPart", Some(json!(9999)), "resume"),
            ("a digest of part 0", "/resume/nextPart", Some(json!(0)), "resume.nextPart"),
            ("more parts digested than there were", "/resume/partSha256", Some(json!(["ab".repeat(32)])), "resume"),
            (
                "an invalid digest of a part",
                "/resume/partSha256",
                Some(json!(["zz".repeat(32)])),
                "resume.partSha256[0]",
            ),
        ],
    );
    let object = rows(
        "VerifyBackup",
        [
            ("no stored version", "/stored", None, "."),
            ("a stored version without a tag", "/stored/etag", None, "stored"),
            ("a stored version that is a space", "/stored/versionId", Some(json!(" ")), "stored.versionId"),
            ("slices that overlap", "/slices/1/index", Some(json!(0)), "slices"),
            ("more slices read than there are", "/resume/slices", Some(json!(vec![digest; 99])), "resume.slices"),
            ("negative bytes read", "/resume/bytesRead", Some(json!(-5)), "resume.bytesRead"),
            ("more bytes read than both have", "/resume/bytesRead", Some(json!(u64::MAX)), "resume.bytesRead"),
            ("progress in another part", "/resume/digest/nextPart", Some(json!(9)), "resume.digest"),
            ("slices of an object without parts", "/backup/copy/upload", None, "slices"),
            ("an unknown placement", "/backup/placement", Some(json!("oldest")), "backup.placement"),
            ("a stamp without an entity tag", "/backup/stamp/etag", None, "backup.stamp"),
            (
                "a stamp with an invalid time",
                "/backup/stamp/lastModified",
                Some(json!("once")),
                "backup.stamp.lastModified",
            ),
            (
                "a stamp with an invalid sequencer",
                "/backup/stamp/sequencer",
                Some(json!("MCMXC")),
                "backup.stamp.sequencer",
            ),
            ("a stamp of another upload", "/backup/stamp/sequencer", Some(json!("FF")), "backup.stamp"),
            ("an invalid time of the event", "/backup/event/time", Some(json!(0)), "backup.event.time"),
        ],
    );
    slice.chain(object)
}

fn notify_cases() -> impl Iterator<Item = Case> {
    rows(
        "Notify",
        [
            ("no execution", "/execution", None, "."),
            ("an execution without a start", "/execution/startedAt", None, "execution"),
            ("an execution that is not an ARN", "/execution/arn", Some(json!("backup-1")), "execution.arn"),
            (
                "an ARN with a slash in its region",
                "/execution/arn",
                Some(json!("arn:aws:states:a/b:1:execution:m:n")),
                "execution.arn",
            ),
            ("a backup without a proof", "/proven/evidence", None, "proven"),
            (
                "a backup that differs from its source",
                "/proven/evidence/copy",
                Some(json!("x")),
                "proven.evidence.copy",
            ),
            ("a replica that differs", "/replica/evidence/copy", Some(json!("x")), "replica.evidence.copy"),
            (
                "a backup in another region",
                "/proven/destination/region",
                Some(json!("eu-west-9")),
                "proven.destination",
            ),
            ("a missing slice", "/slices/0", None, "slices"),
        ],
    )
}

/// Every invalid payload, with the valid payload that it changes.
fn cases() -> Vec<(Case, Value)> {
    let valid = valid_payloads();
    let all = planner_cases()
        .chain(copy_cases())
        .chain(slice_cases())
        .chain(completion_cases())
        .chain(verification_cases())
        .chain(notify_cases());
    all.map(|case| (valid[case.state].clone(), case)).map(|(base, case)| (case, base)).collect()
}

#[tokio::test]
async fn every_invalid_payload_is_rejected_with_its_path() {
    let functions = Functions::new().await;

    let cases: Vec<_> = events::cases().into_iter().chain(cases()).collect();

    assert!(cases.len() >= 150, "{} cases", cases.len());

    let mut problems = Vec::new();
    for (case, mut payload) in cases {
        case.apply(&mut payload);
        if let Err(problem) = functions.check_rejection(case.state, payload.to_string().as_bytes(), case.path).await {
            problems.push(format!("{}, in the payload of {}: {problem}", case.description, case.state));
        }
    }

    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
