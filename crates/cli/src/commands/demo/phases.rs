//! The phases of a backup for which a demo shows progress, and the states that belong to each phase.

/// One phase of a backup.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BackupPhase {
    /// The name.
    pub(super) name: &'static str,
    states: &'static [&'static str],
    needs_replica: bool,
}

/// In the order of the graph.
static ALL: [BackupPhase; 6] = [
    BackupPhase { name: "Validate", states: &["Validate", "Route"], needs_replica: false },
    BackupPhase { name: "Copy", states: &["CopyObject", "CopyParts", "CompleteUpload"], needs_replica: false },
    BackupPhase { name: "Verify", states: &["VerifyBackup", "ReplicaWanted"], needs_replica: false },
    BackupPhase {
        name: "Replicate",
        states: &["Replicate", "ReplicaRoute", "ReplicateParts", "CompleteReplica"],
        needs_replica: true,
    },
    BackupPhase { name: "Verify replica", states: &["VerifyReplica", "ReplicaProven"], needs_replica: true },
    BackupPhase { name: "Notify", states: &["Notify"], needs_replica: false },
];

/// Whether backups are replicated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Replication {
    /// To a replica bucket.
    On,
    /// To no bucket.
    Off,
}

/// The phases of a backup, in order.
pub(super) fn of(replication: Replication) -> Vec<&'static BackupPhase> {
    ALL.iter().filter(|phase| replication == Replication::On || !phase.needs_replica).collect()
}

/// The number of phases that an execution has passed: those before the last one that it entered. A replan does not
/// reduce it.
pub(super) fn passed<'a>(phases: &[&BackupPhase], states_entered: impl Iterator<Item = &'a str>) -> usize {
    let position = |state: &str| phases.iter().position(|phase| phase.states.contains(&state));
    states_entered.filter_map(position).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_execution_has_passed_the_phases_before_the_last_one_that_it_entered() {
        for (replication, states, expected) in [
            (Replication::On, vec![], 0),
            (Replication::On, vec!["Validate"], 0),
            (Replication::On, vec!["Validate", "Route", "CopyParts", "CopySlice"], 1),
            (Replication::On, vec!["Validate", "Route", "CopyObject", "Validate"], 1),
            (Replication::On, vec!["VerifyBackup", "ReplicaWanted", "Notify"], 5),
            (Replication::Off, vec!["VerifyBackup", "ReplicaWanted", "Notify"], 3),
        ] {
            assert_eq!(passed(&of(replication), states.into_iter()), expected);
        }
    }

    #[test]
    fn without_a_replica_the_replica_phases_are_left_out() {
        let names: Vec<&str> = of(Replication::Off).iter().map(|phase| phase.name).collect();
        assert_eq!(names, ["Validate", "Copy", "Verify", "Notify"]);
    }

    #[test]
    fn each_state_outside_a_map_belongs_to_a_phase_or_ends_the_execution() -> Result<(), Box<dyn std::error::Error>> {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../statemachine/backup.asl.json");
        let machine: serde_json::Value = serde_json::from_slice(&std::fs::read(file)?)?;
        let states = machine["States"].as_object().ok_or("the machine has states")?;
        let in_a_phase: Vec<&str> = ALL.iter().flat_map(|phase| phase.states).copied().collect();
        for (name, state) in states {
            let is_known = in_a_phase.contains(&name.as_str());
            assert!(is_known || state["Type"] == "Succeed", "{name} belongs to no phase");
        }
        for state in in_a_phase {
            assert!(states.contains_key(state), "the machine has no state {state}");
        }
        Ok(())
    }
}
