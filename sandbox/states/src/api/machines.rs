//! The operations on state machines.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    body::{Body, invalid},
    lookup,
    page::page,
    write_failed,
};
use crate::{
    Inner, clock,
    definition::{self, Diagnostic, Graph},
    machine::{Machine, Revision},
};
use sandbox_core::ports::{ACCOUNT, ApiError};

fn parsed(definition: &str) -> Result<Arc<Graph>, ApiError> {
    definition::parse(definition).map(Arc::new).map_err(|findings| {
        let findings: Vec<String> = findings.iter().map(Diagnostic::to_string).collect();
        let message = format!("Invalid State Machine Definition: '{}'", findings.join(", "));
        ApiError::new("InvalidDefinition", message)
    })
}

fn refuse_unsupported(body: &Body) -> Result<(), ApiError> {
    if body.flag("publish")? {
        return Err(invalid("Versions of state machines are not supported here; leave 'publish' out."));
    }
    if body.get("versionDescription").is_some() {
        return Err(invalid("A 'versionDescription' needs 'publish' to be true."));
    }
    if body.optional_text("type")? == Some("EXPRESS") {
        return Err(invalid("State machines of type 'EXPRESS' are not supported here; use STANDARD."));
    }
    Ok(())
}

pub(super) fn create(inner: &Inner, body: &Body) -> Result<Value, ApiError> {
    let name = body.text("name")?;
    let (definition, role) = (body.text("definition")?, body.text("roleArn")?);
    Body::name(name)?;
    refuse_unsupported(body)?;
    let graph = parsed(definition)?;
    let arn = format!("arn:aws:states:{}:{ACCOUNT}:stateMachine:{name}", inner.region);
    if let Some(existing) = inner.machines.get(&arn) {
        let same =
            inner.machines.revision(&existing.revision).is_some_and(|revision| revision.definition == definition);
        if existing.deleting {
            return Err(ApiError::new("StateMachineDeleting", format!("State Machine is being deleted: '{arn}'")));
        }
        if !same {
            let message = format!("State Machine Already Exists: '{arn}'");
            return Err(ApiError::new("StateMachineAlreadyExists", message));
        }
        return Ok(json!({"stateMachineArn": arn, "creationDate": clock::wire(existing.created)}));
    }
    permit_managed_rule(inner, &graph, role)?;
    let now = clock::now();
    let revision = new_revision(name, definition, role, now, graph);
    let machine = Machine {
        arn: arn.clone(),
        name: name.to_owned(),
        revision: revision.id.clone(),
        created: now,
        deleting: false,
        tags: tags(body)?.into_iter().collect(),
    };
    inner.machines.put_revision(revision).map_err(write_failed)?;
    inner.machines.put(machine).map_err(write_failed)?;
    Ok(json!({"stateMachineArn": arn, "creationDate": clock::wire(now)}))
}

/// Checks the permissions that Step Functions requires of the role of a machine that waits for executions. With that
/// role it creates the rule by which `EventBridge` reports their ends
/// (<https://docs.aws.amazon.com/step-functions/latest/dg/stepfunctions-iam.html>). The error is AWS's, for a creation
/// (<https://github.com/nasa/cumulus/pull/2693>) and for an update
/// (<https://github.com/aws-ia/terraform-aws-control_tower_account_factory/issues/365>).
fn permit_managed_rule(inner: &Inner, graph: &Graph, role: &str) -> Result<(), ApiError> {
    if !graph.waits_for_executions() {
        return Ok(());
    }
    let name = "StepFunctionsGetEventsForStepFunctionsExecutionRule";
    let rule_arn = format!("arn:aws:events:{}:{ACCOUNT}:rule/{name}", inner.region);
    for action in ["events:PutRule", "events:PutTargets", "events:DescribeRule"] {
        inner.runner.permit(role, action, &rule_arn).map_err(|_refusal| {
            ApiError::new("AccessDeniedException", format!("'{role}' is not authorized to create managed-rule."))
        })?;
    }
    Ok(())
}

fn new_revision(name: &str, definition: &str, role: &str, since: i64, graph: Arc<Graph>) -> Revision {
    Revision {
        id: uuid::Uuid::new_v4().to_string(),
        name: name.to_owned(),
        definition: definition.to_owned(),
        role: role.to_owned(),
        since,
        graph: Some(graph),
    }
}

fn current(inner: &Inner, machine: &Machine) -> Result<Arc<Revision>, ApiError> {
    inner.machines.revision(&machine.revision).ok_or_else(|| {
        let message = format!("The sandbox's data has no revision '{}' of '{}'.", machine.revision, machine.arn);
        ApiError::new("InternalFailure", message).with_status(500)
    })
}

pub(super) fn update(inner: &Inner, body: &Body) -> Result<Value, ApiError> {
    lookup::refuse_label(body.text("stateMachineArn")?)?;
    let machine = lookup::machine(inner, body.text("stateMachineArn")?)?;
    if machine.deleting {
        let message = format!("State Machine is being deleted: '{}'", machine.arn);
        return Err(ApiError::new("StateMachineDeleting", message));
    }
    refuse_unsupported(body)?;
    let (definition, role) = (body.optional_text("definition")?, body.optional_text("roleArn")?);
    let previous = current(inner, &machine)?;
    let settings = ["loggingConfiguration", "tracingConfiguration"].iter().any(|name| body.get(name).is_some());
    if definition.is_none() && role.is_none() && !settings {
        return Err(ApiError::new(
            "MissingRequiredParameter",
            "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be \
             specified",
        ));
    }
    let (definition, role) = (definition.unwrap_or(&previous.definition), role.unwrap_or(&previous.role));
    let graph = parsed(definition)?;
    permit_managed_rule(inner, &graph, role)?;
    let now = clock::now();
    let revision = new_revision(&machine.name, definition, role, now, graph);
    let id = revision.id.clone();
    inner.machines.put_revision(revision).map_err(write_failed)?;
    inner.machines.put(Machine { revision: id.clone(), ..machine }).map_err(write_failed)?;
    Ok(json!({"updateDate": clock::wire(now), "revisionId": id}))
}

