//! The operations on subscriptions, and their filter policies.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    AttributesResult, SUBSCRIPTIONS, Sns, State,
    form::{Form, attributes, only, page, required},
    internal, invalid,
    message::Draft,
    no_topic,
};
use sandbox_core::{
    pattern::Pattern,
    ports::{ACCOUNT, ApiError},
    query::{self, Members},
};

/// A subscription with its compiled filter.
#[derive(Debug, Clone)]
pub(super) struct Subscription {
    pub(super) record: SubscriptionRecord,
    filter: Option<Filter>,
}

/// A subscription in the store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct SubscriptionRecord {
    pub(super) topic_arn: String,
    pub(super) protocol: String,
    pub(super) endpoint: String,
    attributes: BTreeMap<String, String>,
}

#[derive(Debug, Clone)]
struct Filter {
    scope: Scope,
    policy: Pattern,
}

/// The part of a message that a filter policy matches.
#[derive(Debug, Clone, Copy)]
enum Scope {
    Attributes,
    Body,
}

impl Subscription {
    pub(super) fn from_record(record: SubscriptionRecord) -> Result<Self, ApiError> {
        Ok(Self { filter: filter(&record.attributes)?, record })
    }

    /// Whether the filter policy matches the message. A subscription without a policy receives every message.
    pub(super) fn takes(&self, draft: &Draft) -> bool {
        match &self.filter {
            None => true,
            Some(Filter { scope: Scope::Attributes, policy }) => policy.matches(&draft.filter_view()),
            Some(Filter { scope: Scope::Body, policy }) => serde_json::from_str::<Value>(&draft.message)
                .is_ok_and(|body| body.is_object() && policy.matches(&body)),
        }
    }
}

/// Reads `FilterPolicy` and `FilterPolicyScope`. Other attributes are rejected by name. An empty policy means no
/// policy.
fn filter(attributes: &BTreeMap<String, String>) -> Result<Option<Filter>, ApiError> {
    if let Some(other) = attributes.keys().find(|name| !matches!(name.as_str(), "FilterPolicy" | "FilterPolicyScope")) {
        return Err(invalid(format!(
            "AttributeName {other}: the sandbox knows FilterPolicy and FilterPolicyScope of a subscription"
        )));
    }
    let scope = match attributes.get("FilterPolicyScope").map(String::as_str) {
        None | Some("MessageAttributes") => Scope::Attributes,
        Some("MessageBody") => Scope::Body,
        Some(other) => {
            return Err(invalid(format!("FilterPolicyScope: {other:?} must be MessageAttributes or MessageBody")));
        }
    };
    let policy = match attributes.get("FilterPolicy").map(|policy| policy.trim()) {
        None | Some("" | "{}") => return Ok(None),
        Some(text) => Pattern::parse(text).map_err(|error| invalid(format!("FilterPolicy: {error}")))?,
    };
    Ok(Some(Filter { scope, policy }))
}

