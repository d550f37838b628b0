//! notify: reports how an execution ended.
//!
//! *Success*, from the state Notify: writes the receipt under `If-None-Match: *`, then publishes a message. An existing
//! receipt stays while the copy that it names exists; otherwise it is replaced ([`receipt`]). If an earlier attempt of
//! this execution wrote the receipt, the message is published again, because that attempt may have failed to publish.
//! If another execution of a duplicated event wrote it, that execution publishes the message, unless it failed
//! ([`duplicate`]). So every backup has at least one message. It has two if SNS accepted the first and the answer was
//! lost, because SNS has no request that lists what was sent.
//!
//! *Failure*, from an EventBridge rule outside the execution: reads the history backwards, finds the failed state, and
//! publishes the error with its remedy. If the history cannot be read, the message says so and is published all the
//! same.

mod config;
mod duplicate;
mod error;
mod failure;
mod message;
mod next_step;
mod publish;
mod receipt;
mod request;
mod success;
#[cfg(test)]
mod tests;
mod text;

use holdfast_core::{
    ErrorName,
    contract::{Notified, NotifyInput},
    event::ExecutionEnded,
    failure::{CallFailure, Request as Call, Side, report},
    history::{self, FailureSearch},
    receipt::Receipt,
};
use holdfast_lambda::{Aws, ConfigError, Deadline, Environment, Function};
use holdfast_s3::failure::answer;
use time::OffsetDateTime;

use crate::config::{Config, NotifyOn};
pub use crate::{error::Error, request::Request};

/// The most events on a page of a history.
const PAGE: i32 = 1000;
/// The most pages of a history, which has at most 25,000 events.
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
    type Error = Error;

    fn new(environment: &Environment, aws: Aws) -> Result<Self, ConfigError> {
        Ok(Self { config: Config::read(environment)?, aws })
    }

    async fn call(&self, input: Request, _deadline: Deadline) -> Result<Notified, Error> {
        match input {
            Request::Succeeded(input) => Box::pin(self.succeeded(*input)).await,
            Request::Ended(ended) => Box::pin(self.ended(&ended)).await,
        }
    }
}

impl Notify {
    async fn succeeded(&self, input: NotifyInput) -> Result<Notified, Error> {
        let receipt = Receipt::new(input, OffsetDateTime::now_utc());
        let (place, found) = Box::pin(self.write(&receipt)).await?;
        let wanted = match (self.config.notify_on, &found) {
            (NotifyOn::All, Some(found)) => !Box::pin(self.is_already_reported(&receipt, found)).await,
            (NotifyOn::All, None) => true,
            (NotifyOn::Failures | NotifyOn::None, _) => false,
        };
        let message_id = if wanted { Some(self.publish(&success::message(&receipt, &place)).await?) } else { None };
        Ok(Notified { receipt: Some(place), message_id })
    }

    async fn ended(&self, ended: &ExecutionEnded) -> Result<Notified, Error> {
        let message_id = match self.config.notify_on {
            NotifyOn::All | NotifyOn::Failures => {
                let found = self.failure_of(&ended.execution_arn).await.map_err(|failure| report(&failure));
                if let Err(reason) = &found {
                    tracing::warn!(%reason, execution = ended.execution_arn, "the history could not be read");
                }
                Some(self.publish(&failure::message(ended, &found)).await?)
            }
            NotifyOn::None => None,
        };
        Ok(Notified { receipt: None, message_id })
    }

    /// Reads the history backwards, page by page, until the failed state is found.
    async fn failure_of(&self, execution_arn: &str) -> Result<history::Failure, CallFailure> {
        let call = Call {
            operation: "GetExecutionHistory",
            side: Side::Source,
            resource: execution_arn,
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
            let page = request.send().await.map_err(|error| {
                let answer = answer(&error);
                let classified = answer.classify_states(call);
                CallFailure::new(call, answer, classified, error)
            })?;
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
