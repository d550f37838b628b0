//! IAM: authorizes requests by the policies of the template.
//!
//! Requests are evaluated as in one AWS account
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>): a request is refused
//! if any statement denies it, and otherwise allowed if one statement of the role's policies allows it. The user's own
//! key belongs to the account's root, which may do everything that no bucket policy denies. Policies are read once,
//! when the sandbox starts.

mod condition;
mod operations;
mod pattern;
mod s3;
mod statement;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Mutex, PoisonError, atomic::Ordering},
};

use serde_json::Value;

use self::statement::{Action, Effect, PolicyOwner, Statement};
pub use self::{
    operations::{cloudformation_permissions, events_permission, sns_permission, states_permission},
    s3::{CopiedObject, Read, S3Request, bucket_arn},
};
use sandbox_core::{identity::Identity, keys, ports::ApiError};

/// AWS's managed policies for services that the sandbox does not have (logs and traces). They have no effect here.
const WITHOUT_EFFECT: [&str; 3] = ["AWSLambdaBasicExecutionRole", "AWSXRayDaemonWriteAccess", "AWSXrayWriteOnlyAccess"];

/// A policy that cannot be evaluated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the policies of {owner}: {problem}")]
pub struct PolicyError {
    /// The role or bucket of the policies.
    pub owner: String,
    /// The problem, as one sentence.
    pub problem: String,
}

/// The permission that a request needs: an action on a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permission {
    /// For example `s3:PutObject`.
    pub action: String,
    /// The ARN, or `*` if the action has no resource types.
    pub resource: String,
}

impl Permission {
    /// An action on a resource.
    pub fn new(action: impl Into<String>, resource: impl Into<String>) -> Self {
        Self { action: action.into(), resource: resource.into() }
    }
}

/// A denied request. Its message is AWS's
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    caller: String,
    permission: Permission,
    reason: Reason,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    NothingAllows,
    RoleDenies,
    BucketDenies,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { caller, permission: Permission { action, resource }, reason } = self;
        // Only S3 quotes the resource, and only SNS writes its own name in capitals.
        let quote = if action.starts_with("s3:") { "\"" } else { "" };
        let action = action.strip_prefix("sns:").map_or_else(|| action.clone(), |operation| format!("SNS:{operation}"));
        write!(
            formatter,
            "User: {caller} is not authorized to perform: {action} on resource: {quote}{resource}{quote} "
        )?;
        match reason {
            Reason::NothingAllows => write!(formatter, "because no identity-based policy allows the {action} action"),
            Reason::RoleDenies => formatter.write_str("with an explicit deny in an identity-based policy"),
            Reason::BucketDenies => formatter.write_str("with an explicit deny in a resource-based policy"),
        }
    }
}

impl Refusal {
    /// The answer of a service other than S3.
    pub fn answer(&self, code: &str, status: u16) -> ApiError {
        ApiError::new(code, self.to_string()).with_status(status)
    }
}

/// Every policy, by role or bucket.
#[derive(Debug, Default)]
pub struct Iam {
    roles: BTreeMap<String, Vec<Statement>>,
    buckets: BTreeMap<String, Vec<Statement>>,
    refused: Mutex<BTreeSet<(String, String)>>,
}

impl Iam {
    /// Adds a role with its own policies and AWS's managed ones, given by name or ARN.
    pub fn add_role(&mut self, role: &str, documents: &[Value], managed: &[String]) -> Result<(), PolicyError> {
        let failed = |problem| PolicyError { owner: format!("role {role}"), problem };
        for policy in managed {
            let name = policy.rsplit('/').next().unwrap_or(policy);
            if !WITHOUT_EFFECT.contains(&name) {
                return Err(failed(format!("the sandbox does not know what AWS's policy {policy} allows")));
            }
        }
        let statements = self.roles.entry(role.to_owned()).or_default();
        for document in documents {
            statements.extend(Statement::of_document(document, PolicyOwner::Role).map_err(failed)?);
        }
        Ok(())
    }

    /// Adds a policy to a bucket.
    pub fn add_bucket_policy(&mut self, bucket: &str, document: &Value) -> Result<(), PolicyError> {
        let failed = |problem| PolicyError { owner: format!("bucket {bucket}"), problem };
        let statements = Statement::of_document(document, PolicyOwner::Bucket).map_err(failed)?;
        self.buckets.entry(bucket.to_owned()).or_default().extend(statements);
        Ok(())
    }