fn check_endpoint(protocol: &str, endpoint: &str) -> Result<(), ApiError> {
    let (right, wanted) = match protocol {
        "email" | "email-json" => {
            let named = endpoint.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty());
            let plain =
                endpoint.chars().all(|character| character.is_ascii_graphic() && !matches!(character, '<' | '>' | ','));
            (named && plain, "an email address")
        }
        "sqs" => (endpoint.starts_with("arn:aws:sqs:"), "the ARN of a queue"),
        "lambda" => (endpoint.starts_with("arn:aws:lambda:"), "the ARN of a function"),
        "http" => (endpoint.starts_with("http://"), "a URL that begins with http://"),
        "https" => (endpoint.starts_with("https://"), "a URL that begins with https://"),
        other => {
            return Err(invalid(format!(
                "Protocol {other}: the sandbox knows email, email-json, sqs, lambda, http and https"
            )));
        }
    };
    if right {
        Ok(())
    } else {
        Err(invalid(format!("Endpoint {endpoint:?} of a subscription by {protocol} must be {wanted}")))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SubscriptionArn<'a> {
    subscription_arn: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    subscription_arn: String,
    owner: &'static str,
    protocol: String,
    endpoint: String,
    topic_arn: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Listing {
    subscriptions: Members<Listed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

fn no_subscription() -> ApiError {
    ApiError::new("NotFound", "Subscription does not exist").with_status(404)
}

impl State {
    fn listed(&self, topic: Option<&str>) -> impl Iterator<Item = (String, Listed)> {
        let wanted = move |record: &SubscriptionRecord| topic.is_none_or(|topic| record.topic_arn == topic);
        self.subscriptions.iter().filter(move |(_, other)| wanted(&other.record)).map(|(arn, subscription)| {
            let SubscriptionRecord { topic_arn, protocol, endpoint, .. } = subscription.record.clone();
            (arn.clone(), Listed { subscription_arn: arn.clone(), owner: ACCOUNT, protocol, endpoint, topic_arn })
        })
    }
}

impl Sns {
    /// Creates a subscription, or returns the existing one of the same endpoint.
    pub(super) fn subscribe(&self, form: &Form) -> Result<String, ApiError> {
        only(form, "Subscribe", &["TopicArn", "Protocol", "Endpoint", "Attributes.", "ReturnSubscriptionArn"])?;
        let record = SubscriptionRecord {
            topic_arn: required(form, "TopicArn")?.to_owned(),
            protocol: required(form, "Protocol")?.to_owned(),
            endpoint: required(form, "Endpoint")?.to_owned(),
            attributes: attributes(form)?,
        };
        check_endpoint(&record.protocol, &record.endpoint)?;
        let subscription = Subscription::from_record(record)?;
        let record = &subscription.record;
        let mut state = self.write();
        if !state.topics.contains_key(&record.topic_arn) {
            return Err(no_topic());
        }
        let same = state.subscriptions.iter().find(|(_, other)| {
            let other = &other.record;
            (&other.topic_arn, &other.protocol, &other.endpoint)
                == (&record.topic_arn, &record.protocol, &record.endpoint)
        });
        if let Some((arn, other)) = same {
            if other.record != *record {
                return Err(invalid("Attributes Reason: Subscription already exists with different attributes"));
            }
            return query::result("Subscribe", &SubscriptionArn { subscription_arn: arn });
        }
        let arn = format!("{}:{}", record.topic_arn, uuid::Uuid::new_v4());
        self.store.put(SUBSCRIPTIONS, &arn, record).map_err(internal)?;
        let answer = query::result("Subscribe", &SubscriptionArn { subscription_arn: &arn });
        state.subscriptions.insert(arn, subscription);
        answer
    }

    /// Removes a subscription. A missing subscription is no error, as on AWS.
    pub(super) fn unsubscribe(&self, form: &Form) -> Result<String, ApiError> {
        only(form, "Unsubscribe", &["SubscriptionArn"])?;
        let arn = required(form, "SubscriptionArn")?;
        let mut state = self.write();
        self.store.delete(SUBSCRIPTIONS, arn).map_err(internal)?;
        state.subscriptions.remove(arn);
        Ok(String::new())
    }

    pub(super) fn list_subscriptions(&self, form: &Form) -> Result<String, ApiError> {
        only(form, "ListSubscriptions", &["NextToken"])?;
        let (subscriptions, next_token) = page(form, self.read().listed(None));
        query::result("ListSubscriptions", &Listing { subscriptions: subscriptions.into(), next_token })
    }

    pub(super) fn list_subscriptions_by_topic(&self, form: &Form) -> Result<String, ApiError> {
        only(form, "ListSubscriptionsByTopic", &["TopicArn", "NextToken"])?;
        let topic = required(form, "TopicArn")?;
        let state = self.read();
        if !state.topics.contains_key(topic) {
            return Err(no_topic());
        }
        let (subscriptions, next_token) = page(form, state.listed(Some(topic)));
        query::result("ListSubscriptionsByTopic", &Listing { subscriptions: subscriptions.into(), next_token })
    }

    pub(super) fn get_subscription_attributes(&self, form: &Form) -> Result<String, ApiError> {
        only(form, "GetSubscriptionAttributes", &["SubscriptionArn"])?;
        let arn = required(form, "SubscriptionArn")?;
        let state = self.read();
        let record = &state.subscriptions.get(arn).ok_or_else(no_subscription)?.record;
        let mut attributes = record.attributes.clone();
        for (name, value) in [
            ("SubscriptionArn", arn),
            ("TopicArn", &record.topic_arn),
            ("Protocol", &record.protocol),
            ("Endpoint", &record.endpoint),
            ("Owner", ACCOUNT),
            ("PendingConfirmation", "false"),
        ] {
            attributes.insert(name.to_owned(), value.to_owned());
        }
        query::result("GetSubscriptionAttributes", &AttributesResult { attributes: attributes.into() })
    }

    pub(super) fn set_subscription_attributes(&self, form: &Form) -> Result<String, ApiError> {
        only(form, "SetSubscriptionAttributes", &["SubscriptionArn", "AttributeName", "AttributeValue"])?;
        let arn = required(form, "SubscriptionArn")?;
        let name = required(form, "AttributeName")?;
        let mut state = self.write();
        let subscription = state.subscriptions.get_mut(arn).ok_or_else(no_subscription)?;
        let mut record = subscription.record.clone();
        record.attributes.insert(name.to_owned(), form.get("AttributeValue").cloned().unwrap_or_default());
        let changed = Subscription::from_record(record)?;
        self.store.put(SUBSCRIPTIONS, arn, &changed.record).map_err(internal)?;
        *subscription = changed;
        Ok(String::new())
    }
}
