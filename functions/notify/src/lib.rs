//! notify: tells how an execution ended.
//!
//! *Success*, from the state Notify: writes the receipt under `If-None-Match: *`, then publishes. A receipt that is there
//! already is left as it is while the copy that it names stands, and else replaced ([`receipt`]). Where an earlier try of
//! this execution wrote it the message is published all the same while the execution runs, because that try may have failed
//! to publish. Where another execution of a duplicated event wrote it, that one tells people, and this one keeps silent,
//! unless the other has ended otherwise than well ([`duplicate`]). So there is at least one message for every backup. A
//! second one comes where SNS took the first and its answer was lost on the way, since SNS cannot be asked what it has sent.
//!
//! *Failure*, from an EventBridge rule outside of the execution: reads the history backwards, finds the state that failed,
//! and publishes what a person needs. A history that cannot be read does not cost the message; it says so instead.

mod advice;
mod config;
mod duplicate;
mod failure;
mod message;
mod receipt;
mod refusal;
mod request;
mod success;
#[cfg(test)]
mod tests;
mod words;

use aws_sdk_sns::types::MessageAttributeValue;
use holdfast_core::{
    ErrorName, Failure,
    contract::{Notified, NotifyInput},
    event::ExecutionEnded,
    history::{self, FailureSearch},
    receipt::Receipt,
};
use holdfast_lambda::{Aws, ConfigError, Deadline, Environment, Function};
use holdfast_s3::failure::{Call, Side};
use time::OffsetDateTime;

use crate::{
    config::{Config, NotifyOn},
    message::Message,
};
pub use crate::{refusal::Refusal, request::Request};

/// The most events that a page of history has.
const PAGE: i32 = 1000;
/// As many pages as a history can have: 25,000 events.
const PAGES: usize = 25;

/// The function.
#[derive(Debug)]
pub struct Notify {
    config: Config,
    aws: Aws,
}

impl Function for Notify {
    const NAME: &'static str = "notify";
    const ENVIRONMENT: &'static [&'static str] = Config::ENVIRONMENT;
    const RAISES: &'static [ErrorName] = &[
        ErrorName::S3Throttled,
        ErrorName::S3Unavailable,
        ErrorName::SnsUnavailable,
        ErrorName::DestinationDenied,
        ErrorName::KmsDenied,
        ErrorName::TopicNotFound,
        ErrorName::ConfigInvalid,
        ErrorName::InputInvalid,
        ErrorName::Internal,
    ];
    type Input = Request;
    type Output = Notified;
    type Error = Refusal;

    fn new(environment: &Environment, aws: Aws) -> Result<Self, ConfigError> {
        Ok(Self { config: Config::read(environment)?, aws })
    }

    async fn call(&self, input: Request, _deadline: Deadline) -> Result<Notified, Refusal> {
        match input {
            Request::Succeeded(input) => Box::pin(self.succeeded(*input)).await,
            Request::Ended(ended) => Box::pin(self.ended(&ended)).await,
        }
    }
}

impl Notify {
    async fn succeeded(&self, input: NotifyInput) -> Result<Notified, Refusal> {
        let receipt = Receipt::new(input, OffsetDateTime::now_utc());
        let (place, found) = Box::pin(self.write(&receipt)).await?;
        let wanted = match (self.config.notify_on, &found) {
            (NotifyOn::All, Some(found)) => !Box::pin(self.is_told(&receipt, found)).await,
            (NotifyOn::All, None) => true,
            (NotifyOn::Failures | NotifyOn::None, _) => false,
        };
        let message_id = if wanted { Some(self.publish(&success::message(&receipt, &place)).await?) } else { None };
        Ok(Notified { receipt: Some(place), message_id })
    }

    async fn ended(&self, ended: &ExecutionEnded) -> Result<Notified, Refusal> {
        let message_id = match self.config.notify_on {
            NotifyOn::All | NotifyOn::Failures => {
                let found = self.failure_of(&ended.execution_arn).await.map_err(|failure| failure.to_string());
                if let Err(reason) = &found {
                    tracing::warn!(%reason, execution = ended.execution_arn, "the history could not be read");
                }
                Some(self.publish(&failure::message(ended, &found)).await?)
            }
            NotifyOn::None => None,
        };
        Ok(Notified { receipt: None, message_id })
    }

    /// Publishes a message and answers its id.
    async fn publish(&self, message: &Message) -> Result<String, Failure> {
        let topic = &self.config.topic.0;
        let call = Call {
            operation: "Publish",
            side: Side::Destination,
            resource: topic.clone(),
            from: None,
            grant: "sns:Publish",
        };
        let mut request = self.aws.sns().publish().topic_arn(topic).subject(&message.subject).message(message.body());
        for (name, value) in &message.attributes {
            let value = MessageAttributeValue::builder().data_type("String").string_value(value).build();
            let value = value.map_err(|error| Failure::new(ErrorName::Internal, error.to_string()))?;
            request = request.message_attributes(*name, value);
        }
        let output = request.send().await.map_err(|error| call.sns_failure(error))?;
        Ok(output.message_id().unwrap_or_default().to_owned())
    }

    /// Reads the history backwards, page by page, until the failed state is found.
    async fn failure_of(&self, execution_arn: &str) -> Result<history::Failure, Failure> {
        let call = Call {
            operation: "GetExecutionHistory",
            side: Side::Source,
            resource: execution_arn.to_owned(),
            from: None,
            grant: "states:GetExecutionHistory",
        };
        let mut search = FailureSearch::default();
        let mut token = None;
        for _ in 0..PAGES {
            let request = self
                .aws
                .states()
                .get_execution_history()
                .execution_arn(execution_arn)
                .reverse_order(true)
                .include_execution_data(false)
                .max_results(PAGE)
                .set_next_token(token);
            let page = request.send().await.map_err(|error| call.states_failure(error))?;
            if page.events().iter().map(holdfast_history::event).any(|event| search.take(&event).is_break()) {
                break;
            }
            token = page.next_token().map(str::to_owned);
            if token.is_none() {
                break;
            }
        }
        Ok(search.finish())
    }
}
