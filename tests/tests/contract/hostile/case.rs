//! One invalid payload: the change, and the path in the error message.

use serde_json::Value;

/// An invalid payload.
pub(super) struct Case {
    pub(super) description: &'static str,
    /// The state whose payload is changed.
    pub(super) state: &'static str,
    /// The JSON pointer of the change.
    pub(super) pointer: &'static str,
    /// The new value; absent to remove the field.
    pub(super) change: Option<Value>,
    /// The path that the error message must have.
    pub(super) path: &'static str,
}

impl Case {
    /// Applies the change.
    pub(super) fn apply(&self, payload: &mut Value) {
        change_at(payload, self.pointer, self.change.as_ref());
    }
}

/// Sets or removes the value at a JSON pointer.
pub(super) fn change_at(payload: &mut Value, pointer: &str, change: Option<&Value>) {
    let Some((outer, name)) = pointer.rsplit_once('/') else {
        *payload = change.unwrap().clone();
        return;
    };
    let outer = payload.pointer_mut(outer).unwrap_or_else(|| panic!("{pointer} does not exist"));
    match (outer, change) {
        (Value::Object(members), Some(value)) => {
            members.insert(name.to_owned(), value.clone());
        }
        (Value::Object(members), None) => {
            assert!(members.remove(name).is_some(), "{pointer} does not exist");
        }
        (Value::Array(items), Some(value)) => {
            let index: usize = name.parse().unwrap();
            if index < items.len() { items[index] = value.clone() } else { items.push(value.clone()) }
        }
        (Value::Array(items), None) => {
            items.remove(name.parse().unwrap());
        }
        (other, _) => panic!("{pointer} is inside of {other}"),
    }
}

/// A row: description, pointer, new value, and path in the error message.
pub(super) type Row = (&'static str, &'static str, Option<Value>, &'static str);

/// The cases of one state.
pub(super) fn rows<const N: usize>(state: &'static str, rows: [Row; N]) -> impl Iterator<Item = Case> {
    rows.into_iter().map(move |(description, pointer, change, path)| Case { description, state, pointer, change, path })
}
