//! The kinds of upload, and the states that their executions enter.

use aws_sdk_s3::types::ChecksumAlgorithm;
use holdfast_tests::{
    TestResult,
    fixture::{Fixture, Setup},
    in_process::CompletionChecksum,
};

/// A kind of upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scenario {
    /// Copied in one request.
    Small,
    /// Copied in parts.
    Large,
    /// Copied in parts. Its only checksum is a SHA-256, which parts cannot have, so the source is read.
    OtherChecksum,
    /// Copied in parts. The response to CompleteMultipartUpload has no checksum, so source and backup are
    /// read.
    NoCompletionChecksum,
}

/// The kinds of upload whose executions enter a state; empty for an unlisted state.
pub(crate) fn scenarios(state: &str) -> &'static [Scenario] {
    use Scenario::{Large, NoCompletionChecksum, OtherChecksum, Small};
    match state {
        "Validate" | "VerifyBackup" | "Replicate" => &[Small, Large],
        "CopyObject" | "VerifyReplica" | "Notify" => &[Small],
        "CopySlice" | "CompleteUpload" | "CopyReplicaSlice" | "CompleteReplica" => &[Large],
        "DigestSlice" => &[OtherChecksum],
        "DigestReplicaSlice" => &[NoCompletionChecksum],
        _ => &[],
    }
}

/// The settings of a fixture.
pub(crate) fn setup(completion_checksum: CompletionChecksum) -> Setup {
    // Objects of 16 bytes or more are copied in parts: in one part, because S3 allows less than 5 MiB only for the last.
    Setup { completion_checksum, time_scale: 0.0001, ..Setup::default() }.with_variable("MULTIPART_THRESHOLD", "16")
}

/// A fixture in which the uploads of `scenarios` enter the state.
pub(crate) async fn fixture_for(state: &str) -> TestResult<Fixture> {
    let scenario = scenarios(state).last();
    Fixture::start(setup(scenario.map_or_else(CompletionChecksum::default, |scenario| scenario.completion_checksum())))
        .await
}

impl Scenario {
    /// Whether a completed upload has a checksum.
    pub(crate) fn completion_checksum(self) -> CompletionChecksum {
        if self == Self::NoCompletionChecksum { CompletionChecksum::Missing } else { CompletionChecksum::Reported }
    }

    /// Uploads to a key.
    pub(crate) async fn upload(self, fixture: &Fixture, key: &str) -> TestResult {
        let (bytes, algorithm) = match self {
            Self::Small => ("few bytes", ChecksumAlgorithm::Crc64Nvme),
            Self::Large => ("more bytes than the threshold has", ChecksumAlgorithm::Crc64Nvme),
            Self::OtherChecksum | Self::NoCompletionChecksum => {
                ("more bytes than the threshold has", ChecksumAlgorithm::Sha256)
            }
        };
        let request = fixture.s3.put_object().bucket(&fixture.outputs.source_bucket).key(key).tagging("team=a");
        let request = request.content_type("text/plain").metadata("owner", "ann").checksum_algorithm(algorithm);
        request.body(bytes.as_bytes().to_vec().into()).send().await?;
        Ok(())
    }
}
