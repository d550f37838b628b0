//! A short description of the proof in a receipt.

use holdfast_core::{
    contract::{Evidence, ProofMethod},
    format,
    receipt::Receipt,
};

/// Describes the proof of the copies, for example `stored CRC64NVME (backup, replica)`.
pub(crate) fn summary(receipt: &Receipt) -> String {
    let backup = method(&receipt.backup.evidence);
    let Some(replica) = receipt.replica.as_ref().map(|replica| method(&replica.evidence)) else {
        return format!("{backup} (backup)");
    };
    if backup == replica {
        format!("{backup} (backup, replica)")
    } else {
        format!("{backup} (backup), {replica} (replica)")
    }
}

fn method(evidence: &Evidence) -> String {
    let algorithm = evidence.algorithm;
    let read = format::size(evidence.bytes_read);
    match evidence.method {
        ProofMethod::ReadBack => format!("{algorithm}, {read} of the copy read back"),
        ProofMethod::S3Checksum => format!("{algorithm} of S3"),
        ProofMethod::SourceRead => format!("{algorithm}, {read} of the source read"),
        ProofMethod::BothRead => format!("{algorithm}, {read} of both sides read"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_description_of_a_proof_names_the_bytes_read() -> Result<(), serde_json::Error> {
        let evidence = |method: &str, algorithm: &str, bytes_read: u64| {
            serde_json::from_value::<Evidence>(json!({
                "method": method, "algorithm": algorithm, "source": "a", "copy": "a", "bytesRead": bytes_read,
                "etagsEqual": true, "tagsCompared": "count", "differences": []
            }))
        };
        for (evidence, expected) in [
            (evidence("readBack", "CRC32", 10)?, "CRC32, 10 bytes of the copy read back"),
            (evidence("s3Checksum", "CRC64NVME", 0)?, "CRC64NVME of S3"),
            (evidence("sourceRead", "CRC64NVME", 2048)?, "CRC64NVME, 2.0 KiB of the source read"),
            (evidence("bothRead", "SHA256", 10)?, "SHA256, 10 bytes of both sides read"),
        ] {
            assert_eq!(method(&evidence), expected);
        }
        Ok(())
    }
}
