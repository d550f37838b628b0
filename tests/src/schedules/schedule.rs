//! The schedule of a seed: the deployment and the list of steps.
//!
//! It is a pure function of the seed. It depends on no clock, no service and no result of an earlier step, so the list
//! that a failing seed prints is the list that was run.

use std::{fmt, time::Duration};

use super::{
    random_faults,
    rng::Rng,
    step::{
        Checksum, Deletion, Deployment, ExtraAttributes, KEYS, MULTIPART_THRESHOLD, Proof, Replica, SourceBucket, Step,
        Upload, UploadMethod, Wait,
    },
};

/// The sizes of objects that are copied in one request, in bytes.
const SMALL: [usize; 4] = [0, 1, 1_000, 70_000];
/// The sizes of objects that are copied in parts, in bytes: from the threshold to three parts.
const LARGE: [usize; 4] = [MULTIPART_THRESHOLD, MULTIPART_THRESHOLD + 1, 6 << 20, (10 << 20) + 1];

/// A schedule.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// The seed.
    pub seed: u64,
    /// The deployment.
    pub deployment: Deployment,
    /// The steps, in order. After them, all executions are finished.
    pub steps: Vec<Step>,
}

impl Schedule {
    /// The schedule of a seed.
    pub fn of(seed: u64) -> Self {
        let mut rng = Rng::from_seed(seed);
        let deployment = Deployment {
            source: rng.weighted(&[(3, SourceBucket::Versioned), (1, SourceBucket::Unversioned)]),
            replica: rng.pick(&[Replica::Enabled, Replica::Disabled]),
            proof: rng.weighted(&[(6, Proof::Stored), (1, Proof::Streamed)]),
        };
        let mut builder = ScheduleBuilder { rng, uploads: 0, steps: Vec::new() };
        builder.build();
        Self { seed, deployment, steps: builder.steps }
    }

    /// The number of uploads.
    pub fn uploads(&self) -> usize {
        let count = |step: &Step| match step {
            Step::Upload(_) => 1,
            Step::OverlappingUploads(..) => 2,
            _ => 0,
        };
        self.steps.iter().map(count).sum()
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "schedule {}: {}", self.seed, self.deployment)?;
        for (number, step) in (1..).zip(&self.steps) {
            writeln!(f, "  {number:>2}. {step}")?;
        }
        Ok(())
    }
}

struct ScheduleBuilder {
    rng: Rng,
    uploads: usize,
    steps: Vec<Step>,
}

impl ScheduleBuilder {
    fn build(&mut self) {
        let keys = self.rng.between(1, KEYS.len() as u64);
        for _ in 0..self.rng.weighted(&[(2, 0), (3, 1), (3, 2), (2, 3)]) {
            self.fault();
        }
        for _ in 0..self.rng.between(2, 6) {
            if self.rng.percent(25) {
                self.fault();
            }
            let key = self.rng.below(keys);
            let upload = self.upload(usize::try_from(key).unwrap_or_default());
            let step = if upload.method == UploadMethod::Multipart && self.rng.percent(25) {
                Step::OverlappingUploads(
                    upload,
                    Upload { method: UploadMethod::SingleRequest, ..self.upload(upload.key) },
                )
            } else {
                Step::Upload(upload)
            };
            self.uploads += if matches!(step, Step::Upload(_)) { 1 } else { 2 };
            self.steps.push(step);
            if let Some(wait) = self.wait() {
                self.steps.push(Step::Wait(wait));
            }
            while self.rng.percent(35) {
                let step = self.between_uploads(key);
                self.steps.push(step);
                if let Some(wait) = self.wait() {
                    self.steps.push(Step::Wait(wait));
                }
            }
        }
    }

    fn fault(&mut self) {
        self.steps.push(Step::Fault(Box::new(random_faults::random_rule(&mut self.rng))));
    }

    fn upload(&mut self, key: usize) -> Upload {
        let letter = self.rng.pick(&['A', 'B', 'C']);
        let size = if self.rng.percent(25) { self.rng.pick(&LARGE) } else { self.rng.pick(&SMALL) };
        let in_parts = size > MULTIPART_THRESHOLD && self.rng.percent(70);
        Upload {
            key,
            letter,
            size,
            method: if in_parts { UploadMethod::Multipart } else { UploadMethod::SingleRequest },
            checksum: self.rng.weighted(&[(3, Checksum::Crc64Nvme), (1, Checksum::Crc32)]),
            attributes: self.rng.weighted(&[
                (6, ExtraAttributes::None),
                (2, ExtraAttributes::MetadataAndTags),
                (1, ExtraAttributes::FullMetadata),
            ]),
        }
    }

    fn between_uploads(&mut self, key: u64) -> Step {
        let key = usize::try_from(key).unwrap_or_default();
        match self.rng.weighted(&[(6, 0), (4, 1), (5, 2), (2, 3), (2, 4), (2, 5), (2, 6)]) {
            0 => {
                let what = [(2, Deletion::Newest), (2, Deletion::Oldest), (3, Deletion::Key)];
                Step::Delete(key, self.rng.weighted(&what))
            }
            1 => Step::RepeatEvent(self.rng.index(self.uploads)),
            2 => Step::Restart,
            3 => Step::StopExecution,
            4 => Step::Redrive,
            5 => Step::RemoveFaults,
            _ => Step::AbortOpenUploads,
        }
    }

    fn wait(&mut self) -> Option<Wait> {
        match self.rng.weighted(&[(4, 0), (4, 1), (2, 2), (1, 3)]) {
            0 => None,
            1 => Some(Wait::Requests(self.rng.between(1, 30))),
            2 => {
                let longest = self.rng.pick(&[100, 5_000, 300_000]);
                Some(Wait::Time(Duration::from_millis(self.rng.between(1, longest))))
            }
            _ => Some(Wait::Idle),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_always_has_the_same_schedule() {
        assert_eq!(Schedule::of(7), Schedule::of(7));
        assert_ne!(Schedule::of(7).steps, Schedule::of(8).steps);
    }

    #[test]
    fn three_hundred_seeds_cover_every_kind_of_step_and_upload() {
        let schedules: Vec<_> = (0..300).map(Schedule::of).collect();
        let text: String = schedules.iter().map(Schedule::to_string).collect();

        for part in [
            "with versions",
            "without versions",
            "with a replica",
            "without a replica",
            "streamed",
            "in one request",
            "in parts",
            "overlapping",
            "CRC64NVME",
            "CRC32",
            "metadata and tags",
            "2,000 bytes of metadata",
            "the newest version",
            "the oldest version",
            "delete \"alpha\"",
            "deliver the event",
            "restart",
            "stop the execution",
            "redrive",
            "lifecycle",
            "idle",
            "remove every fault",
            "inside200",
            "NoSuchUpload",
            "PreconditionFailed",
            "TooManyRequestsException",
            "\"drop\":\"before\"",
            "\"drop\":\"after\"",
            "\"kill\":\"before\"",
            "\"kill\":\"during\"",
            "\"kill\":\"after\"",
            "functionError",
            "latency",
            "flip",
            "repeat",
            "delay",
            "reorder",
            "probability",
        ] {
            assert!(text.contains(part), "no schedule has {part:?}");
        }
        assert!(schedules.iter().all(|schedule| schedule.uploads() >= 2));
    }
}
