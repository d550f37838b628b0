//! `sns:publish`.

use std::collections::BTreeMap;

use sandbox_core::{
    faults::{Call, Service},
    ports::{TaskCall, TaskError},
};
use sandbox_iam::sns_permission;
use serde_json::Value;
use uuid::Uuid;

use super::{Tasks, sdk_metadata, service_error};

impl Tasks {
    pub(super) async fn publish(&self, call: &TaskCall) -> Result<Value, TaskError> {
        let request_id = Uuid::new_v4().to_string();
        let sns_error = |error| service_error("SNS", "AmazonSNS", error);
        let form = publish_form(&call.arguments);
        let permission = sns_permission("Publish", &form, self.sns.region());
        self.authorize(&call.role_arn, permission)
            .map_err(|refusal| sns_error(refusal.answer("AuthorizationError", 403)))?;
        let publish = Call { state: Some(&call.state), ..Call::new(Service::Sns, "Publish") };
        let xml = self.faults.apply(publish, None, self.sns.handle("Publish", form)).await.map_err(sns_error)?;
        let message_id = element(&xml, "MessageId").unwrap_or_default();
        let mut result = sdk_metadata(&request_id, "text/xml", xml.len(), &[]);
        result.insert("MessageId".to_owned(), Value::from(message_id));
        Ok(Value::Object(result))
    }
}

/// The arguments of `sns:publish` as SNS's form. A message that is not text is sent as JSON.
pub(super) fn publish_form(arguments: &Value) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut form = BTreeMap::new();
    for (name, value) in arguments.as_object().into_iter().flatten() {
        if name != "MessageAttributes" {
            form.insert(name.clone(), text(value));
            continue;
        }
        for (index, (attribute, content)) in value.as_object().into_iter().flatten().enumerate() {
            let prefix = format!("MessageAttributes.entry.{}", index + 1);
            form.insert(format!("{prefix}.Name"), attribute.clone());
            for part in ["DataType", "StringValue", "BinaryValue"] {
                if let Some(value) = content.get(part) {
                    form.insert(format!("{prefix}.Value.{part}"), text(value));
                }
            }
        }
    }
    form
}

/// The text of an element in an answer of the sandbox.
fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    xml.split_once(&format!("<{name}>"))?.1.split_once("</").map(|(text, _)| text)
}
