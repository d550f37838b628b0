//! Reads the payload of every function, and checks what the types cannot: that the fields agree with each other.

use serde::Deserialize;
use serde_json::Value;

use super::{
    Backup, CompleteInput, Copy, CopyInput, DigestProgress, Method, NotifyInput, ProvenCopy, Replan, ReplicateInput,
    SliceResult, Stored, ValidateInput, VerifyInput, VerifyProgress,
};
use crate::{
    ErrorName,
    event::{InvalidInput, decode},
    layout::{MAX_PART, PartLayout, Slice},
    payload::{Payload, checked},
    slices,
};

type Checked = Result<(), InvalidInput>;

fn wrong(path: impl Into<String>, problem: impl Into<String>) -> Checked {
    Err(InvalidInput { path: path.into(), problem: problem.into() })
}

impl Payload for ValidateInput {
    fn read(json: &Value) -> Result<Self, InvalidInput> {
        checked(json, |input: &Self| check_replan(input.replan.as_ref()))
    }
}

impl Payload for CopyInput {
    fn read(json: &Value) -> Result<Self, InvalidInput> {
        checked(json, |input: &Self| {
            input.copy.check("copy")?;
            match input.slice {
                Some(slice) => check_slice(&input.copy, slice),
                None if input.copy.method == Method::Multipart => {
                    wrong("slice", "missing; a multipart copy is made slice by slice")
                }
                None if input.copy.source.size > MAX_PART => {
                    wrong("copy.method", format!("copyObject takes no more than {MAX_PART} bytes"))
                }
                None => Ok(()),
            }
        })
    }
}

impl Payload for CompleteInput {
    fn read(json: &Value) -> Result<Self, InvalidInput> {
        checked(json, |input: &Self| {
            input.copy.check("copy")?;
            let layout = open_upload(&input.copy)?;
            check_results(layout, &input.slices)
        })
    }
}

/// The payload of checksum-verify in mode digest. It has its own type, because serde loses the path of an error in an
/// internally tagged enum.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Digest {
    copy: Copy,
    slice: Slice,
    #[serde(default)]
    resume: Option<DigestProgress>,
}

/// The payload of checksum-verify in mode backup.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BackupMode {
    backup: Backup,
    stored: Stored,
    #[serde(default)]
    slices: Vec<SliceResult>,
    #[serde(default)]
    resume: Option<VerifyProgress>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum Mode {
    Digest,
    Backup,
}

/// The mode of a payload of checksum-verify.
#[derive(Deserialize)]
struct AnyMode {
    mode: Mode,
}

impl Payload for VerifyInput {
    fn read(json: &Value) -> Result<Self, InvalidInput> {
        match decode::<AnyMode>(json)?.mode {
            Mode::Digest => {
                let Digest { copy, slice, resume } = checked(json, check_digest)?;
                Ok(Self::Digest { copy: Box::new(copy), slice, resume })
            }
            Mode::Backup => {
                let BackupMode { backup, stored, slices, resume } = checked(json, check_backup_mode)?;
                Ok(Self::Backup { backup: Box::new(backup), stored, slices, resume })
            }
        }
    }
}

fn check_digest(input: &Digest) -> Checked {
    input.copy.check("copy")?;
    check_slice(&input.copy, input.slice)?;
    input.resume.as_ref().map_or(Ok(()), |resume| check_progress("resume", input.slice, resume))
}

fn check_backup_mode(input: &BackupMode) -> Checked {
    input.backup.check("backup")?;
    let copy = &input.backup.copy;
    check_any_results(copy, &input.slices)?;
    let Some(resume) = &input.resume else { return Ok(()) };
    let layout = match copy.layout() {
        Some(layout) => layout,
        None => PartLayout::plan(copy.source.size, None)
            .map_err(|error| InvalidInput { path: "backup.copy.source.size".to_owned(), problem: error.to_string() })?,
    };
    match layout.slices().get(resume.slices.len()) {
        None => wrong("resume.slices", "it has all slices already, so there is nothing to continue"),
        Some(next) => resume.digest.as_ref().map_or(Ok(()), |digest| check_progress("resume.digest", *next, digest)),
    }
}

impl Payload for ReplicateInput {
    fn read(json: &Value) -> Result<Self, InvalidInput> {
        checked(json, |input: &Self| {
            input.backup.check("backup")?;
            check_proven(&input.backup, &input.proven)?;
            if input.replica.bucket == input.proven.destination.bucket {
                return wrong("replica.bucket", format!("{} is the bucket of the backup", input.replica.bucket));
            }
            check_replan(input.replan.as_ref())
        })
    }
}

