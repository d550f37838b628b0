//! Converts the section Resources to the model: functions, buckets, topics, queues, rules and roles.

use serde_json::{Map, Value, json};

use super::{
    Bucket, BucketPolicy, Function, Logging, Queue, Role, Rule, Stack, Subscription, TemplateError, Topic, machines,
    names::{self, Kind},
    properties::Properties,
    scope::Scope,
};

/// Reads every resource whose condition is true into `stack`. Resources that configure others come last.
pub(super) fn read(scope: &Scope, stack: &mut Stack) -> Result<(), TemplateError> {
    let mut later = Vec::new();
    for (logical_id, resource) in scope.document.section("Resources") {
        let kind = names::kind(scope, logical_id)?;
        if !names::is_wanted(scope, logical_id)? {
            continue;
        }
        match kind {
            Kind::Function => function(scope, logical_id, stack)?,
            Kind::StateMachine => machines::state_machine(scope, logical_id, stack)?,
            Kind::Bucket => stack.buckets.push(bucket(scope, logical_id)?),
            Kind::Topic => topic(scope, logical_id, stack)?,
            Kind::Queue => stack.queues.push(queue(scope, &names::name(scope, logical_id)?)),
            Kind::Rule => stack.rules.push(rule(scope, logical_id)?),
            Kind::Role => stack.roles.push(role(scope, logical_id)?),
            Kind::LogGroup | Kind::Key | Kind::KeyAlias => {}
            Kind::Other => later.push((logical_id, resource.get("Type").and_then(Value::as_str).unwrap_or_default())),
        }
    }
    later.into_iter().try_for_each(|(logical_id, type_name)| other(scope, logical_id, type_name, stack))
}

fn function(scope: &Scope, logical_id: &str, stack: &mut Stack) -> Result<(), TemplateError> {
    let properties = Properties::of(scope, logical_id, Some("Function"))?;
    let name = names::name(scope, logical_id)?;
    let environment = match properties.get("Environment") {
        None => Properties::evaluated(scope, "", &Value::Null)?,
        Some(value) => Properties::evaluated(scope, &format!("Resources.{logical_id}.Properties.Environment"), value)?,
    };
    let architectures = properties.list("Architectures");
    let arn = names::arn(scope.settings, Kind::Function, &name);
    let role_arn = calling_role(&properties, logical_id, stack)?;
    stack.functions.push(Function {
        logical_id: logical_id.to_owned(),
        crate_name: crate_name(scope, logical_id, &properties)?,
        handler: properties.optional("Handler")?.unwrap_or_else(|| "bootstrap".to_owned()),
        runtime: properties.required("Runtime")?,
        architecture: architectures.first().and_then(Value::as_str).unwrap_or("x86_64").to_owned(),
        timeout_seconds: properties.number("Timeout")?.unwrap_or(3),
        memory_mib: properties.number("MemorySize")?.unwrap_or(128),
        reserved_concurrency: properties.number("ReservedConcurrentExecutions")?,
        environment: environment.texts("Variables")?,
        logging: logging(&properties, &name),
        role_arn,
        arn: arn.clone(),
        name,
    });
    machines::events(&properties, logical_id, &arn, stack)
}

fn logging(properties: &Properties, function: &str) -> Logging {
    let text = |name: &str| properties.get("LoggingConfig")?.get(name)?.as_str().map(str::to_owned);
    Logging {
        format: text("LogFormat").unwrap_or_else(|| "Text".to_owned()),
        level: text("ApplicationLogLevel"),
        group: text("LogGroup").unwrap_or_else(|| format!("/aws/lambda/{function}")),
    }
}

/// The crate of a function: the binary in the build metadata of cargo-lambda, or the folder of its code.
fn crate_name(scope: &Scope, logical_id: &str, properties: &Properties) -> Result<String, TemplateError> {
    let binary = scope.document.get(&["Resources", logical_id, "Metadata", "BuildProperties", "Binary"]);
    if let Some(binary) = binary {
        return scope.text(binary, &format!("Resources.{logical_id}.Metadata.BuildProperties.Binary"));
    }
    let folder = properties.required("CodeUri")?;
    let last = folder.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    if last.is_empty() || last.starts_with('.') {
        let message = format!("the last part of {folder:?} should be the name of the function's crate");
        return Err(properties.error("CodeUri", message));
    }
    Ok(last.to_owned())
}

/// The role of a function or a state machine: the given one, or the one that SAM creates for its policies.
pub(super) fn calling_role(
    properties: &Properties,
    logical_id: &str,
    stack: &mut Stack,
) -> Result<String, TemplateError> {
    if let Some(arn) = properties.optional("Role")? {
        return Ok(arn);
    }
    let settings = properties.scope().settings;
    let name = names::default_name(settings, &format!("{logical_id}Role"));
    let arn = names::arn(settings, Kind::Role, &name);
    let mut role = Role { name, arn: arn.clone(), policies: Vec::new(), managed_policies: Vec::new() };
    for (index, policy) in properties.list("Policies").into_iter().enumerate() {
        match policy {
            Value::String(managed) => role.managed_policies.push(managed),
            document if document.get("Statement").is_some() => role.policies.push(document),
            other => {
                let name = other.as_object().and_then(|entries| entries.keys().next()).cloned().unwrap_or_default();
                let message = format!(
                    "the sandbox does not know the policy template {name:?}; write the policy's Statement here instead"
                );
                return Err(properties.error(&format!("Policies[{index}]"), message));
            }
        }
    }
    stack.roles.push(role);
    Ok(arn)
}

