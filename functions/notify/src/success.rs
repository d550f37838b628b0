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
    words,
};

/// The message for this receipt, which lies there.
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
    rows.push(("Size", words::bytes(source.size)));
    rows.push(("Backup", where_it_is(&receipt.backup)));
    rows.push(("", console::object(&receipt.backup.destination, &receipt.backup.stored, arn)));
    rows.push(("Proof", proof(&receipt.backup.evidence)));
    if let Some(replica) = &receipt.replica {
        rows.push(("Replica", where_it_is(replica)));
        rows.push(("", console::object(&replica.destination, &replica.stored, arn)));
        rows.push(("Proof", proof(&replica.evidence)));
    }
    rows.push(("Lag", format!("{} from the upload to this receipt", words::duration(receipt.lag_ms))));
    rows.push(("Receipt", format!("s3://{}/{}", place.bucket, place.key)));
    rows.push(("Execution", console::execution(arn)));
    table(&rows)
}

fn where_it_is(copy: &ProvenCopy) -> String {
    let version = copy.stored.version_id.as_ref().map(|version| format!("version {version}, "));
    let destination = &copy.destination;
    format!("s3://{}/{} ({}{})", destination.bucket, destination.key, version.unwrap_or_default(), destination.region)
}

/// How a copy was proven, in a sentence.
fn proof(evidence: &Evidence) -> String {
    let algorithm = serde_json::to_value(evidence.algorithm).ok();
    let algorithm = algorithm.as_ref().and_then(Value::as_str).unwrap_or_default();
    let value = &evidence.copy;
    let read = format::size(evidence.bytes_read);
    let bytes = match evidence.method {
        ProofMethod::StoredChecksums => {
            format!("S3 stores the same {algorithm} for both objects ({value}); nothing had to be read")
        }
        ProofMethod::SourceStreamed => {
            format!("the source was read once ({read}); its {algorithm} is the one S3 computed over the copy ({value})")
        }
        ProofMethod::BothStreamed => {
            format!("both objects were read ({read}) and have the same {algorithm} ({value})")
        }
    };
    let tags = match evidence.tags_compared {
        TagComparison::Count => "tags compared by their number",
        TagComparison::Values => "tags compared one by one",
    };
    let etags = if evidence.etags_equal { "; the entity tags are equal too" } else { "" };
    format!("{bytes}{etags}; {tags}")
}

/// What is out of the ordinary, a sentence each.
fn remarks(receipt: &Receipt) -> String {
    let mut remarks = Vec::new();
    if receipt.placement == Placement::Late {
        remarks.push(format!(
            "A newer version of this key is backed up already and stays the current backup. This one is a late backup at \
             s3://{}/{}.",
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
    let (repaired, open) = (names(true), names(false));
    let mut remarks = Vec::new();
    if !repaired.is_empty() {
        remarks.push(format!("The {copy} lacked some of what it should carry, and was repaired: {repaired}."));
    }
    if !open.is_empty() {
        remarks.push(format!(
            "The bytes are proven, but the {copy} is not as planned in: {open}. The JSON has both values."
        ));
    }
    if !evidence.rejected_versions.is_empty() {
        let versions = evidence.rejected_versions.iter().map(VersionId::as_str).collect::<Vec<_>>().join(", ");
        remarks.push(format!(
            "Also copied for the {copy}, but not the source, and no backup: version {versions}. Where it still stands, delete \
             it once nothing protects it any more."
        ));
    }
    remarks
}
