//! Reads the forms of the Query protocol, in which lists and maps are numbered fields.

use std::collections::BTreeMap;

use super::invalid;
use sandbox_core::ports::ApiError;

/// The fields of a request, by name.
pub(super) type Form = BTreeMap<String, String>;

/// Rejects unknown fields. A name that ends with a dot allows every field with that prefix.
pub(super) fn only(form: &Form, operation: &str, names: &[&str]) -> Result<(), ApiError> {
    let known = |field: &str| {
        matches!(field, "Action" | "Version")
            || names.iter().any(|name| if name.ends_with('.') { field.starts_with(name) } else { field == *name })
    };
    match form.keys().find(|field| !known(field)) {
        Some(field) => Err(invalid(format!("the sandbox does not know {field} on {operation}"))),
        None => Ok(()),
    }
}

pub(super) fn required<'a>(form: &'a Form, name: &str) -> Result<&'a str, ApiError> {
    form.get(name)
        .map(String::as_str)
        .filter(|value| !value.is_empty())
        .ok_or_else(|| invalid(format!("{name} must be given")))
}

/// The forms under `prefix.1.`, `prefix.2.` and so on, in the order of their numbers.
pub(super) fn numbered(form: &Form, prefix: &str) -> Vec<Form> {
    let mut forms: BTreeMap<usize, Form> = BTreeMap::new();
    for (field, value) in form {
        let rest = field.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('.'));
        let Some((number, name)) = rest.and_then(|rest| rest.split_once('.')) else { continue };
        let Ok(number) = number.parse() else { continue };
        forms.entry(number).or_default().insert(name.to_owned(), value.clone());
    }
    forms.into_values().collect()
}

/// The map under `Attributes`.
pub(super) fn attributes(form: &Form) -> Result<BTreeMap<String, String>, ApiError> {
    numbered(form, "Attributes.entry")
        .iter()
        .map(|entry| Ok((required(entry, "key")?.to_owned(), entry.get("value").cloned().unwrap_or_default())))
        .collect()
}

/// The number of items on a page.
const PAGE: usize = 100;

/// One page of items sorted by a key: those after the token, and the token of the next page.
pub(super) fn page<T>(form: &Form, sorted: impl Iterator<Item = (String, T)>) -> (Vec<T>, Option<String>) {
    let after = form.get("NextToken").map_or("", String::as_str);
    let mut left = sorted.filter(|(key, _)| key.as_str() > after).peekable();
    let (mut ended_with, mut items) = (None, Vec::new());
    for (key, item) in left.by_ref().take(PAGE) {
        ended_with = Some(key);
        items.push(item);
    }
    (items, ended_with.filter(|_| left.peek().is_some()))
}
