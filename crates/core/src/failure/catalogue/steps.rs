//! The steps of a procedure.

/// One step of a procedure, in Markdown. Words in capitals are placeholders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// What to do.
    pub text: &'static str,
    /// The command that does it, if there is one; several lines if it is long.
    pub command: Option<&'static str>,
}

pub(super) const fn step(text: &'static str) -> Step {
    Step { text, command: None }
}

pub(super) const fn run(text: &'static str, command: &'static str) -> Step {
    Step { text, command: Some(command) }
}

pub(super) const REDRIVE: Step = run(
    "Redrive the execution. It continues in the failed state.",
    "aws stepfunctions redrive-execution --execution-arn EXECUTION_ARN --region REGION",
);

pub(super) const REQUEST_BACKUP: Step = run(
    "If the source version still exists, request a new backup of it. Leave out `version-id` if the bucket has no versions.",
    r#"aws events put-events --region REGION --entries '[{
  "Source": "holdfast.operator", "DetailType": "Backup Requested",
  "Detail": "{\"bucket\": {\"name\": \"BUCKET\"}, \"object\": {\"key\": \"KEY\", \"version-id\": \"VERSION_ID\"}}"}]'"#,
);

pub(super) const CHECK_HEALTH: Step = step(
    "Open the [AWS Health Dashboard](https://health.aws.amazon.com/health/status) and look for an event of the service in \
     the region that the message is about.",
);

pub(super) const FIND_ROLE: Step = run(
    "Find the role of the function. Its logical ID is the ID of the function followed by `Role`.",
    "aws cloudformation list-stack-resources --stack-name STACK --region REGION --output table \\\n  \
     --query \"StackResourceSummaries[?ResourceType=='AWS::IAM::Role'].[LogicalResourceId,PhysicalResourceId]\"",
);

pub(super) const SIMULATE: Step = run(
    "Check whether the policies of the role allow the action on the resource that the message names.",
    "aws iam simulate-principal-policy --policy-source-arn ROLE_ARN --action-names ACTION \\\n  \
     --resource-arns RESOURCE_ARN --query 'EvaluationResults[].[EvalActionName,EvalDecision]'",
);

pub(super) const READ_BUCKET_POLICY: Step = run(
    "If they allow it, look for a deny in the bucket policy, and then in the service control policies of the account.",
    "aws s3api get-bucket-policy --bucket BUCKET --query Policy --output text",
);

pub(super) const FIND_DRIFT: Step = run(
    "If the role was changed outside the template, find the difference and change it back: the template grants every action that Holdfast \
     needs. A deployment of the same template does not repair it.",
    "aws cloudformation detect-stack-resource-drift --stack-name STACK --logical-resource-id ROLE_ID --region REGION",
);

pub(super) const OTHER_ACCOUNT: Step =
    step("If the bucket belongs to another account, its policy must allow the role: ask its owner to add that.");

/// The procedure of a refused action: the steps `first`, the checks of every place that may refuse it, the steps `last`.
macro_rules! refused_action {
    ([$($first:expr),* $(,)?], [$($last:expr),* $(,)?] $(,)?) => {
        &[
            $($first,)*
            crate::failure::catalogue::steps::FIND_ROLE,
            crate::failure::catalogue::steps::SIMULATE,
            crate::failure::catalogue::steps::READ_BUCKET_POLICY,
            crate::failure::catalogue::steps::FIND_DRIFT,
            crate::failure::catalogue::steps::OTHER_ACCOUNT,
            $($last,)*
        ]
    };
}

pub(super) use refused_action;
