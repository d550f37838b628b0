//! What is known of an execution besides its history and its lines of work.

use serde::{Deserialize, Serialize};

use super::{clock, definition::Workflow};

/// The status of an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Status {
    /// It runs.
    Running,
    /// It came to its end.
    Succeeded,
    /// A state failed.
    Failed,
    /// It took longer than the machine's `TimeoutSeconds`.
    TimedOut,
    /// Somebody stopped it.
    Aborted,
}

impl Status {
    /// AWS's name for it.
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

/// The part of an execution in a Map Run that dispatched it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Child {
    /// The Map Run's ARN.
    pub(crate) map_run: String,
    /// The name of the Map state whose processor it runs.
    pub(crate) state: String,
    /// What it is.
    pub(crate) workflow: Workflow,
    /// How many items its input holds.
    pub(crate) items: u64,
    /// How often the Map Run had been redriven when it was last started.
    pub(crate) round: u32,
}

/// The record of an execution.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Its ARN.
    pub(crate) arn: String,
    /// Its name.
    pub(crate) name: String,
    /// Its machine's ARN.
    pub(crate) machine: String,
    /// The revision of the machine that it runs.
    pub(crate) revision: String,
    /// Its place among all executions, to list the newest first.
    pub(crate) number: u64,
    /// Its status.
    pub(crate) status: Status,
    /// When it started.
    pub(crate) started: i64,
    /// When it ended.
    pub(crate) stopped: Option<i64>,
    /// Its input, word for word.
    pub(crate) input: String,
    /// Its output as JSON text.
    pub(crate) output: Option<String>,
    /// The name of the error that ended it.
    pub(crate) error: Option<String>,
    /// The cause of that error.
    pub(crate) cause: Option<String>,
    /// How often it was redriven.
    pub(crate) redrives: u32,
    /// When it was last redriven.
    #[serde(default)]
    pub(crate) redriven: Option<i64>,
    /// The tokens of the last redrives, oldest first.
    #[serde(default)]
    pub(crate) tokens: Vec<Token>,
    /// Its part in the Map Run that dispatched it.
    #[serde(default)]
    pub(crate) child: Option<Child>,
    /// How many events its history had when it ended.
    #[serde(default)]
    pub(crate) events: u64,
}

/// What an execution is started as.
pub(crate) struct Start {
    /// Its ARN.
    pub(crate) arn: String,
    /// Its name.
    pub(crate) name: String,
    /// Its machine's ARN.
    pub(crate) machine: String,
    /// The revision of the machine that it runs.
    pub(crate) revision: String,
    /// Its input, word for word.
    pub(crate) input: String,
    /// Its part in the Map Run that dispatches it.
    pub(crate) child: Option<Child>,
}

impl Record {
    /// That of an execution which starts now, with its place among all executions.
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

    /// The ARN of the state machine itself; a child of a Map Run has the label behind it.
    pub(crate) fn whole_machine(&self) -> &str {
        self.machine.split('/').next().unwrap_or(&self.machine)
    }
}

/// A client token of a redrive.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Token {
    /// The token.
    pub(crate) text: String,
    /// When the execution was redriven with it.
    pub(crate) used: i64,
}
