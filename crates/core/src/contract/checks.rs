//! What the types cannot say: which parts of a payload belong together. Every function's payload is read here.

use serde::Deserialize;
use serde_json::Value;

use super::{
    CompleteInput, CopyInput, DigestProgress, Method, NotifyInput, Proven, Replan, ReplicateInput, SliceResult, Stored,
    Transfer, ValidateInput, VerifyInput, VerifyProgress,
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
            input.transfer.check("transfer")?;
            match input.slice {
                Some(slice) => check_slice(&input.transfer, slice).map(drop),
                None if input.transfer.method == Method::Multipart => {
                    wrong("slice", "missing; an object that is copied in parts is copied slice by slice")
                }
                None if input.transfer.source.size > MAX_PART => {
                    wrong("transfer.method", format!("copyObject takes no more than {MAX_PART} bytes"))
                }
                None => Ok(()),
            }
        })
    }
}

impl Payload for CompleteInput {
    fn read(json: &Value) -> Result<Self, InvalidInput> {
        checked(json, |input: &Self| {
            input.transfer.check("transfer")?;
            let layout = open_upload(&input.transfer)?;
            check_results(layout, &input.slices)
        })
    }
}

/// The payload of checksum-verify's mode digest. By its own type, because serde loses the path of an error in an enum
/// with an inner tag.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Digest {
    #[serde(rename = "mode")]
    _mode: Mode,
    transfer: Transfer,
    slice: Slice,
    #[serde(default)]
    resume: Option<DigestProgress>,
}

/// The payload of checksum-verify's mode object.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Object {
    #[serde(rename = "mode")]
    _mode: Mode,
    transfer: Transfer,
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
    Object,
}

/// Any payload of checksum-verify: only its mode is looked at.
#[derive(Deserialize)]
struct AnyMode {
    mode: Mode,
}

impl Payload for VerifyInput {
    fn read(json: &Value) -> Result<Self, InvalidInput> {
        match decode::<AnyMode>(json)?.mode {
            Mode::Digest => {
                let Digest { transfer, slice, resume, .. } = checked(json, check_digest)?;
                Ok(Self::Digest { transfer, slice, resume })
            }
            Mode::Object => {
                let Object { transfer, stored, slices, resume, .. } = checked(json, check_object)?;
                Ok(Self::Object { transfer, stored, slices, resume })
            }
        }
    }
}

fn check_digest(input: &Digest) -> Checked {
    input.transfer.check("transfer")?;
    check_slice(&input.transfer, input.slice)?;
    input.resume.as_ref().map_or(Ok(()), |resume| check_progress("resume", input.slice, resume))
}

fn check_object(input: &Object) -> Checked {
    input.transfer.check("transfer")?;
    check_any_results(&input.transfer, &input.slices)?;
    let Some(resume) = &input.resume else { return Ok(()) };
    let layout = match input.transfer.layout() {
        Some(layout) => layout,
        None => PartLayout::plan(input.transfer.source.size, None)
            .map_err(|error| InvalidInput { path: "transfer.source.size".to_owned(), problem: error.to_string() })?,
    };
    match layout.slices().get(resume.slices.len()) {
        None => wrong("resume.slices", "it has all slices already: there is nothing to go on with"),
        Some(next) => resume.digest.as_ref().map_or(Ok(()), |digest| check_progress("resume.digest", *next, digest)),
    }
}

impl Payload for ReplicateInput {
    fn read(json: &Value) -> Result<Self, InvalidInput> {
        checked(json, |input: &Self| {
            input.transfer.check("transfer")?;
            check_backup(&input.transfer, &input.backup)?;
            if input.replica.bucket == input.backup.destination.bucket {
                return wrong("replica.bucket", format!("{} has the backup already", input.replica.bucket));
            }
            check_replan(input.replan.as_ref())
        })
    }
}

impl Payload for NotifyInput {
    fn read(json: &Value) -> Result<Self, InvalidInput> {
        checked(json, |input: &Self| {
            input.transfer.check("transfer")?;
            check_backup(&input.transfer, &input.backup)?;
            check_any_results(&input.transfer, &input.slices)?;
            input.replica.as_ref().map_or(Ok(()), |replica| replica.check("replica"))
        })
    }
}

impl Transfer {
    /// Whether its parts belong together; `path` is where it stands in the payload.
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
        if u64::from(given) != right {
            let (size, part_size) = (self.source.size, upload.part_size);
            let problem = format!("{size} bytes make {right} parts of {part_size} bytes, not {given}");
            return wrong(format!("{path}.upload.partCount"), problem);
        }
        Ok(())
    }
}

impl Proven {
    fn check(&self, path: &str) -> Checked {
        let evidence = &self.evidence;
        if evidence.source == evidence.copy {
            return Ok(());
        }
        wrong(format!("{path}.evidence.copy"), "it is not the source's value: that proves nothing")
    }
}

fn check_backup(transfer: &Transfer, backup: &Proven) -> Checked {
    if backup.destination != transfer.destination {
        return wrong("backup.destination", "it is not the transfer's destination");
    }
    backup.check("backup")
}

fn check_replan(replan: Option<&Replan>) -> Checked {
    let Some(replan) = replan else { return Ok(()) };
    if replan.attempt < 2 {
        return wrong("replan.attempt", "the first plan that is made anew is attempt 2");
    }
    if ErrorName::parse(&replan.error).is_none() {
        return wrong("replan.error", format!("{:?} is not an error's name", replan.error));
    }
    replan.given_up.check("replan.givenUp")
}

fn open_upload(transfer: &Transfer) -> Result<PartLayout, InvalidInput> {
    let problem = "missing; slices are of an object that is copied in parts";
    transfer.layout().ok_or_else(|| InvalidInput { path: "transfer.upload".to_owned(), problem: problem.to_owned() })
}

fn check_slice(transfer: &Transfer, slice: Slice) -> Checked {
    let count = open_upload(transfer)?.part_count();
    if u64::from(slice.last_part.get()) > count {
        let problem = format!("{} is past the object's parts, which are 1 to {count}", slice.last_part);
        return wrong("slice.lastPart", problem);
    }
    Ok(())
}

fn check_results(layout: PartLayout, results: &[SliceResult]) -> Checked {
    slices::in_order(layout, results).map(drop).or_else(|error| wrong("slices", error.to_string()))
}

/// Results that need not be there: a copy that stood already has none.
fn check_any_results(transfer: &Transfer, results: &[SliceResult]) -> Checked {
    match transfer.layout() {
        _ if results.is_empty() => Ok(()),
        Some(layout) => check_results(layout, results),
        None => wrong("slices", "only an object that is copied in parts has slices"),
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
