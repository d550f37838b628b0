//! What an execution takes of the quotas of Step Functions, measured in its history.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_sfn::types::{
    HistoryEvent, HistoryEventType, StateEnteredEventDetails, StateExitedEventDetails, TaskScheduledEventDetails,
};

/// Bytes of a state's input, output, arguments or variables
/// (<https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html>, as the next two).
const PAYLOAD_QUOTA: usize = 256 * 1024;
/// Events of one execution.
const HISTORY_QUOTA: usize = 25_000;
/// State transitions that an account may make at once outside of the three largest regions.
const TRANSITIONS_AT_ONCE: usize = 800;

/// What an execution took.
#[derive(Debug)]
pub(crate) struct Measurement {
    /// Events of its history.
    pub(crate) events: usize,
    /// States that it entered.
    pub(crate) transitions: usize,
    /// The most of them at one moment.
    pub(crate) at_once: usize,
    /// The largest payload of every state, in bytes: what it was given, what it gave, what it assigned, and what its
    /// function was sent and answered.
    pub(crate) payloads: BTreeMap<String, usize>,
}

impl Measurement {
    /// Measures.
    pub(crate) fn of(history: &[HistoryEvent]) -> Self {
        let transitions = history.iter().filter(|event| event.state_entered_event_details.is_some()).count();
        Self { events: history.len(), transitions, at_once: at_once(history), payloads: payloads(history) }
    }

    /// Shows the figures, and fails where one passes its quota.
    pub(crate) fn assert_within_quotas(&self) {
        println!("{} events, {} transitions, {} of them at once", self.events, self.transitions, self.at_once);
        assert!(self.events < HISTORY_QUOTA, "{} events of {HISTORY_QUOTA}", self.events);
        assert!(self.at_once < TRANSITIONS_AT_ONCE, "{} transitions at once of {TRANSITIONS_AT_ONCE}", self.at_once);
        for (state, bytes) in &self.payloads {
            println!("{bytes:>8} bytes {state}");
            assert!(*bytes < PAYLOAD_QUOTA, "{state} carries {bytes} bytes of {PAYLOAD_QUOTA}");
        }
    }
}

/// The most iterations that run beside each other, times the most states that one of them enters without a function
/// running between.
fn at_once(history: &[HistoryEvent]) -> usize {
    let (mut running, mut most) = (0_usize, 1);
    // How many states were entered since a function ended, by the event that came last.
    let mut entered: HashMap<i64, usize> = HashMap::new();
    let mut longest = 1;
    for event in history {
        match event.r#type {
            HistoryEventType::MapIterationStarted => running += 1,
            HistoryEventType::MapIterationSucceeded => running -= 1,
            _ => {}
        }
        most = most.max(running);
        let before = entered.get(&event.previous_event_id()).copied().unwrap_or_default();
        let now = match event.r#type {
            HistoryEventType::TaskSucceeded | HistoryEventType::TaskFailed | HistoryEventType::TaskTimedOut => 0,
            _ => before + usize::from(event.state_entered_event_details.is_some()),
        };
        longest = longest.max(now);
        entered.insert(event.id(), now);
    }
    most * longest
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
        let met = texts.into_iter().flatten().map(str::len).chain(variables.map(String::len)).max().unwrap_or_default();
        let largest = largest.entry(state).or_default();
        *largest = met.max(*largest);
    }
    largest
}
