//! The graph as a demo's bars show it: the states that belong to one stage of the work.

/// A stage and the states that belong to it, in the order of the graph.
const STAGES: [(&str, &[&str]); 6] = [
    ("Validate", &["Validate", "Route"]),
    ("Copy", &["CopyObject", "CopyParts", "CompleteUpload"]),
    ("Verify", &["VerifyBackup", "ReplicaWanted"]),
    ("Replicate", &["Replicate", "ReplicaRoute", "ReplicateParts", "CompleteReplica"]),
    ("Verify replica", &["VerifyReplica", "ReplicaProven"]),
    ("Notify", &["Notify"]),
];

/// How many stages there are.
pub(super) const COUNT: usize = STAGES.len();

/// The stages' names.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    STAGES.iter().map(|(name, _)| *name)
}

/// How many stages an execution has behind it: those before the furthest one that it entered. Going back to make a
/// new plan does not take one away.
pub(super) fn passed<'a>(states_entered: impl Iterator<Item = &'a str>) -> usize {
    states_entered.filter_map(stage_of).max().unwrap_or(0)
}

fn stage_of(state: &str) -> Option<usize> {
    STAGES.iter().position(|(_, states)| states.contains(&state))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_execution_has_passed_what_lies_before_the_furthest_state_it_entered() {
        for (states, expected) in [
            (vec![], 0),
            (vec!["Validate"], 0),
            (vec!["Validate", "Route", "CopyParts", "CopySlice"], 1),
            (vec!["Validate", "Route", "CopyObject", "Validate"], 1),
            (vec!["VerifyBackup", "ReplicaWanted", "Notify"], 5),
        ] {
            assert_eq!(passed(states.into_iter()), expected);
        }
    }

    #[test]
    fn every_state_of_the_machine_outside_its_maps_belongs_to_a_stage_or_ends_it()
    -> Result<(), Box<dyn std::error::Error>> {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../statemachine/backup.asl.json");
        let machine: serde_json::Value = serde_json::from_slice(&std::fs::read(file)?)?;
        let states = machine["States"].as_object().ok_or("the machine has states")?;
        for (name, state) in states {
            assert!(stage_of(name).is_some() || state["Type"] == "Succeed", "{name} belongs to no stage");
        }
        for state in STAGES.iter().flat_map(|(_, states)| states.iter()) {
            assert!(states.contains_key(*state), "the machine has no state {state}");
        }
        Ok(())
    }
}
