//! Finds the state in which an execution ended, from its history read backwards.
//!
//! Every event names the event before it on its own path, so the way from the end of the execution leads through the
//! task that failed to the entry of its state, past the other iterations of a Map that ran at the same time
//! (<https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html>). An execution that was
//! stopped or timed out as a whole has no such way; there the newest state that was entered and not left is taken.

use std::{collections::HashMap, ops::ControlFlow};

use aws_sdk_sfn::types::{HistoryEvent, HistoryEventType};

/// Where an execution ended, and of what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ending {
    /// The innermost state.
    pub(crate) state: Option<String>,
    /// The Map around it and the index of the iteration, where there is one.
    pub(crate) iteration: Option<(String, i32)>,
    /// The error's name.
    pub(crate) error: Option<String>,
    /// The error's cause, as it stands in the history.
    pub(crate) cause: Option<String>,
}

/// Takes a history's events, the newest first.
#[derive(Debug, Default)]
pub(crate) struct Walk {
    /// The event that the way leads to next; none before the first.
    next: Option<i64>,
    ending: Ending,
    /// How many more exits than entries of a state were seen.
    left: HashMap<String, usize>,
    running: Option<String>,
}

impl Walk {
    /// Takes the next older event; breaks once the state is found.
    pub(crate) fn take(&mut self, event: &HistoryEvent) -> ControlFlow<()> {
        self.note_running(event);
        if self.next.is_none() && !is_end(event) {
            // Somebody redrove the execution before its end was told. What is told is the end.
            return ControlFlow::Continue(());
        }
        let next = *self.next.get_or_insert(event.id());
        if let Some(details) = event.map_iteration_failed_event_details()
            && (event.id() == next || event.previous_event_id() == next)
        {
            // The Map's own failure follows upon the task's, so the iteration's lies beside the way.
            self.ending.iteration.get_or_insert((details.name().unwrap_or_default().to_owned(), details.index()));
        }
        if event.id() != next {
            return ControlFlow::Continue(());
        }
        self.next = Some(event.previous_event_id());
        if self.ending.error.is_none() {
            let (error, cause) = error_of(event);
            self.ending.error = error.map(str::to_owned);
            self.ending.cause = cause.map(str::to_owned);
        }
        match event.state_entered_event_details() {
            Some(details) => {
                self.ending.state = Some(details.name().to_owned());
                ControlFlow::Break(())
            }
            None => ControlFlow::Continue(()),
        }
    }

    /// What was found.
    pub(crate) fn finish(self) -> Ending {
        Ending { state: self.ending.state.or(self.running), ..self.ending }
    }

    fn note_running(&mut self, event: &HistoryEvent) {
        if let Some(details) = event.state_exited_event_details() {
            *self.left.entry(details.name().to_owned()).or_default() += 1;
        }
        if let Some(details) = event.state_entered_event_details() {
            match self.left.get_mut(details.name()) {
                Some(exits) if *exits > 0 => *exits -= 1,
                _ => {
                    self.running.get_or_insert_with(|| details.name().to_owned());
                }
            }
        }
    }
}

fn error_of(event: &HistoryEvent) -> (Option<&str>, Option<&str>) {
    macro_rules! error_in {
        ($($details:ident),+) => {
            $(if let Some(details) = event.$details() {
                return (details.error(), details.cause());
            })+
        };
    }
    error_in!(
        execution_failed_event_details,
        execution_timed_out_event_details,
        execution_aborted_event_details,
        task_failed_event_details,
        task_timed_out_event_details,
        task_start_failed_event_details,
        task_submit_failed_event_details,
        evaluation_failed_event_details
    );
    (None, None)
}

/// Whether an event ends an execution.
fn is_end(event: &HistoryEvent) -> bool {
    matches!(
        event.r#type(),
        HistoryEventType::ExecutionFailed | HistoryEventType::ExecutionTimedOut | HistoryEventType::ExecutionAborted
    )
}
