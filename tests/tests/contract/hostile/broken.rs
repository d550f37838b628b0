//! Payloads that are not valid JSON.

use super::{Functions, failure_event, valid_payloads};
use crate::types::TASKS;

#[tokio::test]
async fn every_function_rejects_bytes_that_are_not_json() {
    let functions = Functions::new().await;
    let nested = |open: &str, close: &str| format!("{}{}", open.repeat(5000), close.repeat(5000)).into_bytes();
    for (description, bytes) in [
        ("nothing", Vec::new()),
        ("a NUL", b"\0".to_vec()),
        ("half an object", b"{\"copy\": {".to_vec()),
        ("two objects", b"{} {}".to_vec()),
        ("a trailing comma", b"{\"copy\": 1,}".to_vec()),
        ("bytes that are not UTF-8", b"\"\xff\xfe\"".to_vec()),
        ("a byte order mark", b"\xef\xbb\xbf{}".to_vec()),
        ("an unfinished text", b"\"copy".to_vec()),
        ("nested lists", nested("[", "]")),
        ("NaN", b"NaN".to_vec()),
    ] {
        for (state, ..) in TASKS {
            let report = functions.invoke(state, &bytes).await.unwrap_err();
            assert_eq!(
                report.error_type,
                holdfast_core::ErrorName::InputInvalid,
                "{description} to {state}: {report:?}"
            );
            assert!(report.error_message.len() < 1000, "{description} to {state}: {}", report.error_message);
        }
    }
}

#[tokio::test]
async fn invalid_unicode_and_numbers_are_rejected_with_their_path() {
    let functions = Functions::new().await;
    let payloads = valid_payloads();
    for (description, state, from, to, path) in [
        (
            "half a surrogate pair",
            "Validate",
            "\"reports/2026/november.pdf\"",
            "\"\\ud800\"",
            "event.detail.object.key",
        ),
        ("the other half", "CopyObject", "\"holdfast-source\"", "\"\\udc00\"", "copy.source.bucket"),
        ("an unescaped control character", "CopyObject", "\"reports/november.pdf\"", "\"\0\"", "copy.source.key"),
        ("a number that is too large", "CopySlice", "\"size\":1073741824", "\"size\":1e999", "copy.source.size"),
        ("a number with a plus", "CopySlice", "\"size\":1073741824", "\"size\":+1", "copy.source.size"),
    ] {
        let text = payloads[state].to_string();
        assert!(text.contains(from), "{from} is not in {text}");
        let outcome = functions.check_rejection(state, text.replacen(from, to, 1).as_bytes(), path).await;
        assert_eq!(outcome, Ok(()), "{description}");
    }
}

#[tokio::test]
async fn of_a_duplicate_name_the_last_value_counts() {
    let functions = Functions::new().await;

    let text = failure_event().to_string();
    let doubled = text.replacen("\"status\":\"FAILED\"", "\"status\":\"FAILED\",\"status\":\"RUNNING\"", 1);

    assert_ne!(text, doubled);
    assert_eq!(functions.check_rejection("Notify", doubled.as_bytes(), "detail.status").await, Ok(()));
}
