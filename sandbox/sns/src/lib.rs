//! SNS: topics whose messages are written to an outbox folder.
//!
//! Each publication becomes one `.json` file (the notification envelope and its recipients) and one `.eml` file for
//! each email subscription whose filter policy matches. Email subscriptions are confirmed immediately, because there is
//! no link to click. A topic without an email subscription still gets an `.eml` file, to [`DEFAULT_RECIPIENT`], so the
//! mail is visible without any setup. Subscriptions by `sqs`, `lambda`, `http` and `https` are stored, listed and
//! filtered, and the `.json` file names them, but nothing is sent to them.

mod form;
mod message;
mod outbox;
mod publish;
mod subscriptions;
#[cfg(test)]
mod tests;
mod topics;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use serde::Serialize;

pub use self::{
    message::{Delivery, Message, MessageAttribute},
    outbox::OutboxError,
};
use self::{outbox::Outbox, subscriptions::Subscription, topics::Topic};
use sandbox_core::{
    operations::{self, Service},
    ports::ApiError,
    query::Entries,
    store::{Store, StoreError},
};

/// The XML namespace of SNS's answers.
pub const NAMESPACE: &str = "http://sns.amazonaws.com/doc/2010-03-31/";

/// The recipient of mail for a topic without an email subscription.
pub const DEFAULT_RECIPIENT: &str = "subscribers@example.invalid";

const TOPICS: &str = "sns.topics";
const SUBSCRIPTIONS: &str = "sns.subscriptions";

/// The topics of one region.
#[derive(Debug)]
pub struct Sns {
    store: Arc<Store>,
    region: String,
    outbox: Arc<Outbox>,
    state: RwLock<State>,
}

/// Why SNS could not start.
#[derive(Debug, thiserror::Error)]
pub enum SnsError {
    /// The stored topics cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The outbox folder cannot be created.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
}

/// The result of `GetTopicAttributes` and `GetSubscriptionAttributes`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AttributesResult {
    attributes: Entries,
}

/// Topics and subscriptions by their ARNs.
#[derive(Debug, Default)]
struct State {
    topics: BTreeMap<String, Topic>,
    subscriptions: BTreeMap<String, Subscription>,
}

impl Sns {
    /// Loads the topics from the store, and creates the outbox folder if it is missing.
    pub fn new(store: Arc<Store>, outbox: PathBuf, region: &str) -> Result<Self, SnsError> {
        let mut state = State { topics: store.load(TOPICS)?.into_iter().collect(), ..State::default() };
        for (arn, record) in store.load(SUBSCRIPTIONS)? {
            match Subscription::from_record(record) {
                Ok(subscription) => {
                    state.subscriptions.insert(arn, subscription);
                }
                Err(error) => {
                    tracing::error!(arn, %error, "a stored subscription is not valid any more and is left out");
                }
            }
        }
        Ok(Self {
            store,
            region: region.to_owned(),
            outbox: Arc::new(Outbox::open(outbox)?),
            state: RwLock::new(state),
        })
    }

    /// Performs an operation of the Query protocol. Returns the `<XResult>` element, or an empty string if the
    /// operation has no result. [`sandbox_core::query::response`] and [`sandbox_core::query::error`] add the envelope.
    pub async fn handle(&self, operation: &str, form: BTreeMap<String, String>) -> Result<String, ApiError> {
        if !operations::has(Service::Sns, operation) {
            return Err(unknown(operation));
        }
        match operation {
            "CreateTopic" => self.create_topic(&form),
            "DeleteTopic" => self.delete_topic(&form),
            "ListTopics" => self.list_topics(&form),
            "GetTopicAttributes" => self.get_topic_attributes(&form),
            "SetTopicAttributes" => self.set_topic_attributes(&form),
            "Subscribe" => self.subscribe(&form),
            "Unsubscribe" => self.unsubscribe(&form),
            "ListSubscriptions" => self.list_subscriptions(&form),
            "ListSubscriptionsByTopic" => self.list_subscriptions_by_topic(&form),
            "GetSubscriptionAttributes" => self.get_subscription_attributes(&form),
            "SetSubscriptionAttributes" => self.set_subscription_attributes(&form),
            "Publish" => self.publish(&form).await,
            "PublishBatch" => self.publish_batch(&form).await,
            other => Err(unknown(other)),
        }
    }

    /// The region of its topics.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The outbox folder.
    pub fn outbox(&self) -> &Path {
        self.outbox.folder()
    }

    /// Every message in the outbox, oldest first.
    pub fn messages(&self) -> Result<Vec<Message>, OutboxError> {
        self.outbox.messages()
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn invalid(problem: impl std::fmt::Display) -> ApiError {
    ApiError::new("InvalidParameter", format!("Invalid parameter: {problem}"))
}

fn no_topic() -> ApiError {
    ApiError::new("NotFound", "Topic does not exist").with_status(404)
}

fn internal(error: impl std::fmt::Display) -> ApiError {
    ApiError::new("InternalError", error.to_string()).with_status(500)
}

fn unknown(operation: &str) -> ApiError {
    let message =
        format!("Could not find operation {operation} for version 2010-03-31: the sandbox's SNS does not have it");
    ApiError::new("InvalidAction", message)
}