fn role(scope: &Scope, logical_id: &str) -> Result<Role, TemplateError> {
    let properties = Properties::of(scope, logical_id, None)?;
    let name = names::name(scope, logical_id)?;
    let documents = properties.list("Policies").into_iter();
    let managed = properties.list("ManagedPolicyArns").into_iter();
    Ok(Role {
        arn: names::arn(scope.settings, Kind::Role, &name),
        name,
        policies: documents.filter_map(|mut policy| policy.get_mut("PolicyDocument").map(Value::take)).collect(),
        managed_policies: managed.filter_map(|arn| arn.as_str().map(str::to_owned)).collect(),
    })
}

fn bucket(scope: &Scope, logical_id: &str) -> Result<Bucket, TemplateError> {
    let properties = Properties::of(scope, logical_id, None)?.all();
    let at = |pointer: &str| properties.pointer(pointer);
    let events = at("/NotificationConfiguration/EventBridgeConfiguration");
    let switched_off = |value: &Value| matches!(value, Value::Bool(false)) || value.as_str() == Some("false");
    Ok(Bucket {
        logical_id: logical_id.to_owned(),
        name: names::name(scope, logical_id)?,
        is_versioned: at("/VersioningConfiguration/Status").and_then(Value::as_str) == Some("Enabled"),
        sends_events: events.is_some_and(|config| !config.get("EventBridgeEnabled").is_some_and(switched_off)),
        properties,
    })
}

fn topic(scope: &Scope, logical_id: &str, stack: &mut Stack) -> Result<(), TemplateError> {
    let properties = Properties::of(scope, logical_id, None)?;
    let name = names::name(scope, logical_id)?;
    let arn = names::arn(scope.settings, Kind::Topic, &name);
    for (index, own) in properties.list("Subscription").iter().enumerate() {
        let path = format!("Resources.{logical_id}.Properties.Subscription[{index}]");
        stack.subscriptions.push(subscription(&Properties::evaluated(scope, &path, own)?, arn.clone())?);
    }
    stack.topics.push(Topic { name, arn });
    Ok(())
}

fn subscription(properties: &Properties, topic_arn: String) -> Result<Subscription, TemplateError> {
    Ok(Subscription {
        topic_arn,
        protocol: properties.required("Protocol")?,
        endpoint: properties.required("Endpoint")?,
        filter_policy: properties.get("FilterPolicy").cloned(),
        filter_policy_scope: properties.optional("FilterPolicyScope")?,
    })
}

/// A queue by its physical name.
pub(super) fn queue(scope: &Scope, name: &str) -> Queue {
    Queue { name: name.to_owned(), arn: names::arn(scope.settings, Kind::Queue, name) }
}

fn rule(scope: &Scope, logical_id: &str) -> Result<Rule, TemplateError> {
    let properties = Properties::of(scope, logical_id, None)?;
    let Some(pattern) = properties.get("EventPattern") else {
        return Err(properties.error("EventPattern", "the sandbox runs rules with an event pattern, not schedules"));
    };
    Ok(Rule {
        name: names::name(scope, logical_id)?,
        pattern: pattern.clone(),
        is_enabled: properties.optional("State")?.as_deref() != Some("DISABLED"),
        targets: properties.list("Targets"),
    })
}

/// Resources that configure another one. The sandbox ignores the types that are not listed here.
fn other(scope: &Scope, logical_id: &str, type_name: &str, stack: &mut Stack) -> Result<(), TemplateError> {
    let properties = Properties::of(scope, logical_id, None)?;
    match type_name {
        "AWS::S3::BucketPolicy" => stack.bucket_policies.push(BucketPolicy {
            bucket: properties.required("Bucket")?,
            document: properties.get("PolicyDocument").cloned().unwrap_or_else(|| json!({})),
        }),
        "AWS::SNS::Subscription" => {
            let topic = properties.required("TopicArn")?;
            stack.subscriptions.push(subscription(&properties, topic)?);
        }
        "AWS::IAM::Policy" => {
            let document = properties.get("PolicyDocument").cloned().unwrap_or(Value::Object(Map::new()));
            for role_name in properties.list("Roles") {
                let found = stack.roles.iter_mut().find(|role| role_name.as_str() == Some(&role.name));
                let Some(role) = found else {
                    return Err(properties.error("Roles", format!("the template has no role {role_name}")));
                };
                role.policies.push(document.clone());
            }
        }
        _ => {}
    }
    Ok(())
}
