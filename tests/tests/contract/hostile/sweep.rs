//! Every field of every payload, changed in the same ways.

use holdfast_core::ErrorName;
use serde_json::{Value, json};

use super::{Functions, case::change_at, valid_payloads};

/// A field of a payload: its JSON pointer, and its path in an error message.
#[derive(Clone)]
struct Field {
    pointer: String,
    path: String,
}

/// Collects every field below this one, deepest first, without those inside of an event: AWS can add some.
fn collect_fields(value: &Value, at: &Field, found: &mut Vec<(Field, Value)>) {
    let below = |name: &str, path: String| Field { pointer: format!("{}/{name}", at.pointer), path };
    match value {
        Value::Object(members) => {
            for (name, member) in members.iter().filter(|(name, _)| *name != "event" || !at.path.is_empty()) {
                let path = if at.path.is_empty() { name.clone() } else { format!("{}.{name}", at.path) };
                collect_fields(member, &below(name, path), found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate().take(2) {
                collect_fields(item, &below(&index.to_string(), format!("{}[{index}]", at.path)), found);
            }
        }
        _ => {}
    }
    found.push((at.clone(), value.clone()));
}

fn fields_of(payload: &Value) -> Vec<(Field, Value)> {
    let mut found = Vec::new();
    collect_fields(payload, &Field { pointer: String::new(), path: String::new() }, &mut found);
    found
}

#[tokio::test]
async fn a_value_of_another_type_is_rejected_in_every_field() {
    let functions = Functions::new().await;

    let mut count = 0;
    for (state, payload) in valid_payloads() {
        for (field, value) in fields_of(&payload) {
            let text = if value.is_string() { json!(7) } else { json!("7") };
            let boolean = if value.is_boolean() { json!(0) } else { json!(true) };
            for wrong in [text, boolean] {
                let mut payload = payload.clone();
                change_at(&mut payload, &field.pointer, Some(&wrong));
                let path = if field.path.is_empty() { "." } else { &field.path };
                let outcome = functions.check_rejection(state, payload.to_string().as_bytes(), path).await;
                assert_eq!(outcome, Ok(()), "{wrong} at {} of {state}", field.pointer);
                count += 1;
            }
        }
    }

    assert!(count > 500, "only {count} payloads");
}

#[tokio::test(start_paused = true)]
async fn an_unknown_field_is_ignored_in_every_object() {
    let functions = Functions::new().await;
    for (state, payload) in valid_payloads() {
        for (field, value) in fields_of(&payload) {
            // An enum with one member per name takes no other member.
            if !value.is_object() || field.path.ends_with("precondition") {
                continue;
            }
            // A null in metadata or tags is a value of another type.
            let added =
                if field.path.ends_with("etadata") || field.path.ends_with("tags") { json!("x") } else { json!(null) };
            let mut payload = payload.clone();
            change_at(&mut payload, &format!("{}/surprise", field.pointer), Some(&added));

            let report = functions.invoke(state, payload.to_string().as_bytes()).await.unwrap_err();

            assert_ne!(report.error_type, ErrorName::InputInvalid, "{state} at {}: {report:?}", field.pointer);
        }
    }
}

// The clock is paused, so that the back-off of a reader costs no time.
#[tokio::test(start_paused = true)]
async fn a_missing_null_or_extreme_field_is_rejected_without_a_panic() {
    let functions = Functions::new().await;
    let huge = json!(u64::MAX);
    for (state, payload) in valid_payloads() {
        for (field, value) in fields_of(&payload).into_iter().filter(|(field, _)| !field.pointer.is_empty()) {
            let changes = [None, Some(json!(null)), Some(huge.clone()), Some(json!(0)), Some(json!("x".repeat(5000)))];
            for change in changes {
                let mut payload = payload.clone();
                change_at(&mut payload, &field.pointer, change.as_ref());
                let Err(report) = functions.invoke(state, payload.to_string().as_bytes()).await else { continue };
                let is_expected = matches!(
                    report.error_type,
                    ErrorName::InputInvalid | ErrorName::S3Unavailable | ErrorName::SnsUnavailable
                );

                assert!(is_expected, "{change:?} instead of {value} at {} of {state}: {report:?}", field.pointer);
            }
        }
    }
}
