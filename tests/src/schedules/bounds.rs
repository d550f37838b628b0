//! How many traces a schedule may leave: no more uploads that nobody knows of, and no more copies made twice, than
//! something happened that leaves one. More of them are a leak.

use sandbox::faults::{Active, Effect, Life, Moment, Rule};

use crate::domain::Known;

/// The functions that open uploads.
const PLANNERS: [&str; 2] = ["validate", "cross-region-replicate"];
/// The functions that publish copies, prove them and take them back.
const PUBLISHERS: [&str; 4] = ["copy-part", "complete-multipart", "checksum-verify", "cross-region-replicate"];

/// What happened so far that leaves a trace.
#[derive(Debug, Default)]
pub(super) struct Bounds {
    openings: u64,
    copies: u64,
    deletions: u64,
}

impl Bounds {
    /// Counts what faults did.
    pub(super) fn faults(&mut self, faults: &[Active]) {
        for Active { rule, fired, .. } in faults {
            if loses_an_answer(rule, &PLANNERS, &["CreateMultipartUpload"]) {
                self.openings += fired;
            }
            if loses_an_answer(rule, &PUBLISHERS, &["CopyObject", "CompleteMultipartUpload"]) {
                self.copies += fired;
            }
            if let Effect::Repeat { copies } = rule.effect {
                self.duplicates(fired * u64::from(copies));
            }
        }
    }

    /// Counts executions that were stopped, or cut by a restart: whatever their functions did was answered to nobody.
    pub(super) fn cut(&mut self, executions: usize) {
        self.openings += executions as u64;
        self.copies += executions as u64;
    }

    /// Counts events that came once more: two executions of one event side by side may both copy, in each leg.
    pub(super) fn duplicates(&mut self, events: u64) {
        self.copies += 2 * events;
    }

    /// Counts unproven copies that people deleted as advised: what was late because of one stays late, in each leg.
    pub(super) fn deleted_as_advised(&mut self, copies: usize) {
        self.deletions += 2 * copies as u64;
    }

    /// What the domain check may find.
    pub(super) fn known(&self) -> Known {
        let limit = |count| usize::try_from(count).unwrap_or(usize::MAX);
        Known {
            unanswered_openings: limit(self.openings),
            copies_beside: limit(self.copies),
            newest_left_late: limit(self.deletions),
        }
    }
}

/// Whether what one of these functions did by one of these requests may be done, and nobody knows.
fn loses_an_answer(rule: &Rule, functions: &[&str], requests: &[&str]) -> bool {
    let is_one_of = |name: &Option<String>, names: &[&str]| name.as_deref().is_none_or(|name| names.contains(&name));
    let is_request = is_one_of(&rule.target.operation, requests) || is_one_of(&rule.target.operation, &["Invoke"]);
    let is_lost = match rule.effect {
        // A Task does not wait for a function that is slow, whatever it is slow at, and the function goes on.
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

    fn struck(function: &str, operation: &str, effect: Effect) -> (usize, usize) {
        let service = if operation == "Invoke" { Service::Lambda } else { Service::S3 };
        let target = Target::operation(service, operation).function(function);
        let active = Active { id: "fault-1".into(), rule: Rule::new(target, effect), matched: 9, fired: 3 };
        let mut bounds = Bounds::default();
        bounds.faults(&[active]);
        let Known { unanswered_openings, copies_beside, .. } = bounds.known();
        (unanswered_openings, copies_beside)
    }

    #[test]
    fn only_what_was_done_and_is_not_known_leaves_a_trace() {
        let lost = || Effect::Drop(Moment::After);
        assert_eq!(struck("validate", "CreateMultipartUpload", lost()), (3, 0));
        assert_eq!(struck("validate", "HeadObject", lost()), (0, 0));
        assert_eq!(struck("validate", "CreateMultipartUpload", Effect::Drop(Moment::Before)), (0, 0));
        assert_eq!(struck("validate", "HeadObject", Effect::Latency { millis: 1 }), (3, 0));
        assert_eq!(struck("copy-part", "CopyObject", lost()), (0, 3));
        assert_eq!(struck("copy-part", "CopyObject", Effect::error("SlowDown")), (0, 0));
        assert_eq!(struck("complete-multipart", "Invoke", Effect::Kill(Life::After)), (0, 3));
        assert_eq!(struck("cross-region-replicate", "Invoke", Effect::Kill(Life::After)), (3, 3));
        assert_eq!(struck("notify", "Invoke", Effect::Kill(Life::After)), (0, 0));
    }

    #[test]
    fn a_schedule_that_nothing_happened_to_leaves_none_and_duplicates_count_in_each_leg() {
        let mut bounds = Bounds::default();
        assert_eq!(bounds.known(), Known::default());
        bounds.cut(1);
        bounds.duplicates(2);
        assert_eq!(bounds.known(), Known { unanswered_openings: 1, copies_beside: 5, newest_left_late: 0 });
    }
}
