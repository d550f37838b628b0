//! What is known of a Map Run and of its part in an execution.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::definition::Workflow;
use sandbox_core::ports::ACCOUNT;

/// The status of a Map Run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum MapRunStatus {
    /// It runs.
    Running,
    /// No more items failed than it tolerates.
    Succeeded,
    /// It failed.
    Failed,
    /// The execution that it is part of ended, or gave up the state.
    Aborted,
}

impl MapRunStatus {
    /// AWS's name for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::Aborted => "ABORTED",
        }
    }
}

/// Where in an execution a Map Run belongs: an entry into a state on a line of work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Origin {
    /// The execution's ARN.
    pub(crate) execution: String,
    /// The path of the line of work.
    pub(crate) path: String,
    /// The event with which it entered the state.
    pub(crate) entered_event: u64,
}

/// What may be changed while a Map Run runs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Settings {
    /// How many children run at one time; 0 for as many as there may be.
    pub(crate) max_concurrency: u64,
    /// How many items may fail; none where only the percentage counts.
    pub(crate) tolerated_count: Option<u64>,
    /// How many of a hundred items may fail; none where only the count counts.
    pub(crate) tolerated_percentage: Option<f64>,
}

impl Settings {
    /// Whether so many failed items are too many. Where nothing is set, one is
    /// (`state-map-distributed.html`, "Setting failure thresholds").
    pub(crate) fn are_exceeded(&self, failed: u64, total: u64) -> bool {
        if failed == 0 {
            return false;
        }
        #[expect(clippy::cast_precision_loss, reason = "there are at most 100 million items")]
        let percentage = failed as f64 * 100.0 / total.max(1) as f64;
        match (self.tolerated_count, self.tolerated_percentage) {
            (None, None) => true,
            (count, most) => count.is_some_and(|count| failed > count) || most.is_some_and(|most| percentage > most),
        }
    }
}

/// The record of a Map Run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct MapRunRecord {
    /// The id at the end of its ARN.
    pub(crate) id: String,
    /// Its region.
    pub(crate) region: String,
    /// The name of its state machine.
    pub(crate) machine: String,
    /// The revision of that.
    pub(crate) revision: String,
    /// The name of its Map state.
    pub(crate) state: String,
    /// The name of that state in ARNs.
    pub(crate) label: String,
    /// What its children are.
    pub(crate) workflow: Workflow,
    /// Where it belongs.
    pub(crate) origin: Origin,
    /// Its place among all Map Runs, to list the newest first.
    pub(crate) number: u64,
    /// Its status.
    pub(crate) status: MapRunStatus,
    /// When it started.
    pub(crate) started: i64,
    /// When it ended.
    pub(crate) stopped: Option<i64>,
    /// What may be changed.
    pub(crate) settings: Settings,
    /// How many children it has in all; none before the items were read.
    pub(crate) children: Option<usize>,
    /// How many items there are.
    pub(crate) items: u64,
    /// Whether the results were handed on.
    pub(crate) results_written: bool,
    /// The name of the error that ended it.
    pub(crate) error: Option<String>,
    /// The cause of that error.
    #[serde(default)]
    pub(crate) cause: Option<String>,
    /// How often it was redriven.
    pub(crate) redrives: u32,
    /// When it was last redriven.
    pub(crate) redriven: Option<i64>,
    /// How often its execution had been redriven when it last began.
    pub(crate) execution_redrives: u32,
}

impl MapRunRecord {
    /// Its ARN, for example `arn:aws:states:eu-west-1:000000000000:mapRun:machine/label:3c39a231-…`.
    pub(crate) fn arn(&self) -> String {
        let Self { region, machine, label, id, .. } = self;
        format!("arn:aws:states:{region}:{ACCOUNT}:mapRun:{machine}/{label}:{id}")
    }

    /// What its children have as the ARN of their state machine.
    pub(crate) fn machine_arn(&self) -> String {
        let Self { region, machine, label, .. } = self;
        format!("arn:aws:states:{region}:{ACCOUNT}:stateMachine:{machine}/{label}")
    }

    /// The ARN of its state machine.
    pub(crate) fn whole_machine_arn(&self) -> String {
        let Self { region, machine, .. } = self;
        format!("arn:aws:states:{region}:{ACCOUNT}:stateMachine:{machine}")
    }

    /// The name of a child. It follows from its place, so that it is found again without being noted anywhere.
    pub(crate) fn child_name(&self, index: usize) -> String {
        Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{}/{index}", self.id).as_bytes()).to_string()
    }

    /// The ARN of a child.
    pub(crate) fn child_arn(&self, index: usize) -> String {
        let Self { region, machine, label, .. } = self;
        format!("arn:aws:states:{region}:{ACCOUNT}:execution:{machine}/{label}:{}", self.child_name(index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(tolerated_count: Option<u64>, tolerated_percentage: Option<f64>) -> Settings {
        Settings { max_concurrency: 0, tolerated_count, tolerated_percentage }
    }

    #[test]
    fn a_map_run_fails_when_either_threshold_is_passed_and_not_when_it_is_reached() {
        for (tolerated, failed, exceeded) in [
            (settings(None, None), 0, false),
            (settings(None, None), 1, true),
            (settings(Some(2), None), 2, false),
            (settings(Some(2), None), 3, true),
            (settings(None, Some(20.0)), 2, false),
            (settings(None, Some(20.0)), 3, true),
            (settings(Some(5), Some(20.0)), 3, true),
            (settings(Some(1), Some(90.0)), 2, true),
            (settings(None, Some(100.0)), 10, false),
        ] {
            assert_eq!(tolerated.are_exceeded(failed, 10), exceeded, "{tolerated:?} with {failed} of 10");
        }
    }
}
