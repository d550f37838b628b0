//! The reasons why a version cannot be removed or withdrawn.

use std::fmt;

use holdfast_core::names::InvalidName;
use holdfast_s3::S3Error;

/// Why a version cannot be removed or withdrawn.
#[derive(Debug)]
pub enum Obstacle {
    /// The bucket has no versions, so that another execution may have replaced the object.
    NoVersions,
    /// Object lock or a policy protects the version.
    Denied(Box<S3Error>),
    /// The backup of the replica is gone.
    OnlyCopy,
    /// The copy is larger than the largest part.
    TooLarge,
    /// The derived key of the late backup is not a valid object key.
    LateKey(InvalidName),
    /// The copy among the late backups has another checksum.
    LateCopyDiffers,
}

impl fmt::Display for Obstacle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoVersions => formatter.write_str("the bucket has no versions, and the next copy replaces it."),
            Self::Denied(error) => write!(formatter, "{error}"),
            Self::OnlyCopy => formatter.write_str("its backup is gone, and it is the only copy."),
            Self::TooLarge => formatter.write_str("it is too large to be copied to the late backups in one request."),
            Self::LateKey(error) => write!(formatter, "its key among the late backups is not valid: {error}."),
            Self::LateCopyDiffers => formatter.write_str("its copy among the late backups has another checksum."),
        }
    }
}