impl Payload for NotifyInput {
    fn read(json: &Value) -> Result<Self, InvalidInput> {
        checked(json, |input: &Self| {
            input.backup.check("backup")?;
            check_proven(&input.backup, &input.proven)?;
            check_any_results(&input.backup.copy, &input.slices)?;
            input.replica.as_ref().map_or(Ok(()), |replica| replica.check("replica"))
        })
    }
}

impl Backup {
    /// Checks that the fields agree with each other. `path` is the position in the payload.
    fn check(&self, path: &str) -> Checked {
        self.copy.check(&format!("{path}.copy"))?;
        if self.copy.stamp().as_ref() != Some(&self.stamp) {
            let problem = "it is not the stamp in copy.attributes.metadata";
            return wrong(format!("{path}.stamp"), problem);
        }
        Ok(())
    }
}

impl Copy {
    /// Checks that the fields agree with each other. `path` is the position in the payload.
    fn check(&self, path: &str) -> Checked {
        if self.destination.bucket == self.source.bucket {
            let bucket = &self.source.bucket;
            return wrong(format!("{path}.destination.bucket"), format!("{bucket} is the source's own bucket"));
        }
        self.attributes.check(&format!("{path}.attributes"))?;
        let (Some(upload), Some(layout)) = (&self.upload, self.layout()) else { return Ok(()) };
        if self.method == Method::CopyObject {
            return wrong(format!("{path}.upload"), "a copy in one request has no upload");
        }
        let (given, right) = (upload.part_count, layout.part_count());
        if given != right {
            let (size, part_size) = (self.source.size, upload.part_size);
            let problem = format!("{size} bytes make {right} parts of {part_size} bytes, not {given}");
            return wrong(format!("{path}.upload.partCount"), problem);
        }
        Ok(())
    }
}

impl ProvenCopy {
    fn check(&self, path: &str) -> Checked {
        let evidence = &self.evidence;
        if evidence.source == evidence.copy {
            return Ok(());
        }
        wrong(format!("{path}.evidence.copy"), "it differs from the source's value, so it proves nothing")
    }
}

fn check_proven(backup: &Backup, proven: &ProvenCopy) -> Checked {
    if proven.destination != backup.copy.destination {
        return wrong("proven.destination", "it is not the destination of the backup's copy");
    }
    proven.check("proven")
}

fn check_replan(replan: Option<&Replan>) -> Checked {
    let Some(replan) = replan else { return Ok(()) };
    if replan.attempt < 2 {
        return wrong("replan.attempt", "the second plan is attempt 2");
    }
    if ErrorName::parse(&replan.error).is_none() {
        return wrong("replan.error", format!("{:?} is not an error's name", replan.error));
    }
    replan.given_up.check("replan.givenUp")
}

fn open_upload(copy: &Copy) -> Result<PartLayout, InvalidInput> {
    let problem = "missing; only a multipart copy has slices";
    copy.layout().ok_or_else(|| InvalidInput { path: "copy.upload".to_owned(), problem: problem.to_owned() })
}

fn check_slice(copy: &Copy, slice: Slice) -> Checked {
    let count = open_upload(copy)?.part_count();
    if u64::from(slice.last_part.get()) > count {
        let problem = format!("{} is past the object's parts, which are 1 to {count}", slice.last_part);
        return wrong("slice.lastPart", problem);
    }
    Ok(())
}

fn check_results(layout: PartLayout, results: &[SliceResult]) -> Checked {
    slices::in_order(layout, results).map(drop).or_else(|error| wrong("slices", error.to_string()))
}

/// Checks results that may be absent: a copy that was found already published has none.
fn check_any_results(copy: &Copy, results: &[SliceResult]) -> Checked {
    match copy.layout() {
        _ if results.is_empty() => Ok(()),
        Some(layout) => check_results(layout, results),
        None => wrong("slices", "only a multipart copy has slices"),
    }
}

fn check_progress(path: &str, slice: Slice, progress: &DigestProgress) -> Checked {
    let DigestProgress { next_part, part_sha256, .. } = progress;
    let before = next_part.get().checked_sub(slice.first_part.get());
    if slice.contains(*next_part) && before == u32::try_from(part_sha256.len()).ok() {
        return Ok(());
    }
    let (first, last, digested) = (slice.first_part, slice.last_part, part_sha256.len());
    let problem = format!("of parts {first} to {last} {digested} are digested, so part {next_part} cannot be next");
    wrong(path, problem)
}
