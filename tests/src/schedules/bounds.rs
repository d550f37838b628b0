//! The leftovers that the events of a schedule explain: open uploads that no execution knows, duplicate copies, and late
//! copies of newest versions. More than these are a leak.

use sandbox::faults::{Active, Effect, Life, Moment, Rule};

use crate::domain::Tolerance;

/// The functions that open uploads.
const PLANNERS: [&str; 2] = ["validate", "cross-region-replicate"];
/// The functions that publish, prove and withdraw copies.
const PUBLISHERS: [&str; 4] = ["copy-part", "complete-multipart", "checksum-verify", "cross-region-replicate"];

/// The counts of events that can leave something.
#[derive(Debug, Default)]
pub(super) struct Bounds {
    lost_uploads: u64,
    copies: u64,
    deletions: u64,
}

impl Bounds {
    /// Counts the calls that fault rules changed.
    pub(super) fn add_faults(&mut self, faults: &[Active]) {
        for Active { rule, fired, .. } in faults {
            if loses_a_response(rule, &PLANNERS, &["CreateMultipartUpload"]) {
                self.lost_uploads += fired;
            }
            if loses_a_response(rule, &PUBLISHERS, &["CopyObject", "CompleteMultipartUpload"]) {
                self.copies += fired;
            }
            if let Effect::Repeat { copies } = rule.effect {
                self.add_repeated_events(fired * u64::from(copies));
            }
        }
    }

    /// Counts executions that were stopped or interrupted by a restart: the responses to their functions were lost.
    pub(super) fn add_interrupted(&mut self, executions: usize) {
        self.lost_uploads += executions as u64;
        self.copies += executions as u64;
    }

    /// Counts repeated events: two concurrent executions of one event can both copy, in each leg.
    pub(super) fn add_repeated_events(&mut self, events: u64) {
        self.copies += 2 * events;
    }

    /// Counts deleted copies that could not be proven: a copy that was late because of one stays late, in each leg.
    pub(super) fn add_deleted_copies(&mut self, copies: usize) {
        self.deletions += 2 * copies as u64;
    }

    /// The tolerance of the domain check.
    pub(super) fn tolerance(&self) -> Tolerance {
        let limit = |count| usize::try_from(count).unwrap_or(usize::MAX);
        Tolerance {
            unknown_uploads: limit(self.lost_uploads),
            duplicate_copies: limit(self.copies),
            newest_versions_late: limit(self.deletions),
        }
    }
}

/// Whether one of these requests of one of these functions can have its effect without a response.
fn loses_a_response(rule: &Rule, functions: &[&str], requests: &[&str]) -> bool {
    let is_one_of = |name: &Option<String>, names: &[&str]| name.as_deref().is_none_or(|name| names.contains(&name));
    let is_request = is_one_of(&rule.target.operation, requests) || is_one_of(&rule.target.operation, &["Invoke"]);
    let is_lost = match rule.effect {
        // A Task times out while a slow function continues, whichever request is slow.
        Effect::Latency { .. } => true,
        Effect::Drop(Moment::After)
        | Effect::Kill(Life::During | Life::After)
        | Effect::FunctionError { at: Moment::After, .. } => is_request,
        _ => false,
    };
    is_lost && is_one_of(&rule.target.function, functions)
}

#[cfg(test)]
mod tests {
    use sandbox::faults::{Service, Target};

    use super::*;

    fn bounds_after(function: &str, operation: &str, effect: Effect) -> (usize, usize) {
        let service = if operation == "Invoke" { Service::Lambda } else { Service::S3 };
        let target = Target::operation(service, operation).function(function);
        let active = Active { id: "fault-1".into(), rule: Rule::new(target, effect), matched: 9, fired: 3 };
        let mut bounds = Bounds::default();
        bounds.add_faults(&[active]);
        let Tolerance { unknown_uploads, duplicate_copies, .. } = bounds.tolerance();
        (unknown_uploads, duplicate_copies)
    }

    #[test]
    fn only_requests_without_a_response_are_counted() {
        let lost = || Effect::Drop(Moment::After);

        assert_eq!(bounds_after("validate", "CreateMultipartUpload", lost()), (3, 0));
        assert_eq!(bounds_after("validate", "HeadObject", lost()), (0, 0));
        assert_eq!(bounds_after("validate", "CreateMultipartUpload", Effect::Drop(Moment::Before)), (0, 0));
        assert_eq!(bounds_after("validate", "HeadObject", Effect::Latency { millis: 1 }), (3, 0));
        assert_eq!(bounds_after("copy-part", "CopyObject", lost()), (0, 3));
        assert_eq!(bounds_after("copy-part", "CopyObject", Effect::error("SlowDown")), (0, 0));
        assert_eq!(bounds_after("complete-multipart", "Invoke", Effect::Kill(Life::After)), (0, 3));
        assert_eq!(bounds_after("cross-region-replicate", "Invoke", Effect::Kill(Life::After)), (3, 3));
        assert_eq!(bounds_after("notify", "Invoke", Effect::Kill(Life::After)), (0, 0));
    }

    #[test]
    fn repeated_events_are_counted_in_each_leg() {
        let mut bounds = Bounds::default();

        assert_eq!(bounds.tolerance(), Tolerance::default());

        bounds.add_interrupted(1);
        bounds.add_repeated_events(2);

        assert_eq!(bounds.tolerance(), Tolerance { unknown_uploads: 1, duplicate_copies: 5, newest_versions_late: 0 });
    }
}
