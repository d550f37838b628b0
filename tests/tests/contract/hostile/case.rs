//! One hostile case: what is wrong, in what is sent where, and the path by which it has to be refused.

use serde_json::Value;

/// A case. Its description says what is wrong.
pub(super) struct Case {
    pub(super) description: &'static str,
    /// The state whose payload is changed.
    pub(super) state: &'static str,
    /// Where, as a JSON pointer.
    pub(super) pointer: &'static str,
    /// What is put there; none where it is taken away.
    pub(super) change: Option<Value>,
    /// Where the refusal has to say that the fault is.
    pub(super) path: &'static str,
}

impl Case {
    /// Makes the change.
    pub(super) fn corrupt(&self, payload: &mut Value) {
        corrupt(payload, self.pointer, self.change.as_ref());
    }
}

/// Puts a value where the pointer leads, or takes away what is there.
pub(super) fn corrupt(payload: &mut Value, pointer: &str, change: Option<&Value>) {
    let Some((outer, name)) = pointer.rsplit_once('/') else {
        *payload = change.unwrap().clone();
        return;
    };
    let outer = payload.pointer_mut(outer).unwrap_or_else(|| panic!("nothing is at {pointer}"));
    match (outer, change) {
        (Value::Object(members), Some(value)) => {
            members.insert(name.to_owned(), value.clone());
        }
        (Value::Object(members), None) => {
            assert!(members.remove(name).is_some(), "nothing is at {pointer}");
        }
        (Value::Array(items), Some(value)) => {
            let index: usize = name.parse().unwrap();
            if index < items.len() { items[index] = value.clone() } else { items.push(value.clone()) }
        }
        (Value::Array(items), None) => {
            items.remove(name.parse().unwrap());
        }
        (other, _) => panic!("{pointer} leads into {other}"),
    }
}

/// Rows of a table: description, pointer, what is put there, and the path of the refusal.
pub(super) type Row = (&'static str, &'static str, Option<Value>, &'static str);

/// The rows of one state.
pub(super) fn rows<const N: usize>(state: &'static str, rows: [Row; N]) -> impl Iterator<Item = Case> {
    rows.into_iter().map(move |(description, pointer, change, path)| Case { description, state, pointer, change, path })
}
