//! Every place of every payload, corrupt in every way that needs no imagination.

use holdfast_core::ErrorName;
use serde_json::{Value, json};

use super::{Functions, case::corrupt, valid};

/// A place in a payload: its JSON pointer and its path as a refusal writes it.
#[derive(Clone)]
struct Place {
    pointer: String,
    path: String,
}

/// Every place below this one, deepest first, save what is inside of an event: that is AWS's, and may grow.
fn places(value: &Value, at: &Place, found: &mut Vec<(Place, Value)>) {
    let below = |name: &str, path: String| Place { pointer: format!("{}/{name}", at.pointer), path };
    match value {
        Value::Object(members) => {
            for (name, member) in members.iter().filter(|(name, _)| *name != "event" || !at.path.is_empty()) {
                let path = if at.path.is_empty() { name.clone() } else { format!("{}.{name}", at.path) };
                places(member, &below(name, path), found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate().take(2) {
                places(item, &below(&index.to_string(), format!("{}[{index}]", at.path)), found);
            }
        }
        _ => {}
    }
    found.push((at.clone(), value.clone()));
}

fn all(payload: &Value) -> Vec<(Place, Value)> {
    let mut found = Vec::new();
    places(payload, &Place { pointer: String::new(), path: String::new() }, &mut found);
    found
}

#[tokio::test]
async fn a_value_of_another_kind_is_refused_wherever_it_stands() {
    let functions = Functions::new().await;
    let mut tried = 0;
    for (state, payload) in valid() {
        for (place, value) in all(&payload) {
            let text = if value.is_string() { json!(7) } else { json!("7") };
            let truth = if value.is_boolean() { json!(0) } else { json!(true) };
            for wrong in [text, truth] {
                let mut payload = payload.clone();
                corrupt(&mut payload, &place.pointer, Some(&wrong));
                let path = if place.path.is_empty() { "." } else { &place.path };
                let outcome = functions.refuses(state, payload.to_string().as_bytes(), path).await;
                assert_eq!(outcome, Ok(()), "{wrong} at {} of {state}", place.pointer);
                tried += 1;
            }
        }
    }
    assert!(tried > 500, "{tried} payloads were tried");
}

#[tokio::test(start_paused = true)]
async fn an_unknown_field_is_ignored_in_every_object() {
    let functions = Functions::new().await;
    for (state, payload) in valid() {
        for (place, value) in all(&payload) {
            // An enum with one member per name takes no other member.
            if !value.is_object() || place.path.ends_with("precondition") {
                continue;
            }
            // A null in metadata or tags is a value of another type.
            let added =
                if place.path.ends_with("etadata") || place.path.ends_with("tags") { json!("x") } else { json!(null) };
            let mut payload = payload.clone();
            corrupt(&mut payload, &format!("{}/surprise", place.pointer), Some(&added));

            let report = functions.ask(state, payload.to_string().as_bytes()).await.unwrap_err();

            assert_ne!(report.error_type, ErrorName::InputInvalid, "{state} at {}: {report:?}", place.pointer);
        }
    }
}

// Paused, so that a reader who waits before it tries again costs no time.
#[tokio::test(start_paused = true)]
async fn whatever_is_missing_or_null_nothing_panics_and_nothing_has_a_name_that_nobody_knows() {
    let functions = Functions::new().await;
    let huge = json!(u64::MAX);
    for (state, payload) in valid() {
        for (place, value) in all(&payload).into_iter().filter(|(place, _)| !place.pointer.is_empty()) {
            let corrupt = [None, Some(json!(null)), Some(huge.clone()), Some(json!(0)), Some(json!("x".repeat(5000)))];
            for change in corrupt {
                let mut payload = payload.clone();
                corrupt(&mut payload, &place.pointer, change.as_ref());
                let Err(report) = functions.ask(state, payload.to_string().as_bytes()).await else { continue };
                let is_fit = matches!(
                    report.error_type,
                    ErrorName::InputInvalid | ErrorName::S3Unavailable | ErrorName::SnsUnavailable
                );
                assert!(is_fit, "{change:?} instead of {value} at {} of {state}: {report:?}", place.pointer);
            }
        }
    }
}
