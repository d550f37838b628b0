//! `Publish` and `PublishBatch`.

use std::collections::BTreeSet;

use serde::Serialize;
use time::{OffsetDateTime, macros::format_description};

use super::{
    DEFAULT_RECIPIENT, Sns,
    form::{Form, numbered, only, required},
    internal, invalid,
    message::{Delivery, Draft, MAXIMUM_SIZE, Message},
    no_topic,
    outbox::{Mail, Publication},
};
use sandbox_core::{
    ports::ApiError,
    query::{self, Members},
};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Published {
    message_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct BatchAnswer {
    successful: Members<Successful>,
    failed: Members<Failed>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Successful {
    id: String,
    message_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Failed {
    id: String,
    code: String,
    message: String,
    sender_fault: bool,
}

/// The sender name of mail if the topic has no display name.
const DISPLAY_NAME: &str = "AWS Notifications";
/// The subject of mail if the publisher gives none.
const SUBJECT: &str = "AWS Notification Message";

impl Sns {
    pub(super) async fn publish(&self, form: &Form) -> Result<String, ApiError> {
        if form.contains_key("PhoneNumber") {
            return Err(invalid("PhoneNumber: the sandbox publishes to topics only"));
        }
        let topic = form.get("TopicArn").or_else(|| form.get("TargetArn"));
        let topic = topic.ok_or_else(|| invalid("TopicArn must be given"))?;
        let draft = Draft::read(form, "Publish")?;
        query::result("Publish", &Published { message_id: self.send(topic, draft).await? })
    }

    pub(super) async fn publish_batch(&self, form: &Form) -> Result<String, ApiError> {
        only(form, "PublishBatch", &["TopicArn", "PublishBatchRequestEntries."])?;
        let topic = required(form, "TopicArn")?;
        let entries = numbered(form, "PublishBatchRequestEntries.member");
        check_batch(&entries)?;
        let (mut successful, mut failed) = (Vec::new(), Vec::new());
        let drafts: Vec<_> = entries.iter().map(|entry| Draft::read(entry, "PublishBatch")).collect();
        let size: usize = drafts.iter().flatten().map(|draft| draft.size).sum();
        if size > MAXIMUM_SIZE {
            let message = format!("The batch holds {size} bytes, of {MAXIMUM_SIZE}.");
            return Err(ApiError::new("BatchRequestTooLong", message));
        }
        if !self.read().topics.contains_key(topic) {
            return Err(no_topic());
        }
        for (entry, draft) in entries.iter().zip(drafts) {
            let id = required(entry, "Id")?.to_owned();
            let sent = match draft {
                Ok(draft) => self.send(topic, draft).await,
                Err(error) => Err(error),
            };
            match sent {
                Ok(message_id) => successful.push(Successful { id, message_id }),
                Err(error) => {
                    let ApiError { status, code, message } = error;
                    failed.push(Failed { id, code, message, sender_fault: status < 500 });
                }
            }
        }
        query::result("PublishBatch", &BatchAnswer { successful: successful.into(), failed: failed.into() })
    }

    /// Writes a message to the outbox. Returns its ID.
    async fn send(&self, topic: &str, draft: Draft) -> Result<String, ApiError> {
        let publication = self.publication(topic, draft)?;
        let message_id = publication.message.message_id.clone();
        let outbox = self.outbox.clone();
        let written = tokio::task::spawn_blocking(move || outbox.write(&publication)).await;
        written.map_err(internal)?.map_err(internal)?;
        Ok(message_id)
    }

    fn publication(&self, topic_arn: &str, draft: Draft) -> Result<Publication, ApiError> {
        let state = self.read();
        let topic = state.topics.get(topic_arn).ok_or_else(no_topic)?;
        let of_topic: Vec<_> =
            state.subscriptions.values().filter(|other| other.record.topic_arn == topic_arn).collect();
        let deliveries: Vec<Delivery> = of_topic
            .iter()
            .filter(|subscription| subscription.takes(&draft))
            .map(|subscription| Delivery {
                protocol: subscription.record.protocol.clone(),
                endpoint: subscription.record.endpoint.clone(),
            })
            .collect();
        let by_mail = |protocol: &str| matches!(protocol, "email" | "email-json");
        let mut readers: Vec<Delivery> = deliveries.iter().filter(|one| by_mail(&one.protocol)).cloned().collect();
        if !of_topic.iter().any(|subscription| by_mail(&subscription.record.protocol)) {
            readers.push(Delivery { protocol: "email".to_owned(), endpoint: DEFAULT_RECIPIENT.to_owned() });
        }
        let published_at = OffsetDateTime::now_utc();
        let message = Message {
            kind: "Notification".to_owned(),
            message_id: uuid::Uuid::new_v4().to_string(),
            topic_arn: topic_arn.to_owned(),
            subject: draft.subject.clone(),
            message: draft.message.clone(),
            timestamp: timestamp(published_at)?,
            message_attributes: draft.attributes.clone(),
            deliveries,
        };
        let from = topic.attributes.get("DisplayName").filter(|name| !name.is_empty());
        let mails = readers.iter().map(|reader| mail(reader, &draft, &message)).collect::<Result<_, _>>()?;
        Ok(Publication {
            from: from.map_or(DISPLAY_NAME, String::as_str).to_owned(),
            subject: draft.subject.unwrap_or_else(|| SUBJECT.to_owned()),
            published_at,
            message,
            mails,
        })
    }
}

/// The mail to one subscriber: the text with SNS's footer, or the envelope as JSON.
fn mail(reader: &Delivery, draft: &Draft, message: &Message) -> Result<Mail, ApiError> {
    let text = draft.text_for(&reader.protocol);
    let body = if reader.protocol == "email-json" {
        let mut envelope = serde_json::to_value(message).map_err(internal)?;
        envelope["Message"] = text.into();
        if let Some(fields) = envelope.as_object_mut() {
            fields.remove("Deliveries");
        }
        format!("{envelope:#}\n")
    } else {
        format!("{text}\n\n--\nYou get this because {} is subscribed to {}.\n", reader.endpoint, message.topic_arn)
    };
    Ok(Mail { to: reader.endpoint.clone(), body })
}

fn check_batch(entries: &[Form]) -> Result<(), ApiError> {
    if entries.is_empty() {
        return Err(ApiError::new("EmptyBatchRequest", "The batch request doesn't contain any entries."));
    }
    if entries.len() > 10 {
        let message = format!("The batch request contains {} entries: the most is 10.", entries.len());
        return Err(ApiError::new("TooManyEntriesInBatchRequest", message));
    }
    let of_id = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_');
    let mut ids = BTreeSet::new();
    for entry in entries {
        let id = required(entry, "Id")?;
        if id.len() > 80 || !id.chars().all(of_id) {
            let message = format!("The batch entry id {id:?} must be 1 to 80 letters, digits, hyphens or underscores.");
            return Err(ApiError::new("InvalidBatchEntryId", message));
        }
        if !ids.insert(id) {
            let message = format!("Two or more batch entries in the request have the same Id: {id}.");
            return Err(ApiError::new("BatchEntryIdsNotDistinct", message));
        }
    }
    Ok(())
}

fn timestamp(at: OffsetDateTime) -> Result<String, ApiError> {
    at.format(format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z"))
        .map_err(internal)
}
