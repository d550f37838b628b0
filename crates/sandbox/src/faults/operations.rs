//! The operations that a rule can be about: those that the services of the sandbox have, and the names of what AWS has none for.

use super::rule::{DELIVER, INVOKE, Service};
use crate::s3;

const STATES: &[&str] = &[
    "CreateStateMachine",
    "DeleteStateMachine",
    "DescribeExecution",
    "DescribeMapRun",
    "DescribeStateMachine",
    "DescribeStateMachineForExecution",
    "GetExecutionHistory",
    "ListExecutions",
    "ListMapRuns",
    "ListStateMachines",
    "ListTagsForResource",
    "RedriveExecution",
    "StartExecution",
    "StopExecution",
    "TagResource",
    "UntagResource",
    "UpdateMapRun",
    "UpdateStateMachine",
    "ValidateStateMachineDefinition",
];

const SNS: &[&str] = &[
    "CreateTopic",
    "DeleteTopic",
    "GetSubscriptionAttributes",
    "GetTopicAttributes",
    "ListSubscriptions",
    "ListSubscriptionsByTopic",
    "ListTopics",
    "Publish",
    "PublishBatch",
    "SetSubscriptionAttributes",
    "SetTopicAttributes",
    "Subscribe",
    "Unsubscribe",
];

const EVENTS: &[&str] = &[
    DELIVER,
    "DeleteRule",
    "DescribeEventBus",
    "DescribeRule",
    "DisableRule",
    "EnableRule",
    "ListEventBuses",
    "ListRules",
    "ListTargetsByRule",
    "PutEvents",
    "PutRule",
    "PutTargets",
    "RemoveTargets",
    "TestEventPattern",
];

const LAMBDA: &[&str] =
    &[INVOKE, "GetFunction", "GetFunctionConfiguration", "ListFunctions", "UpdateFunctionConfiguration"];

/// Those of one service, by name.
pub(super) fn of(service: Service) -> Vec<&'static str> {
    match service {
        Service::S3 => s3::operations().collect(),
        Service::States => STATES.to_vec(),
        Service::Sns => SNS.to_vec(),
        Service::Events => EVENTS.to_vec(),
        Service::Lambda => LAMBDA.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The names that begin the arms of a `match`.
    fn arms(source: &'static str) -> BTreeSet<&'static str> {
        let named = |line: &'static str| line.trim_start().strip_prefix('"')?.split_once("\" =>").map(|(name, _)| name);
        source.lines().filter_map(named).collect()
    }

    #[test]
    fn a_rule_can_be_about_every_operation_that_a_service_carries_out() {
        for (service, source) in [
            (Service::States, include_str!("../states/api/mod.rs")),
            (Service::Sns, include_str!("../sns/mod.rs")),
            (Service::Events, include_str!("../events/mod.rs")),
        ] {
            let known: BTreeSet<&str> = of(service).into_iter().filter(|name| *name != DELIVER).collect();
            assert_eq!(known, arms(source), "{service:?}");
        }
    }
}
