//! The AWS Query protocol of SNS, STS and CloudFormation: a form as the request, XML as the answer.
//!
//! A service returns its `<XResult>` element, or nothing for a call without a result. [`response`] and [`error`] add
//! the envelope.

use std::collections::BTreeMap;

use quick_xml::{Writer, events::BytesText};
use serde::Serialize;

use crate::ports::ApiError;

/// The decoded fields of a form. If a field occurs twice, the last value counts.
pub fn decode_form(body: &[u8]) -> BTreeMap<String, String> {
    url::form_urlencoded::parse(body).into_owned().collect()
}

/// A result as XML: `<CreateTopicResult>…</CreateTopicResult>` for `CreateTopic`.
pub fn result<T: Serialize>(operation: &str, result: &T) -> Result<String, ApiError> {
    quick_xml::se::to_string_with_root(&format!("{operation}Result"), result).map_err(|error| {
        ApiError::new("InternalError", format!("the answer to {operation} cannot be written as XML: {error}"))
            .with_status(500)
    })
}

/// A list in the protocol's form: `<Topics><member>…</member></Topics>`.
#[derive(Debug, Clone, Serialize)]
pub struct Members<T> {
    member: Vec<T>,
}

impl<T> From<Vec<T>> for Members<T> {
    fn from(member: Vec<T>) -> Self {
        Self { member }
    }
}

/// A map in the protocol's form: `<Attributes><entry><key>…</key><value>…</value></entry></Attributes>`.
#[derive(Debug, Serialize)]
pub struct Entries {
    entry: Vec<Entry>,
}

#[derive(Debug, Serialize)]
struct Entry {
    key: String,
    value: String,
}

impl From<BTreeMap<String, String>> for Entries {
    fn from(map: BTreeMap<String, String>) -> Self {
        Self { entry: map.into_iter().map(|(key, value)| Entry { key, value }).collect() }
    }
}

/// The complete answer to a successful call. `result` is the value of the service's `handle`.
pub fn response(namespace: &str, operation: &str, result: &str, request_id: &str) -> String {
    document(&format!("{operation}Response"), namespace, |writer| {
        writer.get_mut().extend_from_slice(result.as_bytes());
        let metadata = writer.create_element("ResponseMetadata");
        metadata.write_inner_content(|inner| text(inner, "RequestId", request_id))?;
        Ok(())
    })
}

/// The complete answer to a failed call.
pub fn error(namespace: &str, error: &ApiError, request_id: &str) -> String {
    document("ErrorResponse", namespace, |writer| {
        writer.create_element("Error").write_inner_content(|inner| {
            text(inner, "Type", if error.status < 500 { "Sender" } else { "Receiver" })?;
            text(inner, "Code", &error.code)?;
            text(inner, "Message", &error.message)
        })?;
        text(writer, "RequestId", request_id)
    })
}

fn document(root: &str, namespace: &str, content: impl FnOnce(&mut Writer<Vec<u8>>) -> std::io::Result<()>) -> String {
    let mut writer = Writer::new(Vec::new());
    let written =
        writer.create_element(root).with_attribute(("xmlns", namespace)).write_inner_content(content).map(|_| ());
    // Writing into memory does not fail. If it did, every client would reject the empty answer.
    written.map_or_else(|_| String::new(), |()| String::from_utf8_lossy(&writer.into_inner()).into_owned())
}

fn text(writer: &mut Writer<Vec<u8>>, name: &str, value: &str) -> std::io::Result<()> {
    writer.create_element(name).write_text_content(BytesText::new(value))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_decoded_with_plus_as_space_and_percent_escapes() {
        let form = decode_form(b"Action=Publish&Message=a+b%20c%2Bd%0A%C3%A9");
        assert_eq!(form["Action"], "Publish");
        assert_eq!(form["Message"], "a b c+d\n\u{e9}");
    }

    #[test]
    fn an_error_message_with_markup_is_escaped() {
        let answer = error("urn:x", &ApiError::new("InvalidParameter", "a < b & c"), "r-1");
        assert_eq!(
            answer,
            "<ErrorResponse xmlns=\"urn:x\"><Error><Type>Sender</Type><Code>InvalidParameter</Code>\
             <Message>a &lt; b &amp; c</Message></Error><RequestId>r-1</RequestId></ErrorResponse>"
        );
    }

    #[test]
    fn a_response_contains_its_result() {
        assert_eq!(
            response("urn:x", "Publish", "<PublishResult/>", "r-2"),
            "<PublishResponse xmlns=\"urn:x\"><PublishResult/><ResponseMetadata><RequestId>r-2</RequestId>\
             </ResponseMetadata></PublishResponse>"
        );
    }
}
