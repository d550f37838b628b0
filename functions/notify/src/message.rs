//! A message: text for people, then JSON for programs, and attributes for the filter policies of subscriptions.

use serde_json::{Map, Value};

use crate::text;

/// SNS's limit for a message in bytes, attributes included
/// (<https://docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html>).
const LIMIT: usize = 256 * 1024;
/// Room for the attributes. The longest is a prefix of at most 1,024 bytes.
const ATTRIBUTES: usize = 4 * 1024;

/// What is published.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Message {
    /// The subject of the mail.
    pub(crate) subject: String,
    /// What people read.
    pub(crate) text: String,
    /// What programs read.
    pub(crate) json: Map<String, Value>,
    /// What filter policies match. SNS accepts no empty values.
    pub(crate) attributes: Vec<(&'static str, String)>,
}

impl Message {
    /// The text, a blank line, and the JSON, within SNS's limit.
    pub(crate) fn body(&self) -> String {
        let mut json = self.json.clone();
        loop {
            let pretty = format!("{:#}", Value::Object(json.clone()));
            let body = format!("{}\n\n{pretty}\n", self.text.trim_end());
            if body.len() <= LIMIT - ATTRIBUTES || !leave_out_the_longest(&mut json) {
                return body;
            }
        }
    }
}

/// Replaces the longest member by a remark. False if no member is longer than the remark.
fn leave_out_the_longest(json: &mut Map<String, Value>) -> bool {
    let remark = "left out: too long for a message";
    let longest = json.values_mut().max_by_key(|value| value.to_string().len());
    match longest.filter(|value| value.to_string().len() > remark.len() + 2) {
        Some(value) => {
            *value = remark.into();
            true
        }
        None => false,
    }
}

/// The attributes that filter policies match.
pub(crate) fn attributes(
    status: &str,
    bucket: Option<&str>,
    key: Option<&str>,
    size: Option<u64>,
    error: Option<&str>,
) -> Vec<(&'static str, String)> {
    let prefix = key.and_then(|key| key.split_once('/')).map(|(prefix, _)| prefix);
    let pairs = [
        ("status", Some(status)),
        ("bucket", bucket),
        ("prefix", prefix),
        ("sizeClass", size.map(size_class)),
        ("error", error),
    ];
    let pairs = pairs.into_iter().filter_map(|(name, value)| Some((name, value?)));
    pairs.filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name, value.to_owned())).collect()
}

/// The size as a class that a filter policy can name: `empty`, `small` (below 256 MiB), `large` (below 1 TiB)
/// and `huge`.
fn size_class(size: u64) -> &'static str {
    match size {
        0 => "empty",
        1..0x1000_0000 => "small",
        0x1000_0000..0x100_0000_0000 => "large",
        _ => "huge",
    }
}

/// Lines of `name: value` with aligned values. A value without a name continues the line before.
pub(crate) fn table(rows: &[(&str, String)]) -> String {
    let label = |name: &str| if name.is_empty() { String::new() } else { format!("{name}:") };
    let width = rows.iter().map(|(name, _)| label(name).len()).max().unwrap_or_default();
    let lines = rows.iter().map(|(name, value)| format!("{:width$} {value}", label(name)));
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

/// A subject from what happened and the object. A long object name is cut at its end.
pub(crate) fn subject(what: &str, object: &str) -> String {
    text::subject(&format!("{what}: {object}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn message(json: &Value) -> Message {
        let json = json.as_object().cloned().unwrap_or_default();
        Message { subject: String::new(), text: "For people.\n".to_owned(), json, attributes: Vec::new() }
    }

    #[test]
    fn the_json_follows_the_text_after_a_blank_line() {
        let body = message(&json!({"size": 5})).body();
        assert_eq!(body, "For people.\n\n{\n  \"size\": 5\n}\n");
    }

    #[test]
    fn the_longest_members_are_left_out_of_a_message_that_is_too_long() {
        let body = message(&json!({"cause": "x".repeat(300_000), "error": "y".repeat(1000)})).body();
        assert!(body.len() < LIMIT);
        assert!(body.contains("\"cause\": \"left out: too long for a message\""), "{body}");
        assert!(body.contains(&"y".repeat(1000)), "what fits stays");
    }

    #[test]
    fn attributes_are_never_empty() {
        let names = |key: &str, size| {
            let attributes = attributes("SUCCEEDED", Some("src"), Some(key), Some(size), None);
            attributes.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(names("a/b/c", 0), "status=SUCCEEDED bucket=src prefix=a sizeClass=empty");
        assert_eq!(names("plain", 1 << 28), "status=SUCCEEDED bucket=src sizeClass=large");
        assert_eq!(names("/leading", (1 << 28) - 1), "status=SUCCEEDED bucket=src sizeClass=small");
        assert_eq!(names("a/b", 1 << 40), "status=SUCCEEDED bucket=src prefix=a sizeClass=huge");
    }
}
