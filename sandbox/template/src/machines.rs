//! State machines with their definition files, and the rules that SAM creates for a resource's `Events`.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::{
    Role, Rule, Settings, Stack, StateMachine, TemplateError,
    names::{self, Kind},
    properties::Properties,
    resources::{calling_role, queue},
    scope::{Scope, replace_names},
};

/// Reads a state machine into `stack`.
pub(super) fn state_machine(scope: &Scope, logical_id: &str, stack: &mut Stack) -> Result<(), TemplateError> {
    let properties = Properties::of(scope, logical_id, Some("StateMachine"))?;
    let name = names::name(scope, logical_id)?;
    let arn = names::arn(scope.settings, Kind::StateMachine, &name);
    let (written, file) = written_definition(scope, &properties)?;
    let machine = StateMachine {
        logical_id: logical_id.to_owned(),
        role_arn: calling_role(&properties, logical_id, stack)?,
        kind: properties.optional("Type")?.unwrap_or_else(|| "STANDARD".to_owned()),
        definition: substituted(&properties, &written)?,
        file,
        arn: arn.clone(),
        name,
    };
    stack.state_machines.push(machine);
    events(&properties, logical_id, &arn, stack)
}

/// The definition without substitutions, and its file.
fn written_definition(scope: &Scope, properties: &Properties) -> Result<(String, Option<PathBuf>), TemplateError> {
    if let Some(definition) = properties.get("Definition") {
        return Ok((definition.to_string(), None));
    }
    let uri = properties.required("DefinitionUri")?;
    let file = scope.document.folder().join(&uri);
    let text = std::fs::read_to_string(&file).map_err(|error| {
        properties.error("DefinitionUri", format!("the definition {} cannot be read: {error}", file.display()))
    })?;
    let is_yaml = Path::new(&uri).extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
    if !is_yaml {
        return Ok((text, Some(file)));
    }
    let wrong = |error: serde_yaml_ng::Error| {
        properties.error("DefinitionUri", format!("{} is not YAML that can be read: {error}", file.display()))
    };
    let definition: Value = serde_yaml_ng::from_str(&text).map_err(wrong)?;
    Ok((definition.to_string(), Some(file)))
}

fn substituted(properties: &Properties, written: &str) -> Result<String, TemplateError> {
    let substitutions = properties.texts("DefinitionSubstitutions")?;
    replace_names(written, |name| {
        substitutions.get(name).map(|value| in_json(value)).ok_or_else(|| {
            let given: Vec<&str> = substitutions.keys().map(String::as_str).collect();
            let given = if given.is_empty() { "none".to_owned() } else { given.join(", ") };
            properties.error(
                "DefinitionSubstitutions",
                format!("the definition wants ${{{name}}}, but the substitutions given are: {given}"),
            )
        })
    })
}

/// Escapes a value for a JSON string.
fn in_json(value: &str) -> String {
    let quoted = Value::from(value).to_string();
    quoted.trim_start_matches('"').trim_end_matches('"').to_owned()
}

/// The rules that SAM creates for `Events`, each with the resource as its only target.
pub(super) fn events(
    properties: &Properties,
    logical_id: &str,
    target_arn: &str,
    stack: &mut Stack,
) -> Result<(), TemplateError> {
    let Some(events) = properties.get("Events") else { return Ok(()) };
    let scope = properties.scope();
    for (event, declaration) in events.as_object().into_iter().flatten() {
        let path = format!("Resources.{logical_id}.Properties.Events.{event}");
        let kind = declaration.get("Type").and_then(Value::as_str).unwrap_or_default();
        if !matches!(kind, "EventBridgeRule" | "CloudWatchEvent") {
            let message = format!("the sandbox reads events of type EventBridgeRule, not {kind:?}");
            return Err(scope.document.error(&format!("{path}.Type"), message));
        }
        let own = declaration.get("Properties").cloned().unwrap_or_default();
        let own = Properties::evaluated(scope, &format!("{path}.Properties"), &own)?;
        let Some(pattern) = own.get("Pattern") else {
            return Err(own.error("Pattern", "this property is missing"));
        };
        let pattern = pattern.clone();
        let made = format!("{logical_id}{event}");
        let name = own.optional("RuleName")?.unwrap_or_else(|| names::default_name(scope.settings, &made));
        let target = target(&own, &made, target_arn, stack);
        stack.rules.push(Rule {
            name,
            pattern,
            is_enabled: own.optional("State")?.as_deref() != Some("DISABLED"),
            targets: vec![target],
        });
    }
    Ok(())
}

/// The role that SAM creates for a rule that starts a machine
/// (<https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification-generated-resources-statemachine.html>).
fn starting_role(settings: &Settings, made: &str, machine_arn: &str) -> Role {
    let name = names::default_name(settings, &format!("{made}Role"));
    let start = json!({ "Effect": "Allow", "Action": "states:StartExecution", "Resource": machine_arn });
    Role {
        arn: names::arn(settings, Kind::Role, &name),
        name,
        policies: vec![json!({ "Version": "2012-10-17", "Statement": [start] })],
        managed_policies: Vec::new(),
    }
}

/// The target of a rule that SAM creates, in the format of `PutTargets`.
fn target(own: &Properties, made: &str, arn: &str, stack: &mut Stack) -> Value {
    let scope = own.scope();
    let id = own.get("Target").and_then(|target| target.get("Id")).and_then(Value::as_str);
    let mut target =
        Map::from_iter([("Id".to_owned(), Value::from(id.unwrap_or(made))), ("Arn".to_owned(), Value::from(arn))]);
    if arn.contains(":states:") {
        let role = starting_role(scope.settings, made, arn);
        target.insert("RoleArn".to_owned(), Value::from(role.arn.clone()));
        stack.roles.push(role);
    }
    for name in ["Input", "InputPath", "InputTransformer", "RetryPolicy"] {
        if let Some(value) = own.get(name) {
            target.insert(name.to_owned(), value.clone());
        }
    }
    if let Some(dead_letter) = own.get("DeadLetterConfig") {
        let arn = if let Some(arn) = dead_letter.get("Arn").and_then(Value::as_str) {
            arn.to_owned()
        } else {
            let given = dead_letter.get("QueueLogicalId").and_then(Value::as_str);
            let logical_id = given.map_or_else(|| format!("{made}Queue"), str::to_owned);
            let queue = queue(scope, &names::default_name(scope.settings, &logical_id));
            let arn = queue.arn.clone();
            stack.queues.push(queue);
            arn
        };
        target.insert("DeadLetterConfig".to_owned(), Value::Object(Map::from_iter([("Arn".to_owned(), arn.into())])));
    }
    Value::Object(target)
}
