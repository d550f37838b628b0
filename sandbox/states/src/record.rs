//! The record of an execution: everything except its history and its flows.

use serde::{Deserialize, Serialize};

use super::{clock, definition::Workflow};

/// The status of an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Status {
    Running,
    Succeeded,
    /// A state failed.
    Failed,
    /// It exceeded the machine's `TimeoutSeconds`.
    TimedOut,
    /// A request stopped it.
    Aborted,
}

impl Status {
    /// AWS's name of the status.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::TimedOut => "TIMED_OUT",
            Self::Aborted => "ABORTED",
        }
    }
}

/// The role of an execution in the Map Run that started it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Child {
    /// The Map Run's ARN.
    pub(crate) map_run: String,
    /// The name of the Map state whose processor it runs.
    pub(crate) state: String,
    pub(crate) workflow: Workflow,
    /// The number of items in its input.
    pub(crate) items: u64,
    /// The number of redrives of the Map Run at the child's last start.
    pub(crate) round: u32,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) arn: String,
    pub(crate) name: String,
    /// The machine's ARN.
    pub(crate) machine: String,
    /// The revision of the machine that it runs.
    pub(crate) revision: String,
    /// Its number among all executions, to list the newest first.
    pub(crate) number: u64,
    pub(crate) status: Status,
    /// When it started, in milliseconds since 1970.
    pub(crate) started: i64,
    /// When it ended, in milliseconds since 1970.
    pub(crate) stopped: Option<i64>,
    /// The unmodified input.
    pub(crate) input: String,
    /// The output as JSON text.
    pub(crate) output: Option<String>,
    /// The name of the error that ended it.
    pub(crate) error: Option<String>,
    /// The cause of the error.
    pub(crate) cause: Option<String>,
    /// The number of redrives.
    pub(crate) redrives: u32,
    /// The time of the last redrive, in milliseconds since 1970.
    #[serde(default)]
    pub(crate) redriven: Option<i64>,
    /// The client tokens of the last redrives, oldest first.
    #[serde(default)]
    pub(crate) tokens: Vec<Token>,
    /// Its role in the Map Run that started it.
    #[serde(default)]
    pub(crate) child: Option<Child>,
    /// The number of events in its history when it ended.
    #[serde(default)]
    pub(crate) events: u64,
}

/// The parameters of a new execution.
pub(crate) struct Start {
    pub(crate) arn: String,
    pub(crate) name: String,
    /// The machine's ARN.
    pub(crate) machine: String,
    /// The revision of the machine to run.
    pub(crate) revision: String,
    /// The unmodified input.
    pub(crate) input: String,
    /// Its role in the Map Run that starts it.
    pub(crate) child: Option<Child>,
}

impl Record {
    /// The record of an execution that starts now, with its number among all executions.
    pub(crate) fn new(start: Start, number: u64) -> Self {
        let Start { arn, name, machine, revision, input, child } = start;
        Self {
            arn,
            name,
            machine,
            revision,
            number,
            status: Status::Running,
            started: clock::now(),
            stopped: None,
            input,
            output: None,
            error: None,
            cause: None,
            redrives: 0,
            redriven: None,
            tokens: Vec::new(),
            child,
            events: 1,
        }
    }

    /// The ARN of the state machine without a label. The machine ARN of a Map Run's child ends with the label.
    pub(crate) fn machine_without_label(&self) -> &str {
        self.machine.split('/').next().unwrap_or(&self.machine)
    }
}

/// A client token of a redrive.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Token {
    pub(crate) text: String,
    /// When the execution was redriven with it.
    pub(crate) used: i64,
}
