//! The message about a backup that is proven.

use holdfast_core::{
    console,
    contract::{Evidence, Placement, ProofMethod, ProvenCopy, ReceiptRef, TagComparison},
    format,
    names::VersionId,
    receipt::Receipt,
};
use serde_json::Value;

use crate::{
    message::{Message, attributes, subject, table},
    text,
};

/// The message about the backup of this receipt.
pub(crate) fn message(receipt: &Receipt, place: &ReceiptRef) -> Message {
    let source = &receipt.source;
    let object = format!("s3://{}/{}", source.bucket, source.key);
    let json = serde_json::to_value(receipt).ok().and_then(|json| match json {
        Value::Object(members) => Some(members),
        _ => None,
    });
    Message {
        subject: subject(&format!("Backed up {}", format::size(source.size)), &object),
        text: format!("{object} is backed up and proven.\n\n{}\n{}", facts(receipt, place), remarks(receipt)),
        json: json.unwrap_or_default(),
        attributes: attributes(
            "SUCCEEDED",
            Some(source.bucket.as_str()),
            Some(source.key.as_str()),
            Some(source.size),
            None,
        ),
    }
}

fn facts(receipt: &Receipt, place: &ReceiptRef) -> String {
    let source = &receipt.source;
    let arn = &receipt.execution.arn;
    let mut rows = vec![("Object", format!("s3://{}/{}", source.bucket, source.key))];
    rows.extend(source.version_id.as_ref().map(|version| ("Version", version.to_string())));
    rows.push(("Size", text::bytes(source.size)));
    rows.push(("Backup", location(&receipt.backup)));
    rows.push(("", console::object(&receipt.backup.destination, &receipt.backup.stored, arn)));
    rows.push(("Proof", proof(&receipt.backup.evidence)));
    if let Some(replica) = &receipt.replica {
        rows.push(("Replica", location(replica)));
        rows.push(("", console::object(&replica.destination, &replica.stored, arn)));
        rows.push(("Proof", proof(&replica.evidence)));
    }
    rows.push(("Lag", format!("{} from the upload to this receipt", text::duration(receipt.lag_ms))));
    rows.push(("Receipt", format!("s3://{}/{}", place.bucket, place.key)));
    rows.push(("Execution", console::execution(arn)));
    table(&rows)
}

fn location(copy: &ProvenCopy) -> String {
    let version = copy.stored.version_id.as_ref().map(|version| format!("version {version}, "));
    let destination = &copy.destination;
    format!("s3://{}/{} ({}{})", destination.bucket, destination.key, version.unwrap_or_default(), destination.region)
}

/// How a copy was proven.
fn proof(evidence: &Evidence) -> String {
    let algorithm = serde_json::to_value(evidence.algorithm).ok();
    let algorithm = algorithm.as_ref().and_then(Value::as_str).unwrap_or_default();
    let value = &evidence.copy;
    let read = format::size(evidence.bytes_read);
    let bytes = match evidence.method {
        ProofMethod::ReadBack => {
            format!(
                "readBack: the copy was read ({read}) and has the {algorithm} that the source has had since its upload ({value})"
            )
        }
        ProofMethod::S3Checksum => {
            format!(
                "s3Checksum: the {algorithm} that S3 computed from the parts of the copy is that of the source ({value}); no \
                 byte was read"
            )
        }
        ProofMethod::SourceRead => {
            format!(
                "sourceRead: the source was read once ({read}); S3 computed the same {algorithm} from the parts of the copy \
                 ({value})"
            )
        }
        ProofMethod::BothRead => {
            format!("bothRead: both objects were read ({read}) and have the same {algorithm} ({value})")
        }
    };
    let tags = match evidence.tags_compared {
        TagComparison::Count => "tags compared by count",
        TagComparison::Values => "tags compared by value",
    };
    let etags = if evidence.etags_equal { "; the ETags are equal too" } else { "" };
    format!("{bytes}{etags}; {tags}")
}

/// What the reader may not expect, in one sentence or two each.
fn remarks(receipt: &Receipt) -> String {
    let mut remarks = Vec::new();
    if receipt.placement == Placement::Late {
        remarks.push(format!(
            "This is not the newest version of its key, so it is a late backup at s3://{}/{}. The current backup is unchanged.",
            receipt.backup.destination.bucket, receipt.backup.destination.key
        ));
    }
    remarks.extend(differences("backup", &receipt.backup.evidence));
    remarks.extend(receipt.replica.iter().flat_map(|replica| differences("replica", &replica.evidence)));
    remarks.join("\n")
}

fn differences(copy: &'static str, evidence: &Evidence) -> Vec<String> {
    let names = |repaired: bool| {
        let differences = evidence.differences.iter().filter(|difference| difference.repaired == repaired);
        differences.map(|difference| difference.name.as_str()).collect::<Vec<_>>().join(", ")
    };
    let (repaired, remaining) = (names(true), names(false));
    let mut remarks = Vec::new();
    if !repaired.is_empty() {
        remarks.push(format!("The {copy} lacked attributes, which were added: {repaired}."));
    }
    if !remaining.is_empty() {
        remarks.push(format!(
            "The bytes are proven, but the {copy} differs from the plan in: {remaining}. The JSON has both values."
        ));
    }
    if !evidence.rejected_versions.is_empty() {
        let versions = evidence.rejected_versions.iter().map(VersionId::as_str).collect::<Vec<_>>().join(", ");
        remarks.push(format!(
            "These versions of the {copy} do not match the source: {versions}. If they still exist, delete them when nothing \
             protects them any more."
        ));
    }
    remarks
}
