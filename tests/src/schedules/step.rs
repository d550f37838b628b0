//! The steps of a schedule. They are data, and print as a list of sentences.

use std::{fmt, time::Duration};

use sandbox::faults::Rule;

/// The keys of uploads: few, so that keys have several versions; with characters that must be encoded.
pub const KEYS: [&str; 3] = ["alpha", "beta/2 ü+&", ".gamma%20/delta"];

/// The size from which objects are copied in parts: the minimum of the template.
pub const MULTIPART_THRESHOLD: usize = 5 << 20;

/// The configuration of the stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deployment {
    /// The source bucket.
    pub source: SourceBucket,
    /// Whether there is a replica.
    pub replica: Replica,
    /// `VERIFY_MODE`.
    pub proof: Proof,
}

/// Whether the source bucket has versioning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceBucket {
    /// Versioning is enabled.
    Versioned,
    /// Versioning was never enabled.
    Unversioned,
}

/// Whether there is a replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replica {
    /// A replica in another region.
    Enabled,
    /// No replica.
    Disabled,
}

/// How backups are proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// By the checksums that S3 stores.
    Stored,
    /// By reading source and copy.
    Streamed,
}

/// An upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Upload {
    /// The index in [`KEYS`].
    pub key: usize,
    /// The letter that all bytes are. The same letter and size give the same entity tag.
    pub letter: char,
    /// The number of bytes.
    pub size: usize,
    /// How it is sent.
    pub method: UploadMethod,
    /// The checksum that the client requests.
    pub checksum: Checksum,
    /// Metadata and tags.
    pub attributes: ExtraAttributes,
}

/// How an object is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UploadMethod {
    /// In one request.
    SingleRequest,
    /// In parts of 5 MiB.
    Multipart,
}

/// A checksum that an SDK can request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checksum {
    /// It is compared without reading the source.
    Crc64Nvme,
    /// The default of SDKs. The source has to be read.
    Crc32,
}

/// The metadata and tags of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExtraAttributes {
    /// Neither.
    None,
    /// Both.
    MetadataAndTags,
    /// So much metadata that it has no room beside the stamp.
    FullMetadata,
}

/// A deletion from the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletion {
    /// The newest version, permanently.
    Newest,
    /// The oldest version, permanently.
    Oldest,
    /// The key: with versioning, a delete marker.
    Key,
}

/// A wait before the next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Until S3 has served this many more requests, or the sandbox is idle.
    Requests(u64),
    /// This long, on the simulated clock.
    Time(Duration),
    /// Until every event is delivered and no execution runs.
    Idle,
}

/// One step of a schedule.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// A client uploads an object.
    Upload(Upload),
    /// A client uploads the second object in one request while the multipart upload of the first is open, for more than
    /// a second.
    OverlappingUploads(Upload, Upload),
    /// A client deletes from the source.
    Delete(usize, Deletion),
    /// The event of the n-th upload is delivered again.
    RepeatEvent(usize),
    /// A fault rule is added.
    Fault(Box<Rule>),
    /// All fault rules are removed.
    RemoveFaults,
    /// A wait.
    Wait(Wait),
    /// The sandbox is stopped in order and restarted on its data.
    Restart,
    /// An operator stops the running execution that was started last.
    StopExecution,
    /// An operator redrives every execution that ended without success.
    Redrive,
    /// Lifecycle aborts the open uploads in the backup and replica buckets.
    AbortOpenUploads,
}

impl fmt::Display for Deployment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = match self.source {
            SourceBucket::Versioned => "a source with versions",
            SourceBucket::Unversioned => "a source without versions",
        };
        let replica = match self.replica {
            Replica::Enabled => "with a replica",
            Replica::Disabled => "without a replica",
        };
        let proof = match self.proof {
            Proof::Stored => "stored",
            Proof::Streamed => "streamed",
        };
        write!(f, "{source}, {replica}, VERIFY_MODE={proof}")
    }
}

impl fmt::Display for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, letter, size, method, checksum, attributes } = self;
        write!(f, "upload {size} bytes {letter:?} to {:?}", KEYS[*key])?;
        f.write_str(match method {
            UploadMethod::SingleRequest => " in one request",
            UploadMethod::Multipart => " in parts",
        })?;
        f.write_str(match checksum {
            Checksum::Crc64Nvme => " with CRC64NVME",
            Checksum::Crc32 => " with CRC32",
        })?;
        f.write_str(match attributes {
            ExtraAttributes::None => "",
            ExtraAttributes::MetadataAndTags => ", with metadata and tags",
            ExtraAttributes::FullMetadata => ", with 2,000 bytes of metadata",
        })
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requests(count) => write!(f, "until S3 has served {count} more requests"),
            Self::Time(time) => write!(f, "{time:?}"),
            Self::Idle => f.write_str("until the sandbox is idle"),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Upload(upload) => upload.fmt(f),
            Self::OverlappingUploads(slow, quick) => write!(f, "overlapping: {slow}, and {quick}"),
            Self::Delete(key, Deletion::Newest) => write!(f, "delete the newest version of {:?}", KEYS[*key]),
            Self::Delete(key, Deletion::Oldest) => write!(f, "delete the oldest version of {:?}", KEYS[*key]),
            Self::Delete(key, Deletion::Key) => write!(f, "delete {:?}", KEYS[*key]),
            Self::RepeatEvent(upload) => write!(f, "deliver the event of upload {upload} again"),
            Self::Fault(rule) => {
                let rule = serde_json::to_string(rule).map_err(|_| fmt::Error)?;
                write!(f, "fault {rule}")
            }
            Self::RemoveFaults => f.write_str("remove every fault rule"),
            Self::Wait(wait) => write!(f, "wait {wait}"),
            Self::Restart => f.write_str("restart the sandbox on its data"),
            Self::StopExecution => f.write_str("stop the execution that was started last"),
            Self::Redrive => f.write_str("redrive every failed execution"),
            Self::AbortOpenUploads => f.write_str("abort the open uploads of backup and replica, as lifecycle does"),
        }
    }
}
