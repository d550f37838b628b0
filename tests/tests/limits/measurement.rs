//! Measures an execution against the quotas of Step Functions.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_sfn::types::{
    HistoryEvent, HistoryEventType, StateEnteredEventDetails, StateExitedEventDetails, TaskScheduledEventDetails,
};

/// Bytes of a state's input, output, arguments or variables
/// (<https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html>, as the next two quotas).
const PAYLOAD_QUOTA: usize = 256 * 1024;
/// Events of one execution.
const HISTORY_QUOTA: usize = 25_000;
/// The bucket size for state transitions of an account outside of the three largest regions.
const TRANSITION_BURST: usize = 800;

/// The measurements of an execution.
#[derive(Debug)]
pub(crate) struct Measurement {
    /// Events in the history.
    pub(crate) events: usize,
    /// Entered states.
    pub(crate) transitions: usize,
    /// The largest number of simultaneous transitions.
    pub(crate) burst: usize,
    /// The largest payload by state, in bytes: input, output, assigned variables, arguments and result.
    pub(crate) payloads: BTreeMap<String, usize>,
}

impl Measurement {
    /// Measures an execution by its history.
    pub(crate) fn of(history: &[HistoryEvent]) -> Self {
        let transitions = history.iter().filter(|event| event.state_entered_event_details.is_some()).count();
        Self { events: history.len(), transitions, burst: burst(history), payloads: payloads(history) }
    }

    /// Prints the measurements. Panics if one exceeds its quota.
    pub(crate) fn assert_within_quotas(&self) {
        println!("{} events, {} transitions, at most {} at once", self.events, self.transitions, self.burst);
        assert!(self.events < HISTORY_QUOTA, "{} events of {HISTORY_QUOTA}", self.events);
        assert!(self.burst < TRANSITION_BURST, "{} transitions at once of {TRANSITION_BURST}", self.burst);
        for (state, bytes) in &self.payloads {
            println!("{bytes:>8} bytes {state}");
            assert!(*bytes < PAYLOAD_QUOTA, "{state} carries {bytes} bytes of {PAYLOAD_QUOTA}");
        }
    }
}

/// The largest number of concurrent iterations, times the longest sequence of states that one of them enters without a
/// function in between.
fn burst(history: &[HistoryEvent]) -> usize {
    let (mut running, mut max_running) = (0_usize, 1);
    // The number of states entered since the last result of a function, by event ID.
    let mut entered: HashMap<i64, usize> = HashMap::new();
    let mut longest = 1;
    for event in history {
        match event.r#type {
            HistoryEventType::MapIterationStarted => running += 1,
            HistoryEventType::MapIterationSucceeded => running -= 1,
            _ => {}
        }
        max_running = max_running.max(running);
        let before = entered.get(&event.previous_event_id()).copied().unwrap_or_default();
        let now = match event.r#type {
            HistoryEventType::TaskSucceeded | HistoryEventType::TaskFailed | HistoryEventType::TaskTimedOut => 0,
            _ => before + usize::from(event.state_entered_event_details.is_some()),
        };
        longest = longest.max(now);
        entered.insert(event.id(), now);
    }
    max_running * longest
}

fn payloads(history: &[HistoryEvent]) -> BTreeMap<String, usize> {
    let mut states: HashMap<i64, String> = HashMap::new();
    let mut largest = BTreeMap::new();
    for event in history {
        let entered = event.state_entered_event_details().map(StateEnteredEventDetails::name);
        let exited = event.state_exited_event_details().map(StateExitedEventDetails::name);
        let before = states.get(&event.previous_event_id()).cloned();
        let Some(state) = entered.or(exited).map(str::to_owned).or(before) else { continue };
        states.insert(event.id(), state.clone());
        let exit = event.state_exited_event_details();
        let variables = exit.and_then(|details| details.assigned_variables()).into_iter().flat_map(HashMap::values);
        let texts = [
            event.state_entered_event_details().and_then(|details| details.input()),
            exit.and_then(|details| details.output()),
            event.task_scheduled_event_details().map(TaskScheduledEventDetails::parameters),
            event.task_succeeded_event_details().and_then(|details| details.output()),
            event.execution_succeeded_event_details().and_then(|details| details.output()),
        ];
        let size =
            texts.into_iter().flatten().map(str::len).chain(variables.map(String::len)).max().unwrap_or_default();
        let largest = largest.entry(state).or_default();
        *largest = size.max(*largest);
    }
    largest
}
