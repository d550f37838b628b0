//! Targets of rules: their supported fields and their validation.

use serde::{Deserialize, Serialize};

use super::{
    input::{Input, InputTransformer},
    invalid,
};
use sandbox_core::ports::ApiError;

/// A target in the format of `PutTargets` and `ListTargetsByRule`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Target {
    pub(super) id: String,
    pub(super) arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    role_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_transformer: Option<InputTransformer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_policy: Option<RetryPolicy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dead_letter_config: Option<DeadLetterConfig>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct RetryPolicy {
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum_retry_attempts: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum_event_age_in_seconds: Option<u32>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DeadLetterConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    arn: Option<String>,
}

/// The service of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    StateMachine,
    Function,
}

impl Target {
    /// The name of the function, if the target is one.
    pub(super) fn function(&self) -> Option<&str> {
        let name = self.arn.split(':').nth(6);
        name.filter(|_| self.kind() == Some(Kind::Function))
    }

    pub(super) fn input(&self) -> Input<'_> {
        Input {
            constant: self.input.as_deref(),
            path: self.input_path.as_deref(),
            transformer: self.input_transformer.as_ref(),
        }
    }

    /// Rejects a target to which no delivery can succeed.
    pub(super) fn check(&self) -> Result<(), ApiError> {
        let id = &self.id;
        let of_id = |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | '_');
        if id.is_empty() || id.len() > 64 || !id.chars().all(of_id) {
            return Err(invalid(format!(
                "Target id {id:?} must be 1 to 64 letters, digits, dots, hyphens or underscores."
            )));
        }
        if self.kind().is_none() {
            return Err(invalid(format!(
                "Target {id} has the ARN {}: the sandbox delivers to state machines and functions only.",
                self.arn
            )));
        }
        // AWS's message: https://github.com/hashicorp/terraform-provider-aws/pull/19913
        if self.kind() == Some(Kind::StateMachine) && self.role_arn.is_none() {
            return Err(invalid(format!("RoleArn is required for target {}.", self.arn)));
        }
        let inputs = [self.input.is_some(), self.input_path.is_some(), self.input_transformer.is_some()];
        if inputs.into_iter().filter(|given| *given).count() > 1 {
            return Err(invalid(format!(
                "Target {id} may have one of Input, InputPath and InputTransformer, not several."
            )));
        }
        self.input().check().map_err(|problem| invalid(format!("Target {id}: {problem}")))?;
        self.check_retries()?;
        match self.dead_letter_queue() {
            Some(arn) if !arn.starts_with("arn:aws:sqs:") => Err(invalid(format!(
                "Target {id} has the dead-letter queue {arn}: it must be the ARN of an SQS queue."
            ))),
            _ => Ok(()),
        }
    }

    fn check_retries(&self) -> Result<(), ApiError> {
        let (attempts, age) = (self.maximum_retries(), self.maximum_age());
        if attempts > 185 {
            return Err(invalid(format!("Target {} has MaximumRetryAttempts {attempts}: the most is 185.", self.id)));
        }
        if !(60..=86_400).contains(&age) {
            return Err(invalid(format!(
                "Target {} has MaximumEventAgeInSeconds {age}: it must be from 60 to 86400.",
                self.id
            )));
        }
        Ok(())
    }

    pub(super) fn kind(&self) -> Option<Kind> {
        let mut parts = self.arn.splitn(7, ':');
        let (service, resource) = (parts.by_ref().nth(2)?, parts.by_ref().nth(2)?);
        let named = parts.next().is_some_and(|name| !name.is_empty());
        match (service, resource) {
            ("states", "stateMachine") if named => Some(Kind::StateMachine),
            ("lambda", "function") if named => Some(Kind::Function),
            _ => None,
        }
    }

    pub(super) fn maximum_retries(&self) -> u32 {
        self.retry_policy.as_ref().and_then(|policy| policy.maximum_retry_attempts).unwrap_or(185)
    }

    /// The role that starts the state machine.
    pub(super) fn role_arn(&self) -> &str {
        self.role_arn.as_deref().unwrap_or_default()
    }

    /// In seconds.
    pub(super) fn maximum_age(&self) -> u32 {
        self.retry_policy.as_ref().and_then(|policy| policy.maximum_event_age_in_seconds).unwrap_or(86_400)
    }

    pub(super) fn dead_letter_queue(&self) -> Option<&str> {
        self.dead_letter_config.as_ref().and_then(|config| config.arn.as_deref())
    }
}
