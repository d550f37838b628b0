//! The quotas of AWS Step Functions that the engine keeps, so that a machine which would break them on AWS breaks them
//! here. Source: Step Functions Developer Guide, "Service quotas" (`service-quotas.html`).

use serde_json::Value;

/// Bytes of UTF-8 that one input, output, set of arguments or result may hold.
pub(crate) const PAYLOAD: usize = 256 * 1024;
/// Bytes of UTF-8 that all variables which a state sees may hold; those of one Assign hold a payload at most
/// (`workflow-variables.html`, which gives the 10 MiB for a whole execution).
pub(crate) const VARIABLES: usize = 10 * 1024 * 1024;
/// Events that one execution's history may hold.
pub(crate) const HISTORY: u64 = 25_000;
/// Characters of one definition (API reference of `CreateStateMachine`).
pub(crate) const DEFINITION: usize = 1024 * 1024;
/// Characters of a name: of a machine, an execution, a state.
pub(crate) const NAME: usize = 80;
/// Characters of an error's name (API reference of `StopExecution` and `TaskFailedEventDetails`).
pub(crate) const ERROR: usize = 256;
/// Characters of an error's cause (the same pages).
pub(crate) const CAUSE: usize = 32_768;
/// Iterations of an inline Map at one time.
pub(crate) const MAP_CONCURRENCY: usize = 40;
/// Children of a Map Run at one time.
pub(crate) const MAP_RUN_CONCURRENCY: usize = 10_000;
/// How often a Map Run may be redriven (`redrive-map-run.html`).
pub(crate) const MAP_RUN_REDRIVES: u32 = 1_000;
/// How long an Express workflow may take, in seconds.
pub(crate) const EXPRESS: u64 = 300;
/// The longest wait or timeout, in seconds.
pub(crate) const SECONDS: u64 = 99_999_999;

/// Bytes of a value, written as JSON.
pub(crate) fn length(value: &Value) -> usize {
    value.to_string().len()
}

/// Whether a value, written as JSON, is larger than a payload may be.
pub(crate) fn exceeds_payload(value: &Value) -> bool {
    length(value) > PAYLOAD
}
