//! Reads an AWS SAM `template.yaml`, so that the sandbox runs what is deployed.
//!
//! The template is evaluated as `CloudFormation` and SAM do: parameters, conditions, mappings, functions such as
//! `!Sub`, names of resources, roles for policies, rules for `Events`. Unsupported parts are rejected with one sentence
//! that names their location.

mod document;
mod error;
mod machines;
mod model;
mod names;
mod parameters;
mod properties;
mod resources;
mod scope;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, path::Path};

use serde_json::Value;

use self::{document::Document, scope::Scope};
pub use self::{
    error::TemplateError,
    model::{
        Bucket, BucketPolicy, Function, Logging, Queue, Role, Rule, Settings, Stack, StateMachine, Subscription, Topic,
    },
};

impl Stack {
    /// Reads and evaluates a template.
    pub fn read(file: &Path, settings: &Settings) -> Result<Self, TemplateError> {
        Self::of(&Document::read(file)?, settings)
    }

    /// The ARN of the stack, which CloudFormation calls its ID.
    pub fn id(&self) -> String {
        names::stack_id(&self.settings)
    }

    /// A stack without resources.
    pub fn empty(settings: Settings) -> Self {
        Self {
            settings,
            functions: Vec::new(),
            roles: Vec::new(),
            state_machines: Vec::new(),
            buckets: Vec::new(),
            bucket_policies: Vec::new(),
            topics: Vec::new(),
            subscriptions: Vec::new(),
            queues: Vec::new(),
            rules: Vec::new(),
            outputs: BTreeMap::new(),
            parameters: BTreeMap::new(),
        }
    }

    fn of(document: &Document, settings: &Settings) -> Result<Self, TemplateError> {
        let scope = Scope::new(document, settings)?;
        let mut stack = Self::empty(settings.clone());
        rules(&scope)?;
        resources::read(&scope, &mut stack)?;
        stack.outputs = outputs(&scope)?;
        for (name, _) in document.section("Parameters") {
            stack.parameters.extend(scope.parameter(name).map(|value| (name.clone(), value)));
        }
        Ok(stack)
    }
}

/// Checks the section Rules, which constrains combinations of parameters.
fn rules(scope: &Scope) -> Result<(), TemplateError> {
    for (name, rule) in scope.document.section("Rules") {
        let path = format!("Rules.{name}");
        if let Some(condition) = rule.get("RuleCondition")
            && !scope.truth(condition, &path)?
        {
            continue;
        }
        for assertion in rule.get("Assertions").and_then(Value::as_array).into_iter().flatten() {
            if !scope.truth(assertion.get("Assert").unwrap_or(&Value::Null), &path)? {
                let description = assertion.get("AssertDescription").and_then(Value::as_str);
                return Err(scope.document.error(&path, description.unwrap_or("the parameters do not keep this rule")));
            }
        }
    }
    Ok(())
}

fn outputs(scope: &Scope) -> Result<BTreeMap<String, String>, TemplateError> {
    let mut outputs = BTreeMap::new();
    for (name, output) in scope.document.section("Outputs") {
        if let Some(condition) = output.get("Condition").and_then(Value::as_str)
            && !scope.condition(condition, &format!("Outputs.{name}.Condition"))?
        {
            continue;
        }
        let value = output.get("Value").unwrap_or(&Value::Null);
        outputs.insert(name.clone(), scope.text(value, &format!("Outputs.{name}.Value"))?);
    }
    Ok(outputs)
}
