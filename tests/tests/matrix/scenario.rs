//! What is uploaded so that an execution comes through a state.

use aws_sdk_s3::types::ChecksumAlgorithm;
use holdfast_tests::{
    TestResult,
    in_process::Store,
    world::{Setup, World},
};

/// A kind of upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scenario {
    /// Copied by one request.
    Small,
    /// Copied in parts.
    Large,
    /// Copied in parts, and read because it has no checksum that says enough.
    Unchecked,
    /// Copied in parts on a store that tells no checksum, so that the backup has to be read for its replica.
    Untold,
}

/// The kinds of upload whose executions come through a state; none for a state that nobody has thought of.
pub(crate) fn scenarios(state: &str) -> &'static [Scenario] {
    use Scenario::{Large, Small, Unchecked, Untold};
    match state {
        "Validate" | "VerifyBackup" | "Replicate" => &[Small, Large],
        "CopyObject" | "VerifyReplica" | "Notify" => &[Small],
        "CopySlice" | "CompleteUpload" | "CopyReplicaSlice" | "CompleteReplica" => &[Large],
        "DigestSlice" => &[Unchecked],
        "DigestReplicaSlice" => &[Untold],
        _ => &[],
    }
}

/// How a world is made whose store tells a checksum, or none.
pub(crate) fn setup(store: Store) -> Setup {
    // Objects of as few bytes as that are copied in one part.
    Setup { store, time_scale: 0.0001, ..Setup::default() }.configured("MULTIPART_THRESHOLD", "16")
}

/// A world in which the uploads of a state come through it.
pub(crate) async fn world(state: &str) -> TestResult<World> {
    let scenario = scenarios(state).last();
    World::start(setup(scenario.map_or_else(Store::default, |scenario| scenario.store()))).await
}

impl Scenario {
    /// What the store of its world tells.
    pub(crate) fn store(self) -> Store {
        if self == Self::Untold { Store::TellsNone } else { Store::TellsChecksums }
    }

    /// Uploads to a key.
    pub(crate) async fn upload(self, world: &World, key: &str) -> TestResult {
        let (bytes, algorithm) = match self {
            Self::Small => ("few bytes", ChecksumAlgorithm::Crc64Nvme),
            Self::Large | Self::Untold => ("more bytes than the threshold has", ChecksumAlgorithm::Crc64Nvme),
            Self::Unchecked => ("more bytes than the threshold has", ChecksumAlgorithm::Crc32),
        };
        let request = world.s3.put_object().bucket(&world.outputs.source_bucket).key(key).tagging("team=a");
        let request = request.content_type("text/plain").metadata("owner", "ann").checksum_algorithm(algorithm);
        request.body(bytes.as_bytes().to_vec().into()).send().await?;
        Ok(())
    }
}
