//! IAM: whether a caller may do what it asks, by the policies that the template gives its role.
//!
//! A request is evaluated as AWS does within one account
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>): what any statement
//! denies is refused; then one statement of the role's policies has to allow it. The user's own key belongs to the
//! account's root, which may do everything that no bucket policy denies. Policies are read once, when the sandbox
//! starts.

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

use self::statement::{Action, Attached, Effect, Statement};
pub use self::{
    operations::{cloudformation_needs, events_need, sns_need, states_need},
    s3::{CopiedFrom, Read, S3Request, bucket_arn},
};
use sandbox_core::{identity::Identity, keys, ports::ApiError};

/// AWS's own policies that give what the sandbox has no service for (logs and traces), and so nothing here.
const WITHOUT_EFFECT: [&str; 3] = ["AWSLambdaBasicExecutionRole", "AWSXRayDaemonWriteAccess", "AWSXrayWriteOnlyAccess"];

/// A policy that cannot be evaluated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the policies of {owner}: {problem}")]
pub struct PolicyError {
    /// Whose policies.
    pub owner: String,
    /// One sentence about it.
    pub problem: String,
}

/// What a request needs: an action on a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// For example `s3:PutObject`.
    pub action: String,
    /// Its ARN, or `*` where the action knows no resources.
    pub resource: String,
}

impl Need {
    /// An action on a resource.
    pub fn new(action: impl Into<String>, resource: impl Into<String>) -> Self {
        Self { action: action.into(), resource: resource.into() }
    }
}

/// A refusal, which reads as AWS writes it
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    caller: String,
    need: Need,
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
        let Self { caller, need: Need { action, resource }, reason } = self;
        // S3 alone puts the resource into quotes, and SNS alone writes its own name in capitals.
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
    /// As a service other than S3 answers it.
    pub fn answer(&self, code: &str, status: u16) -> ApiError {
        ApiError::new(code, self.to_string()).with_status(status)
    }
}

/// Every policy, by what it hangs on.
#[derive(Debug, Default)]
pub struct Iam {
    roles: BTreeMap<String, Vec<Statement>>,
    buckets: BTreeMap<String, Vec<Statement>>,
    refused: Mutex<BTreeSet<(String, String)>>,
}

impl Iam {
    /// Gives a role its own policies and those of AWS, which are given by name or ARN.
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
            statements.extend(Statement::of_document(document, Attached::Role).map_err(failed)?);
        }
        Ok(())
    }

    /// Adds a policy to a bucket.
    pub fn add_bucket_policy(&mut self, bucket: &str, document: &Value) -> Result<(), PolicyError> {
        let failed = |problem| PolicyError { owner: format!("bucket {bucket}"), problem };
        let statements = Statement::of_document(document, Attached::Bucket).map_err(failed)?;
        self.buckets.entry(bucket.to_owned()).or_default().extend(statements);
        Ok(())
    }

    /// Whether a session of a role may do something, where the role is the stack's own: the sandbox has no calls that
    /// make roles, and so nothing is known of others.
    pub fn authorize_role(&self, role_arn: &str, need: Need) -> Result<(), Refusal> {
        let session = keys::assumed_role(role_arn, &uuid::Uuid::new_v4().simple().to_string());
        if session.role().is_some_and(|role| self.roles.contains_key(role)) {
            self.authorize(&session, need)
        } else {
            Ok(())
        }
    }

    /// Whether a caller may do something. An action that alone allows it is needed from then on; so is one that alone
    /// denies what another allows.
    pub fn authorize(&self, caller: &Identity, need: Need) -> Result<(), Refusal> {
        let OfRole { denying, allowing } = self.of_role(caller, &need);
        let judged = self.judge(caller, need);
        let deciding = match (denying.as_slice(), allowing.as_slice()) {
            ([], [only]) if judged.is_ok() => Some(only),
            ([only], [_, ..]) => Some(only),
            _ => None,
        };
        if let Some(action) = deciding {
            action.needed.store(true, Ordering::Relaxed);
        }
        judged.inspect_err(|refusal| {
            if let Some(role) = caller.role() {
                let refused = (role.to_owned(), refusal.need.action.clone());
                self.refused.lock().unwrap_or_else(PoisonError::into_inner).insert(refused);
            }
        })
    }

    /// Whether a caller may do something that it has not asked for.
    pub fn allows(&self, caller: &Identity, need: Need) -> bool {
        self.judge(caller, need).is_ok()
    }

    /// Every action that the roles' policies allow, and whether it was needed so far.
    pub fn grants(&self) -> Vec<Grant> {
        self.with_effect(Effect::Allow)
    }

    /// Every action that the roles' policies deny, and whether that was needed so far: it alone has kept a request from
    /// what another statement allows.
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

    /// What roles asked for and were refused so far: the role's name and the action.
    pub fn refused(&self) -> BTreeSet<(String, String)> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the policies of the caller's role say about it.
    fn of_role(&self, caller: &Identity, need: &Need) -> OfRole<'_> {
        let statements = caller.role().and_then(|role| self.roles.get(role)).into_iter().flatten();
        let (denying, allowing): (Vec<_>, Vec<_>) =
            statements.flat_map(|one| one.effects_on(caller, need)).partition(|(effect, _)| *effect == Effect::Deny);
        let actions = |effects: Vec<(Effect, _)>| effects.into_iter().map(|(_, action)| action).collect();
        OfRole { denying: actions(denying), allowing: actions(allowing) }
    }

    /// Whether it is allowed, or why not. What belongs to the account needs no policy that allows it.
    fn judge(&self, caller: &Identity, need: Need) -> Result<(), Refusal> {
        let refused = |need, reason| Err(Refusal { caller: caller.arn.clone(), need, reason });
        let OfRole { denying, allowing } = self.of_role(caller, &need);
        let of_bucket = s3::bucket_of_arn(&need.resource).and_then(|bucket| self.buckets.get(bucket));
        if !denying.is_empty() {
            return refused(need, Reason::RoleDenies);
        }
        // A bucket's policy has statements that deny, and no others.
        if of_bucket.into_iter().flatten().any(|one| !one.effects_on(caller, &need).is_empty()) {
            return refused(need, Reason::BucketDenies);
        }
        if caller.role().is_some() && allowing.is_empty() {
            return refused(need, Reason::NothingAllows);
        }
        Ok(())
    }
}

/// The actions of a role's policies that are about a request.
struct OfRole<'a> {
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
    /// The action as it is written.
    pub action: String,
    /// Whether some request was allowed, or denied, by it alone.
    pub needed: bool,
}
