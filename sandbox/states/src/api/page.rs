//! Paging. A token is the key of the last item shown, so new items do not shift the pages.

use serde_json::{Map, Value, json};

use super::body::Body;
use sandbox_core::ports::ApiError;

/// The page that a request asks for.
#[derive(Debug, Clone, Copy)]
pub(super) struct PageRequest {
    /// The key of the last item of the previous page.
    pub(super) after: Option<u64>,
    /// The maximum number of items.
    pub(super) size: usize,
}

impl PageRequest {
    pub(super) fn new(body: &Body) -> Result<Self, ApiError> {
        let after = match body.optional_text("nextToken")? {
            None => None,
            Some(token) => Some(token.parse::<u64>().map_err(|_| {
                ApiError::new("InvalidToken", format!("Invalid Token: '{token}' is not a token that the sandbox gave."))
            })?),
        };
        Ok(Self { after, size: body.page_size()? })
    }
}

/// One page of items in the order of their keys. Only the items of the page are converted: a history can have 25,000
/// events.
pub(super) fn page<T>(
    body: &Body,
    name: &str,
    items: impl IntoIterator<Item = (u64, T)>,
    wire: impl Fn(T) -> Value,
) -> Result<Value, ApiError> {
    let PageRequest { after, size } = PageRequest::new(body)?;
    let mut items = items.into_iter().skip_while(|(key, _)| after.is_some_and(|after| *key <= after));
    let shown: Vec<(u64, T)> = items.by_ref().take(size).collect();
    let more = items.next().is_some();
    let token = shown.last().filter(|_| more).map(|(key, _)| key.to_string());
    let values = shown.into_iter().map(|(_, item)| wire(item)).collect();
    let mut answer = Map::from_iter([(name.to_owned(), Value::Array(values))]);
    answer.extend(token.map(|token| ("nextToken".to_owned(), json!(token))));
    Ok(Value::Object(answer))
}
