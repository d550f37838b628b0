//! The configuration of notify.

use holdfast_core::receipt::Receipts;
use holdfast_lambda::{
    ConfigError, Environment,
    environment::{FromText, receipts},
};

/// The environment variables of notify.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) topic: TopicArn,
    pub(crate) receipts: Receipts,
    pub(crate) notify_on: NotifyOn,
}

/// The ARN of an SNS topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TopicArn(pub(crate) String);

/// The outcomes that are reported by a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotifyOn {
    All,
    Failures,
    None,
}

impl FromText for TopicArn {
    fn from_text(text: &str) -> Result<Self, String> {
        let fields: Vec<_> = text.split(':').collect();
        match fields.as_slice() {
            ["arn", _, "sns", _, _, name] if !name.is_empty() => Ok(Self(text.to_owned())),
            _ => Err("this is not the ARN of a topic".to_owned()),
        }
    }
}

impl FromText for NotifyOn {
    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "all" => Ok(Self::All),
            "failures" => Ok(Self::Failures),
            "none" => Ok(Self::None),
            _ => Err("this choice does not exist".to_owned()),
        }
    }
}

impl Config {
    pub(crate) const ENVIRONMENT: &'static [&'static str] =
        &["SNS_TOPIC_ARN", "RECEIPT_BUCKET", "BACKUP_BUCKET", "RECEIPT_PREFIX", "NOTIFY_ON"];

    pub(crate) fn read(environment: &Environment) -> Result<Self, ConfigError> {
        let topic = "the ARN of a topic (arn:<partition>:sns:<region>:<account>:<name>)";
        Ok(Self {
            topic: environment.required("SNS_TOPIC_ARN", topic)?,
            receipts: receipts(environment)?,
            notify_on: environment.optional("NOTIFY_ON", "all, failures or none")?.unwrap_or(NotifyOn::All),
        })
    }
}
