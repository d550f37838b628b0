//! The schedule of a seed: what is deployed, uploaded, deleted, repeated and restarted, and in which order.
//!
//! A pure function. Nothing here looks at a clock, a service or what earlier steps led to, so that the list that a
//! failing seed prints is the list that was run.

use std::{fmt, time::Duration};

use super::{
    dice::Dice,
    step::{
        Checksum, Deletion, Deployment, Dress, KEYS, MULTIPART_THRESHOLD, Proof, Replica, Sent, SourceBucket, Step,
        Upload, Wait,
    },
    trouble,
};

/// Bytes of objects that are copied at once.
const SMALL: [usize; 4] = [0, 1, 1_000, 70_000];
/// Bytes of objects that are copied in parts: the least, one part, two or three of a source that came in parts.
const LARGE: [usize; 4] = [MULTIPART_THRESHOLD, MULTIPART_THRESHOLD + 1, 6 << 20, (10 << 20) + 1];

/// A schedule.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// What it was made of.
    pub seed: u64,
    /// What is deployed.
    pub deployment: Deployment,
    /// What happens, in this order. What has not ended at the end is then brought to its end.
    pub steps: Vec<Step>,
}

impl Schedule {
    /// The schedule of a seed.
    pub fn of(seed: u64) -> Self {
        let mut dice = Dice::of(seed);
        let deployment = Deployment {
            source: dice.weighted(&[(3, SourceBucket::Versioned), (1, SourceBucket::Unversioned)]),
            replica: dice.pick(&[Replica::Wanted, Replica::None]),
            proof: dice.weighted(&[(6, Proof::Stored), (1, Proof::Streamed)]),
        };
        let mut making = Making { dice, uploads: 0, steps: Vec::new() };
        making.make();
        Self { seed, deployment, steps: making.steps }
    }

    /// How many uploads there are.
    pub fn uploads(&self) -> usize {
        let count = |step: &Step| match step {
            Step::Upload(_) => 1,
            Step::UploadAcross(..) => 2,
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

struct Making {
    dice: Dice,
    uploads: usize,
    steps: Vec<Step>,
}

impl Making {
    fn make(&mut self) {
        let keys = self.dice.between(1, KEYS.len() as u64);
        for _ in 0..self.dice.weighted(&[(2, 0), (3, 1), (3, 2), (2, 3)]) {
            self.fault();
        }
        for _ in 0..self.dice.between(2, 6) {
            if self.dice.percent(25) {
                self.fault();
            }
            let key = self.dice.below(keys);
            let upload = self.upload(usize::try_from(key).unwrap_or_default());
            let step = if upload.sent == Sent::InParts && self.dice.percent(25) {
                Step::UploadAcross(upload, Upload { sent: Sent::AtOnce, ..self.upload(upload.key) })
            } else {
                Step::Upload(upload)
            };
            self.uploads += if matches!(step, Step::Upload(_)) { 1 } else { 2 };
            self.steps.push(step);
            if let Some(wait) = self.wait() {
                self.steps.push(Step::Wait(wait));
            }
            while self.dice.percent(35) {
                let step = self.between_uploads(key);
                self.steps.push(step);
                if let Some(wait) = self.wait() {
                    self.steps.push(Step::Wait(wait));
                }
            }
        }
    }

    fn fault(&mut self) {
        self.steps.push(Step::Fault(Box::new(trouble::rule(&mut self.dice))));
    }

    fn upload(&mut self, key: usize) -> Upload {
        let letter = self.dice.pick(&['A', 'B', 'C']);
        let size = if self.dice.percent(25) { self.dice.pick(&LARGE) } else { self.dice.pick(&SMALL) };
        let in_parts = size > MULTIPART_THRESHOLD && self.dice.percent(70);
        Upload {
            key,
            letter,
            size,
            sent: if in_parts { Sent::InParts } else { Sent::AtOnce },
            checksum: self.dice.weighted(&[(3, Checksum::Crc64Nvme), (1, Checksum::Crc32)]),
            dress: self.dice.weighted(&[(6, Dress::Plain), (2, Dress::Tagged), (1, Dress::FullOfMetadata)]),
        }
    }

    fn between_uploads(&mut self, key: u64) -> Step {
        let key = usize::try_from(key).unwrap_or_default();
        match self.dice.weighted(&[(6, 0), (4, 1), (5, 2), (2, 3), (2, 4), (2, 5), (2, 6)]) {
            0 => {
                let what = [(2, Deletion::Newest), (2, Deletion::Oldest), (3, Deletion::Key)];
                Step::Delete(key, self.dice.weighted(&what))
            }
            1 => Step::EventAgain(self.dice.index(self.uploads)),
            2 => Step::Restart,
            3 => Step::StopExecution,
            4 => Step::Redrive,
            5 => Step::LiftFaults,
            _ => Step::RemoveOpenUploads,
        }
    }

    fn wait(&mut self) -> Option<Wait> {
        match self.dice.weighted(&[(4, 0), (4, 1), (2, 2), (1, 3)]) {
            0 => None,
            1 => Some(Wait::Requests(self.dice.between(1, 30))),
            2 => {
                let longest = self.dice.pick(&[100, 5_000, 300_000]);
                Some(Wait::Time(Duration::from_millis(self.dice.between(1, longest))))
            }
            _ => Some(Wait::Quiet),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_is_the_same_schedule_and_another_one_another() {
        assert_eq!(Schedule::of(7), Schedule::of(7));
        assert_ne!(Schedule::of(7).steps, Schedule::of(8).steps);
    }

    #[test]
    fn three_hundred_seeds_have_every_kind_of_step_and_of_upload() {
        let schedules: Vec<_> = (0..300).map(Schedule::of).collect();
        let text: String = schedules.iter().map(Schedule::to_string).collect();
        for part in [
            "with versions",
            "without versions",
            "with a replica",
            "without a replica",
            "streamed",
            "at once",
            "in parts",
            "and meanwhile",
            "CRC64NVME",
            "CRC32",
            "metadata and tags",
            "full of metadata",
            "the newest version",
            "the oldest version",
            "delete \"alpha\"",
            "once more",
            "start it again",
            "stop the execution",
            "redrive",
            "lifecycle",
            "nothing moves",
            "lift every fault",
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
