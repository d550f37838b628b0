//! Statements of policies. An unsupported element is rejected by name when the policy is read: ignoring it would allow
//! too little or, worse, deny too little.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html>

use std::sync::atomic::AtomicBool;

use serde_json::{Map, Value};

use super::{
    Permission,
    condition::Condition,
    pattern::{matches, matches_action},
};
use sandbox_core::identity::Identity;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Allow,
    Deny,
}

/// The owner of a policy, which determines the valid elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PolicyOwner {
    /// A role: the policy allows or denies the role's requests.
    Role,
    /// A bucket: the policy denies requests to the bucket.
    Bucket,
}

/// One statement of a policy.
#[derive(Debug)]
pub(super) struct Statement {
    /// The `Sid`, or the number of a statement without one.
    pub(super) name: String,
    pub(super) effect: Effect,
    pub(super) actions: Vec<Action>,
    resources: Vec<String>,
    conditions: Vec<Condition>,
}

/// An action of a statement.
#[derive(Debug)]
pub(super) struct Action {
    /// The action as in the policy, possibly with wildcards.
    pub(super) pattern: String,
    /// Whether this action alone decided some request.
    pub(super) needed: AtomicBool,
}

impl Statement {
    /// Parses the statements of a policy document. The error is one sentence.
    pub(super) fn of_document(document: &Value, owner: PolicyOwner) -> Result<Vec<Self>, String> {
        let statements = match document.get("Statement") {
            Some(Value::Array(list)) => list.as_slice(),
            Some(one) => std::slice::from_ref(one),
            None => return Err("the policy has no Statement".to_owned()),
        };
        let numbered = statements.iter().enumerate();
        numbered
            .map(|(index, statement)| {
                let name = statement
                    .get("Sid")
                    .and_then(Value::as_str)
                    .map_or_else(|| format!("{}", index + 1), str::to_owned);
                Self::read(&name, statement, owner).map_err(|problem| format!("statement {name}: {problem}"))
            })
            .collect()
    }

    fn read(name: &str, statement: &Value, owner: PolicyOwner) -> Result<Self, String> {
        let elements = statement.as_object().ok_or("a statement should be an object")?;
        for element in elements.keys() {
            let known = matches!(element.as_str(), "Sid" | "Effect" | "Action" | "Resource" | "Condition")
                || (element == "Principal" && owner == PolicyOwner::Bucket);
            if !known {
                return Err(format!("the sandbox does not evaluate {element}"));
            }
        }
        let effect = match elements.get("Effect").and_then(Value::as_str) {
            Some("Allow") if owner == PolicyOwner::Bucket => {
                return Err("the sandbox evaluates what a bucket's policy denies, not what it allows".to_owned());
            }
            Some("Allow") => Effect::Allow,
            Some("Deny") => Effect::Deny,
            _ => return Err("Effect should be Allow or Deny".to_owned()),
        };
        if owner == PolicyOwner::Bucket && !is_everyone(elements.get("Principal")) {
            return Err("the sandbox evaluates statements whose Principal is \"*\"".to_owned());
        }
        let actions = texts(elements, "Action")?;
        if let Some(wrong) = actions.iter().find(|action| *action != "*" && !action.contains(':')) {
            return Err(format!("the action {wrong:?} should be a service and an operation, for example s3:GetObject"));
        }
        let resources = texts(elements, "Resource")?;
        if let Some(variable) = resources.iter().find(|resource| resource.contains("${")) {
            return Err(format!("the sandbox does not replace the policy variable in {variable}"));
        }
        let conditions = elements.get("Condition").map(Condition::read).transpose()?.unwrap_or_default();
        let actions = actions.into_iter().map(|pattern| Action { pattern, needed: AtomicBool::new(false) }).collect();
        Ok(Self { name: name.to_owned(), effect, actions, resources, conditions })
    }

    /// The effect of each matching action of the statement on a request of this caller. Empty unless the whole
    /// statement matches.
    pub(super) fn effects_on(&self, caller: &Identity, permission: &Permission) -> Vec<(Effect, &Action)> {
        let fits = self.resources.iter().any(|resource| matches(resource, &permission.resource))
            && self.conditions.iter().all(|condition| condition.holds(caller));
        let meant = self.actions.iter().filter(|action| fits && matches_action(&action.pattern, &permission.action));
        meant.map(|action| (self.effect, action)).collect()
    }
}

fn is_everyone(principal: Option<&Value>) -> bool {
    match principal {
        Some(Value::Object(kinds)) => kinds.len() == 1 && kinds.get("AWS").and_then(Value::as_str) == Some("*"),
        other => other.and_then(Value::as_str) == Some("*"),
    }
}

/// A required element with one text or a list of them.
fn texts(elements: &Map<String, Value>, name: &str) -> Result<Vec<String>, String> {
    let one =
        |value: &Value| value.as_str().map(str::to_owned).ok_or_else(|| format!("{name} should be texts, not {value}"));
    match elements.get(name) {
        Some(Value::Array(list)) if !list.is_empty() => list.iter().map(one).collect(),
        Some(value @ Value::String(_)) => Ok(vec![one(value)?]),
        Some(other) => Err(format!("{name} should be a text or a list of them, not {other}")),
        None => Err(format!("{name} is missing")),
    }
}
