//! The quotas of AWS Step Functions that the engine applies, so that a machine that exceeds them on AWS exceeds them
//! here. Source: Step Functions Developer Guide, "Service quotas" (`service-quotas.html`).

use serde_json::Value;

/// The maximum size of one input, output, set of arguments or result, in bytes of UTF-8.
pub(crate) const PAYLOAD: usize = 256 * 1024;
/// The maximum size of all variables that are visible to a state, in bytes of UTF-8. Those of one Assign are at most
/// one payload (`workflow-variables.html`, which gives the 10 MiB for a whole execution).
pub(crate) const VARIABLES: usize = 10 * 1024 * 1024;
/// The maximum number of events of one execution's history.
pub(crate) const HISTORY: u64 = 25_000;
/// The maximum length of a definition in characters (API reference of `CreateStateMachine`).
pub(crate) const DEFINITION: usize = 1024 * 1024;
/// The maximum length of the name of a machine, an execution or a state, in characters.
pub(crate) const NAME: usize = 80;
/// The maximum length of an error name in characters (API reference of `StopExecution` and `TaskFailedEventDetails`).
pub(crate) const ERROR: usize = 256;
/// The maximum length of a cause in characters (the same pages).
pub(crate) const CAUSE: usize = 32_768;
/// The maximum number of concurrent iterations of an inline Map.
pub(crate) const MAP_CONCURRENCY: usize = 40;
/// The maximum number of concurrent children of a Map Run.
pub(crate) const MAP_RUN_CONCURRENCY: usize = 10_000;
/// The maximum number of redrives of a Map Run (`redrive-map-run.html`).
pub(crate) const MAP_RUN_REDRIVES: u32 = 1_000;
/// The maximum duration of an Express workflow in seconds.
pub(crate) const EXPRESS: u64 = 300;
/// The maximum wait or timeout in seconds.
pub(crate) const SECONDS: u64 = 99_999_999;

/// The size of a value in bytes of JSON.
pub(crate) fn length(value: &Value) -> usize {
    value.to_string().len()
}

/// Whether a value, written as JSON, exceeds the maximum payload.
pub(crate) fn exceeds_payload(value: &Value) -> bool {
    length(value) > PAYLOAD
}
