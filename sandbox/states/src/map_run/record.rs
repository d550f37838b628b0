//! The record of a Map Run.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::definition::Workflow;
use sandbox_core::ports::ACCOUNT;

/// The status of a Map Run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum MapRunStatus {
    Running,
    /// The number of failed items is within the tolerance.
    Succeeded,
    Failed,
    /// Its execution ended, or its state was aborted.
    Aborted,
}

impl MapRunStatus {
    /// AWS's name of the status.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::Aborted => "ABORTED",
        }
    }
}

/// The origin of a Map Run: an entry into a state in a flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Origin {
    /// The execution's ARN.
    pub(crate) execution: String,
    /// The path of the flow.
    pub(crate) path: String,
    /// The event of the entry into the state.
    pub(crate) entered_event: u64,
}

/// The settings that can change while a Map Run runs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Settings {
    /// The maximum number of concurrent children; 0 for no limit of its own.
    pub(crate) max_concurrency: u64,
    /// The number of items that may fail; `None` if only the percentage counts.
    pub(crate) tolerated_count: Option<u64>,
    /// The percentage of items that may fail; `None` if only the count counts.
    pub(crate) tolerated_percentage: Option<f64>,
}

impl Settings {
    /// Whether the number of failed items exceeds the tolerance. Without settings one failed item does
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

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct MapRunRecord {
    /// The ID at the end of the ARN.
    pub(crate) id: String,
    pub(crate) region: String,
    /// The name of its state machine.
    pub(crate) machine: String,
    /// The revision of its state machine.
    pub(crate) revision: String,
    /// The name of its Map state.
    pub(crate) state: String,
    /// The name of the Map state in ARNs.
    pub(crate) label: String,
    /// The workflow type of its children.
    pub(crate) workflow: Workflow,
    pub(crate) origin: Origin,
    /// Its number among all Map Runs, to list the newest first.
    pub(crate) number: u64,
    pub(crate) status: MapRunStatus,
    /// When it started, in milliseconds since 1970.
    pub(crate) started: i64,
    /// When it ended, in milliseconds since 1970.
    pub(crate) stopped: Option<i64>,
    pub(crate) settings: Settings,
    /// The number of children; `None` before the items are read.
    pub(crate) children: Option<usize>,
    /// The number of items.
    pub(crate) items: u64,
    /// Whether the results were returned or written.
    pub(crate) results_written: bool,
    /// The name of the error that ended it.
    pub(crate) error: Option<String>,
    /// The cause of the error.
    #[serde(default)]
    pub(crate) cause: Option<String>,
    /// The number of redrives.
    pub(crate) redrives: u32,
    /// The time of the last redrive, in milliseconds since 1970.
    pub(crate) redriven: Option<i64>,
    /// The number of redrives of its execution at its last start.
    pub(crate) execution_redrives: u32,
}

impl MapRunRecord {
    /// The ARN, for example `arn:aws:states:eu-west-1:000000000000:mapRun:machine/label:3c39a231-…`.
    pub(crate) fn arn(&self) -> String {
        let Self { region, machine, label, id, .. } = self;
        format!("arn:aws:states:{region}:{ACCOUNT}:mapRun:{machine}/{label}:{id}")
    }

    /// The ARN of the state machine of its children.
    pub(crate) fn machine_arn(&self) -> String {
        let Self { region, machine, label, .. } = self;
        format!("arn:aws:states:{region}:{ACCOUNT}:stateMachine:{machine}/{label}")
    }

    /// The ARN of its state machine.
    pub(crate) fn machine_arn_without_label(&self) -> String {
        let Self { region, machine, .. } = self;
        format!("arn:aws:states:{region}:{ACCOUNT}:stateMachine:{machine}")
    }

    /// The name of a child. It is derived from the index, so it need not be stored.
    pub(crate) fn child_name(&self, index: usize) -> String {
        Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{}/{index}", self.id).as_bytes()).to_string()
    }

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
    fn a_map_run_fails_above_either_threshold_and_not_at_it() {
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