    /// Authorizes a session of a role. The sandbox has no operations that create roles, so every role outside the stack
    /// is allowed.
    pub fn authorize_role(&self, role_arn: &str, permission: Permission) -> Result<(), Refusal> {
        let session = keys::assumed_role(role_arn, &uuid::Uuid::new_v4().simple().to_string());
        if session.role().is_some_and(|role| self.roles.contains_key(role)) {
            self.authorize(&session, permission)
        } else {
            Ok(())
        }
    }

    /// Authorizes a request. If a single action decides the result, that action is marked as needed: the only one that
    /// allows the request, or the only one that denies what another allows.
    pub fn authorize(&self, caller: &Identity, permission: Permission) -> Result<(), Refusal> {
        let MatchingActions { denying, allowing } = self.matching_actions(caller, &permission);
        let result = self.evaluate(caller, permission);
        let deciding = match (denying.as_slice(), allowing.as_slice()) {
            ([], [only]) if result.is_ok() => Some(only),
            ([only], [_, ..]) => Some(only),
            _ => None,
        };
        if let Some(action) = deciding {
            action.needed.store(true, Ordering::Relaxed);
        }
        result.inspect_err(|refusal| {
            if let Some(role) = caller.role() {
                let refused = (role.to_owned(), refusal.permission.action.clone());
                self.refused.lock().unwrap_or_else(PoisonError::into_inner).insert(refused);
            }
        })
    }

    /// Whether a caller has a permission. Unlike [`Iam::authorize`], it records nothing.
    pub fn allows(&self, caller: &Identity, permission: Permission) -> bool {
        self.evaluate(caller, permission).is_ok()
    }

    /// Every action that the roles' policies allow, and whether it was needed.
    pub fn grants(&self) -> Vec<Grant> {
        self.with_effect(Effect::Allow)
    }

    /// Every action that the roles' policies deny, and whether it was needed: it alone denied a request that another
    /// statement allows.
    pub fn denials(&self) -> Vec<Grant> {
        self.with_effect(Effect::Deny)
    }

    fn with_effect(&self, effect: Effect) -> Vec<Grant> {
        let named = self.roles.iter().flat_map(|(role, statements)| statements.iter().map(move |one| (role, one)));
        named
            .filter(|(_, statement)| statement.effect == effect)
            .flat_map(|(role, statement)| {
                statement.actions.iter().map(|action| Grant {
                    role: role.clone(),
                    statement: statement.name.clone(),
                    action: action.pattern.clone(),
                    needed: action.needed.load(Ordering::Relaxed),
                })
            })
            .collect()
    }

    /// The denied requests of roles: the role's name and the action.
    pub fn refused(&self) -> BTreeSet<(String, String)> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The statements of the caller's role that apply to a request.
    fn matching_actions(&self, caller: &Identity, permission: &Permission) -> MatchingActions<'_> {
        let statements = caller.role().and_then(|role| self.roles.get(role)).into_iter().flatten();
        let (denying, allowing): (Vec<_>, Vec<_>) = statements
            .flat_map(|one| one.effects_on(caller, permission))
            .partition(|(effect, _)| *effect == Effect::Deny);
        let actions = |effects: Vec<(Effect, _)>| effects.into_iter().map(|(_, action)| action).collect();
        MatchingActions { denying: actions(denying), allowing: actions(allowing) }
    }

    /// Evaluates a request. The account's root needs no policy that allows it.
    fn evaluate(&self, caller: &Identity, permission: Permission) -> Result<(), Refusal> {
        let refused = |permission, reason| Err(Refusal { caller: caller.arn.clone(), permission, reason });
        let MatchingActions { denying, allowing } = self.matching_actions(caller, &permission);
        let of_bucket = s3::bucket_of_arn(&permission.resource).and_then(|bucket| self.buckets.get(bucket));
        if !denying.is_empty() {
            return refused(permission, Reason::RoleDenies);
        }
        // The statements of bucket policies only deny.
        if of_bucket.into_iter().flatten().any(|one| !one.effects_on(caller, &permission).is_empty()) {
            return refused(permission, Reason::BucketDenies);
        }
        if caller.role().is_some() && allowing.is_empty() {
            return refused(permission, Reason::NothingAllows);
        }
        Ok(())
    }
}

/// The actions of a role's policies that match a request.
struct MatchingActions<'a> {
    denying: Vec<&'a Action>,
    allowing: Vec<&'a Action>,
}

/// An action that a role's policy allows or denies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// The role's name.
    pub role: String,
    /// The statement's `Sid`, or its number.
    pub statement: String,
    /// The action as in the policy.
    pub action: String,
    /// Whether this action alone decided some request.
    pub needed: bool,
}