/// Deletes a machine. A missing machine is no error.
pub(super) fn delete(inner: &Inner, body: &Body) -> Result<Value, ApiError> {
    let arn = body.text("stateMachineArn")?;
    lookup::refuse_label(arn)?;
    if !arn.starts_with("arn:") {
        return Err(ApiError::new("InvalidArn", format!("Invalid Arn: '{arn}'")));
    }
    if let Some(machine) = inner.machines.get(arn) {
        inner.machines.put(Machine { deleting: true, ..machine }).map_err(write_failed)?;
        inner.finish_deletion(arn);
    }
    Ok(json!({}))
}

pub(super) fn list(inner: &Inner, body: &Body) -> Result<Value, ApiError> {
    let machines = inner.machines.all();
    let shown = machines.iter().map(|machine| {
        json!({
            "stateMachineArn": machine.arn,
            "name": machine.name,
            "type": "STANDARD",
            "creationDate": clock::wire(machine.created),
        })
    });
    page(body, "stateMachines", (1..).zip(shown), |machine| machine)
}

fn description(machine: &str, revision: &Revision) -> Value {
    json!({
        "stateMachineArn": machine,
        "name": revision.name,
        "definition": revision.definition,
        "roleArn": revision.role,
        "loggingConfiguration": {"level": "OFF", "includeExecutionData": false},
        "tracingConfiguration": {"enabled": false},
        "revisionId": revision.id,
    })
}

pub(super) fn describe(inner: &Inner, body: &Body) -> Result<Value, ApiError> {
    lookup::refuse_label(body.text("stateMachineArn")?)?;
    let machine = lookup::machine(inner, body.text("stateMachineArn")?)?;
    let mut answer = description(&machine.arn, &*current(inner, &machine)?);
    answer["status"] = json!(if machine.deleting { "DELETING" } else { "ACTIVE" });
    answer["type"] = json!("STANDARD");
    answer["creationDate"] = clock::wire(machine.created);
    Ok(answer)
}

pub(super) fn describe_for_execution(inner: &Inner, body: &Body) -> Result<Value, ApiError> {
    let record = lookup::execution(inner, body)?.record();
    let revision = inner.machines.revision(&record.revision).ok_or_else(|| {
        let message = format!("The sandbox's data has no revision '{}'.", record.revision);
        ApiError::new("InternalFailure", message).with_status(500)
    })?;
    let mut answer = description(&record.machine, &revision);
    answer["updateDate"] = clock::wire(revision.since);
    Ok(answer)
}

pub(super) fn validate(body: &Body) -> Result<Value, ApiError> {
    let findings = definition::parse(body.text("definition")?).err().unwrap_or_default();
    let result = if findings.is_empty() { "OK" } else { "FAIL" };
    let diagnostics: Vec<Value> = findings
        .iter()
        .map(|finding| {
            json!({
                "severity": "ERROR",
                "code": finding.code,
                "message": finding.message,
                "location": finding.location,
            })
        })
        .collect();
    Ok(json!({"result": result, "diagnostics": diagnostics, "truncated": false}))
}

fn tags(body: &Body) -> Result<Vec<(String, String)>, ApiError> {
    let Some(tags) = body.get("tags") else { return Ok(Vec::new()) };
    tags.as_array()
        .and_then(|tags| {
            let text = |tag: &Value, name: &str| tag.get(name)?.as_str().map(str::to_owned);
            tags.iter().map(|tag| Some((text(tag, "key")?, text(tag, "value").unwrap_or_default()))).collect()
        })
        .ok_or_else(|| invalid("Field 'tags' must be a list of objects with 'key' and 'value'."))
}

fn tagged(inner: &Inner, body: &Body) -> Result<Machine, ApiError> {
    let arn = body.text("resourceArn")?;
    lookup::machine(inner, arn).map_err(|_| ApiError::new("ResourceNotFound", format!("Resource not found: '{arn}'")))
}

pub(super) fn list_tags(inner: &Inner, body: &Body) -> Result<Value, ApiError> {
    let machine = tagged(inner, body)?;
    let tags: Vec<Value> = machine.tags.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
    Ok(json!({"tags": tags}))
}

pub(super) fn tag(inner: &Inner, body: &Body) -> Result<Value, ApiError> {
    let mut machine = tagged(inner, body)?;
    machine.tags.extend(tags(body)?);
    inner.machines.put(machine).map_err(write_failed)?;
    Ok(json!({}))
}

pub(super) fn untag(inner: &Inner, body: &Body) -> Result<Value, ApiError> {
    let mut machine = tagged(inner, body)?;
    let keys = body.get("tagKeys").and_then(Value::as_array).cloned().unwrap_or_default();
    machine.tags.retain(|key, _| !keys.iter().any(|gone| gone == key));
    inner.machines.put(machine).map_err(write_failed)?;
    Ok(json!({}))
}
