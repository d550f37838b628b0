//! The function of each state and the type of its payload. The table in `core::contract` has the same content.

use std::collections::BTreeSet;

use holdfast_core::{
    contract::{CompleteInput, CopyInput, NotifyInput, ReplicateInput, ValidateInput, VerifyInput},
    event::InvalidInput,
    payload::Payload,
};
use serde_json::Value;

use crate::machine::{Machine, text};

/// Reads a payload as its function does.
pub(crate) type Reader = fn(&Value) -> Result<(), InvalidInput>;

/// A state, the crate of its function, and the reader of its payload.
pub(crate) const TASKS: [(&str, &str, Reader); 12] = [
    ("Validate", "validate", |payload| ValidateInput::read(payload).map(drop)),
    ("CopyObject", "copy-part", |payload| CopyInput::read(payload).map(drop)),
    ("CopySlice", "copy-part", |payload| CopyInput::read(payload).map(drop)),
    ("DigestSlice", "checksum-verify", |payload| VerifyInput::read(payload).map(drop)),
    ("CompleteUpload", "complete-multipart", |payload| CompleteInput::read(payload).map(drop)),
    ("VerifyBackup", "checksum-verify", |payload| VerifyInput::read(payload).map(drop)),
    ("Replicate", "cross-region-replicate", |payload| ReplicateInput::read(payload).map(drop)),
    ("CopyReplicaSlice", "copy-part", |payload| CopyInput::read(payload).map(drop)),
    ("DigestReplicaSlice", "checksum-verify", |payload| VerifyInput::read(payload).map(drop)),
    ("CompleteReplica", "complete-multipart", |payload| CompleteInput::read(payload).map(drop)),
    ("VerifyReplica", "checksum-verify", |payload| VerifyInput::read(payload).map(drop)),
    ("Notify", "notify", |payload| NotifyInput::read(payload).map(drop)),
];

#[test]
fn every_task_has_a_function_and_a_payload_type() {
    let machine = Machine::read();

    let in_machine: BTreeSet<_> =
        machine.tasks().map(|(state, function)| (state.name.as_str(), function.crate_name.as_str())).collect();
    let in_core: BTreeSet<_> = TASKS.iter().map(|(state, function, _)| (*state, *function)).collect();

    assert_eq!(in_machine, in_core, "left: statemachine/backup.asl.json, right: the types of core");
    let called: BTreeSet<_> = in_core.iter().map(|(_, function)| *function).collect();
    let deployed: BTreeSet<_> = machine.stack.functions.iter().map(|function| function.crate_name.as_str()).collect();
    assert_eq!(called, deployed, "left: called by the state machine, right: deployed by template.yaml");
}

#[test]
fn the_table_in_core_names_the_same_states_and_functions() {
    let source = text("crates/core/src/contract/mod.rs");
    let documented: BTreeSet<_> = source
        .lines()
        .filter_map(|line| line.strip_prefix("//! | ")?.split_once(" | "))
        .filter(|(states, _)| *states != "state")
        .flat_map(|(states, rest)| {
            let function = rest.split(" | ").next().unwrap_or_default();
            states.split(", ").map(move |state| (state, function))
        })
        .collect();
    assert_eq!(documented, TASKS.iter().map(|(state, function, _)| (*state, *function)).collect());
}
