//! Creates the resources of the template, through the same calls that a client can make.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use sandbox_core::ports::ApiError;
use sandbox_events::Events;
use sandbox_s3::{BucketSettings, ObjectLock, S3, Versioning};
use sandbox_sns::Sns;
use sandbox_states::States;
use sandbox_template::{Bucket, Rule, Stack, StateMachine, Subscription, Topic};

/// A resource of the template that a service rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the sandbox cannot create {what}: {error}")]
pub struct DeployError {
    /// The resource.
    pub what: String,
    /// The error of the service.
    pub error: ApiError,
}

/// The services that create the resources.
pub(crate) struct Deployment<'a> {
    pub(crate) s3: &'a S3,
    pub(crate) sns: &'a Sns,
    pub(crate) states: &'a States,
    pub(crate) events: &'a Events,
    /// Buckets outside of the stack.
    pub(crate) existing_buckets: &'a [BucketSettings],
}

impl Deployment<'_> {
    /// Creates everything, and updates existing resources of an earlier run. State machines come first: their
    /// definitions are the most likely to be invalid, and then nothing else exists yet.
    pub(crate) async fn deploy(&self, stack: &Stack) -> Result<(), DeployError> {
        for machine in &stack.state_machines {
            self.machine(machine).await.map_err(failed(name_of(machine)))?;
        }
        self.buckets(stack)?;
        for topic in &stack.topics {
            self.topic(topic).await.map_err(failed(format!("topic {}", topic.name)))?;
        }
        for subscription in &stack.subscriptions {
            let what = format!("subscription {} of {}", subscription.endpoint, subscription.topic_arn);
            self.subscription(subscription).await.map_err(failed(what))?;
        }
        for rule in &stack.rules {
            self.rule(rule).await.map_err(failed(format!("rule {}", rule.name)))?;
        }
        Ok(())
    }

    /// Creates the buckets that exist outside of the stack, if they are missing, and then the stack's own.
    fn buckets(&self, stack: &Stack) -> Result<(), DeployError> {
        for bucket in self.existing_buckets {
            let is_of_stack = stack.buckets.iter().any(|own| own.name == bucket.name);
            if !is_of_stack && !self.s3.has_bucket(&bucket.name) {
                self.s3.ensure_bucket(bucket).map_err(failed(format!("bucket {}", bucket.name)))?;
            }
        }
        for bucket in &stack.buckets {
            let Bucket { name, properties, .. } = bucket;
            settings_of(bucket, &stack.settings.region)
                .and_then(|settings| self.s3.ensure_bucket(&settings))
                .map_err(failed(format!("bucket {name}")))?;
            self.s3.put_lifecycle(name, properties).map_err(failed(format!("the lifecycle of bucket {name}")))?;
        }
        Ok(())
    }

    async fn topic(&self, topic: &Topic) -> Result<(), ApiError> {
        let form = BTreeMap::from([("Name".to_owned(), topic.name.clone())]);
        self.sns.handle("CreateTopic", form).await.map(drop)
    }

    async fn subscription(&self, subscription: &Subscription) -> Result<(), ApiError> {
        let mut form = BTreeMap::from([
            ("TopicArn".to_owned(), subscription.topic_arn.clone()),
            ("Protocol".to_owned(), subscription.protocol.clone()),
            ("Endpoint".to_owned(), subscription.endpoint.clone()),
        ]);
        let attributes = [
            ("FilterPolicy", subscription.filter_policy.as_ref().map(Value::to_string)),
            ("FilterPolicyScope", subscription.filter_policy_scope.clone()),
        ];
        let given = attributes.into_iter().filter_map(|(name, value)| value.map(|value| (name, value)));
        for (index, (name, value)) in given.enumerate() {
            form.insert(format!("Attributes.entry.{}.key", index + 1), name.to_owned());
            form.insert(format!("Attributes.entry.{}.value", index + 1), value);
        }
        self.sns.handle("Subscribe", form).await.map(drop)
    }

    async fn machine(&self, machine: &StateMachine) -> Result<(), ApiError> {
        let create = json!({
            "name": machine.name,
            "definition": machine.definition,
            "roleArn": machine.role_arn,
            "type": machine.kind,
        });
        self.states.keep_machine(&machine.arn).map_err(|error| ApiError::new("InternalFailure", error.to_string()))?;
        match self.states.handle("CreateStateMachine", create).await {
            Err(error) if error.code == "StateMachineAlreadyExists" => {
                let update = json!({
                    "stateMachineArn": machine.arn,
                    "definition": machine.definition,
                    "roleArn": machine.role_arn,
                });
                self.states.handle("UpdateStateMachine", update).await.map(drop)
            }
            other => other.map(drop),
        }
    }

    async fn rule(&self, rule: &Rule) -> Result<(), ApiError> {
        let put = json!({
            "Name": rule.name,
            "EventPattern": rule.pattern.to_string(),
            "State": if rule.is_enabled { "ENABLED" } else { "DISABLED" },
        });
        self.events.handle("PutRule", put).await?;
        let answer = self.events.handle("PutTargets", json!({ "Rule": rule.name, "Targets": rule.targets })).await?;
        match answer.pointer("/FailedEntries/0") {
            None => Ok(()),
            Some(entry) => Err(ApiError::new("ValidationException", format!("a target was refused: {entry}"))),
        }
    }
}

/// A state machine with the file of its definition, for messages.
fn name_of(machine: &StateMachine) -> String {
    let file = machine.file.as_ref().map(|file| format!(" of {}", file.display()));
    format!("the state machine {}{}", machine.logical_id, file.unwrap_or_default())
}

fn settings_of(bucket: &Bucket, region: &str) -> Result<BucketSettings, ApiError> {
    Ok(BucketSettings {
        name: bucket.name.clone(),
        region: region.to_owned(),
        versioning: if bucket.is_versioned { Versioning::Enabled } else { Versioning::Never },
        event_bridge: bucket.sends_events,
        object_lock: ObjectLock::of_properties(&bucket.properties)?,
    })
}

fn failed(what: String) -> impl FnOnce(ApiError) -> DeployError {
    move |error| DeployError { what, error }
}
