//! What a schedule consists of, as data that prints as a list of sentences.

use std::{fmt, time::Duration};

use sandbox::faults::Rule;

/// The keys that uploads go to: few, so that versions meet; odd, so that they are encoded.
pub const KEYS: [&str; 3] = ["alpha", "beta/2 ü+&", ".gamma%20/delta"];

/// From here on objects are copied in parts: the least that the template allows.
pub const MULTIPART_THRESHOLD: usize = 5 << 20;

/// What the stack is deployed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deployment {
    /// Whether the source bucket keeps versions.
    pub source: SourceBucket,
    /// Whether there is a second copy.
    pub replica: Replica,
    /// `VERIFY_MODE`.
    pub proof: Proof,
}

/// Whether the source bucket keeps versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceBucket {
    /// It does.
    Versioned,
    /// It never did.
    Unversioned,
}

/// Whether there is a second copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replica {
    /// In another region.
    Wanted,
    /// There is none.
    None,
}

/// How backups are proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// By the checksums that S3 stored.
    Stored,
    /// By reading both sides.
    Streamed,
}

/// An object to be uploaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Upload {
    /// Index among [`KEYS`].
    pub key: usize,
    /// Which bytes: the same letter and size are the same bytes, so that entity tags come again.
    pub letter: char,
    /// How many.
    pub size: usize,
    /// How it is sent.
    pub sent: Sent,
    /// The checksum that its sender asks S3 to keep.
    pub checksum: Checksum,
    /// What it carries besides its bytes.
    pub dress: Dress,
}

/// How an object is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// In one request.
    AtOnce,
    /// In parts of 5 MiB.
    InParts,
}

/// A checksum that an SDK may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checksum {
    /// Comparable without reading.
    Crc64Nvme,
    /// The default of SDKs: the source has to be read.
    Crc32,
}

/// What an object carries besides its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dress {
    /// Nothing.
    Plain,
    /// Metadata and tags.
    Tagged,
    /// So much metadata that the stamp has no room.
    FullOfMetadata,
}

/// What is removed from the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletion {
    /// The newest version, for good.
    Newest,
    /// The oldest version, for good.
    Oldest,
    /// The key: a delete marker where versions are kept.
    Key,
}

/// How long a schedule waits before its next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Until S3 has served so many more requests, whoever made them, or nothing moves.
    Requests(u64),
    /// So long, on the clock of the simulation.
    Time(Duration),
    /// Until every event is delivered and no execution runs.
    Quiet,
}

/// One step of a schedule.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Somebody uploads an object.
    Upload(Upload),
    /// Somebody uploads an object at once while the parts of the first are on their way to the same key, for more than
    /// a second.
    UploadAcross(Upload, Upload),
    /// Somebody deletes from the source.
    Delete(usize, Deletion),
    /// The event of the n-th upload is delivered once more.
    EventAgain(usize),
    /// Something begins to go wrong.
    Fault(Box<Rule>),
    /// Nothing goes wrong any more.
    LiftFaults,
    /// Time passes.
    Wait(Wait),
    /// The sandbox is stopped in order and started again on its data.
    Restart,
    /// Somebody stops the execution that was started last and still runs.
    StopExecution,
    /// Somebody redrives every execution that has ended badly so far.
    Redrive,
    /// Lifecycle removes the uploads that are open in the backup and replica buckets.
    RemoveOpenUploads,
}

impl fmt::Display for Deployment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = match self.source {
            SourceBucket::Versioned => "a source with versions",
            SourceBucket::Unversioned => "a source without versions",
        };
        let replica = match self.replica {
            Replica::Wanted => "with a replica",
            Replica::None => "without a replica",
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
        let Self { key, letter, size, sent, checksum, dress } = self;
        write!(f, "upload {size} bytes {letter:?} to {:?}", KEYS[*key])?;
        f.write_str(match sent {
            Sent::AtOnce => " at once",
            Sent::InParts => " in parts",
        })?;
        f.write_str(match checksum {
            Checksum::Crc64Nvme => " with CRC64NVME",
            Checksum::Crc32 => " with CRC32",
        })?;
        f.write_str(match dress {
            Dress::Plain => "",
            Dress::Tagged => ", with metadata and tags",
            Dress::FullOfMetadata => ", full of metadata",
        })
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requests(count) => write!(f, "until S3 has served {count} more requests"),
            Self::Time(time) => write!(f, "{time:?}"),
            Self::Quiet => f.write_str("until nothing moves"),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Upload(upload) => upload.fmt(f),
            Self::UploadAcross(slow, quick) => write!(f, "{slow}, and meanwhile {quick}"),
            Self::Delete(key, Deletion::Newest) => write!(f, "delete the newest version of {:?} for good", KEYS[*key]),
            Self::Delete(key, Deletion::Oldest) => write!(f, "delete the oldest version of {:?} for good", KEYS[*key]),
            Self::Delete(key, Deletion::Key) => write!(f, "delete {:?}", KEYS[*key]),
            Self::EventAgain(upload) => write!(f, "deliver the event of upload {upload} once more"),
            Self::Fault(rule) => {
                let rule = serde_json::to_string(rule).map_err(|_| fmt::Error)?;
                write!(f, "fault {rule}")
            }
            Self::LiftFaults => f.write_str("lift every fault"),
            Self::Wait(wait) => write!(f, "wait {wait}"),
            Self::Restart => f.write_str("stop the sandbox and start it again on its data"),
            Self::StopExecution => f.write_str("stop the execution that was started last"),
            Self::Redrive => f.write_str("redrive what has failed so far"),
            Self::RemoveOpenUploads => f.write_str("remove the open uploads of backup and replica, as lifecycle does"),
        }
    }
}
