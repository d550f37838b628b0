//! Publishes messages. Besides the history, this is the only use of a service other than S3.

use aws_sdk_sns::types::MessageAttributeValue;
use holdfast_core::failure::{CallFailure, Request, Side};
use holdfast_s3::failure::answer;

use crate::{Error, Notify, message::Message};

impl Notify {
    /// Publishes a message and returns its ID.
    pub(crate) async fn publish(&self, message: &Message) -> Result<String, Error> {
        let topic = &self.config.topic.0;
        let mut publish = self.aws.sns().publish().topic_arn(topic).subject(&message.subject).message(message.body());
        for (name, value) in &message.attributes {
            let value = MessageAttributeValue::builder().data_type("String").string_value(value).build()?;
            publish = publish.message_attributes(*name, value);
        }
        let request = Request {
            operation: "Publish",
            side: Side::Destination,
            resource: topic,
            from: None,
            grant: "sns:Publish",
        };
        let output = publish.send().await.map_err(|error| {
            let answer = answer(&error);
            let classified = answer.classify_sns(request);
            CallFailure::new(request, answer, classified, error)
        })?;
        Ok(output.message_id().unwrap_or_default().to_owned())
    }
}
