//! The operations on topics.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    AttributesResult, SUBSCRIPTIONS, Sns, TOPICS,
    form::{Form, attributes, only, page, required},
    internal, invalid, no_topic,
};
use sandbox_core::{
    ports::{ACCOUNT, ApiError},
    query::{self, Members},
};

/// A topic in the store.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Topic {
    pub(super) attributes: BTreeMap<String, String>,
}

/// The attributes that are stored. Only the display name has an effect: it is the sender name of mail.
const ATTRIBUTES: [&str; 6] =
    ["DisplayName", "Policy", "DeliveryPolicy", "KmsMasterKeyId", "SignatureVersion", "TracingConfig"];

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TopicArn {
    topic_arn: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListTopics {
    topics: Members<TopicArn>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

fn check_name(name: &str) -> Result<(), ApiError> {
    if name.strip_suffix(".fifo").is_some() {
        return Err(invalid(format!("Topic Name {name}: the sandbox has no FIFO topics")));
    }
    let of_name = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_');
    if name.is_empty() || name.len() > 256 || !name.chars().all(of_name) {
        return Err(invalid(format!(
            "Topic Name {name:?} must be 1 to 256 ASCII letters, digits, hyphens or underscores"
        )));
    }
    Ok(())
}

fn check_attribute(name: &str) -> Result<(), ApiError> {
    if ATTRIBUTES.contains(&name) {
        return Ok(());
    }
    Err(invalid(format!("AttributeName {name}: the sandbox keeps {} of a topic", ATTRIBUTES.join(", "))))
}

impl Sns {
    pub(super) fn create_topic(&self, form: &Form) -> Result<String, ApiError> {
        only(form, "CreateTopic", &["Name", "Attributes."])?;
        let name = required(form, "Name")?;
        check_name(name)?;
        let attributes = attributes(form)?;
        for attribute in attributes.keys() {
            check_attribute(attribute)?;
        }
        let arn = format!("arn:aws:sns:{}:{ACCOUNT}:{name}", self.region);
        let mut state = self.write();
        match state.topics.get(&arn) {
            Some(topic) if attributes.iter().any(|(name, value)| topic.attributes.get(name) != Some(value)) => {
                return Err(invalid(format!(
                    "Attributes Reason: Topic {name} already exists with different attributes"
                )));
            }
            Some(_) => {}
            None => {
                let topic = Topic { attributes };
                self.store.put(TOPICS, &arn, &topic).map_err(internal)?;
                state.topics.insert(arn.clone(), topic);
            }
        }
        query::result("CreateTopic", &TopicArn { topic_arn: arn })
    }

    /// Removes a topic and its subscriptions. A missing topic is no error, as on AWS.
    pub(super) fn delete_topic(&self, form: &Form) -> Result<String, ApiError> {
        only(form, "DeleteTopic", &["TopicArn"])?;
        let arn = required(form, "TopicArn")?;
        let mut state = self.write();
        let of_topic: Vec<String> = state
            .subscriptions
            .iter()
            .filter(|(_, subscription)| subscription.record.topic_arn == arn)
            .map(|(arn, _)| arn.clone())
            .collect();
        for subscription in of_topic {
            self.store.delete(SUBSCRIPTIONS, &subscription).map_err(internal)?;
            state.subscriptions.remove(&subscription);
        }
        self.store.delete(TOPICS, arn).map_err(internal)?;
        state.topics.remove(arn);
        Ok(String::new())
    }

    pub(super) fn list_topics(&self, form: &Form) -> Result<String, ApiError> {
        only(form, "ListTopics", &["NextToken"])?;
        let state = self.read();
        let arns = state.topics.keys().map(|arn| (arn.clone(), TopicArn { topic_arn: arn.clone() }));
        let (topics, next_token) = page(form, arns);
        query::result("ListTopics", &ListTopics { topics: topics.into(), next_token })
    }

    pub(super) fn get_topic_attributes(&self, form: &Form) -> Result<String, ApiError> {
        only(form, "GetTopicAttributes", &["TopicArn"])?;
        let arn = required(form, "TopicArn")?;
        let state = self.read();
        let topic = state.topics.get(arn).ok_or_else(no_topic)?;
        let confirmed = state.subscriptions.values().filter(|other| other.record.topic_arn == arn).count();
        let mut attributes = topic.attributes.clone();
        attributes.entry("DisplayName".to_owned()).or_default();
        for (name, value) in [
            ("TopicArn", arn.to_owned()),
            ("Owner", ACCOUNT.to_owned()),
            ("SubscriptionsConfirmed", confirmed.to_string()),
            ("SubscriptionsPending", "0".to_owned()),
            ("SubscriptionsDeleted", "0".to_owned()),
        ] {
            attributes.insert(name.to_owned(), value);
        }
        query::result("GetTopicAttributes", &AttributesResult { attributes: attributes.into() })
    }

    pub(super) fn set_topic_attributes(&self, form: &Form) -> Result<String, ApiError> {
        only(form, "SetTopicAttributes", &["TopicArn", "AttributeName", "AttributeValue"])?;
        let arn = required(form, "TopicArn")?;
        let name = required(form, "AttributeName")?;
        check_attribute(name)?;
        let mut state = self.write();
        let topic = state.topics.get_mut(arn).ok_or_else(no_topic)?;
        let mut changed = topic.clone();
        changed.attributes.insert(name.to_owned(), form.get("AttributeValue").cloned().unwrap_or_default());
        self.store.put(TOPICS, arn, &changed).map_err(internal)?;
        *topic = changed;
        Ok(String::new())
    }
}
