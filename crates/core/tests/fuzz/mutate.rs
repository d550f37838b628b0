//! Derives new inputs from existing ones: changes bytes, joins pieces of two inputs, and replaces values in JSON.

use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Value, json};

/// Texts that parsers often read incorrectly.
const PIECES: [&str; 22] = [
    "\0",
    "\"",
    "\\",
    "\\ud800",
    "\\u0000",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "null",
    "-1",
    "1e999",
    "18446744073709551616",
    "..",
    "/",
    "%2F",
    "?versionId=",
    "é",
    "\u{202e}",
    "\n",
];

/// Derives inputs. The same seed gives the same inputs.
pub(crate) struct Mutator<'a> {
    random: StdRng,
    corpus: &'a [Vec<u8>],
}

impl<'a> Mutator<'a> {
    pub(crate) fn new(seed: u64, corpus: &'a [Vec<u8>]) -> Self {
        Self { random: StdRng::seed_from_u64(seed), corpus }
    }

    /// The next input.
    pub(crate) fn next(&mut self) -> Vec<u8> {
        let mut input = self.corpus.choose(&mut self.random).unwrap().clone();
        for _ in 0..self.random.random_range(1..=3) {
            input = match (self.random.random_range(0..10), serde_json::from_slice::<Value>(&input)) {
                (0..7, Ok(mut json)) => {
                    self.replace_value(&mut json);
                    json.to_string().into_bytes()
                }
                (0..9, _) => self.mutated(input),
                _ => self.joined(&input),
            };
        }
        input
    }

    /// Replaces a value at a random position.
    fn replace_value(&mut self, json: &mut Value) {
        let children = match &*json {
            Value::Object(members) => members.len(),
            Value::Array(items) => items.len(),
            _ => 0,
        };
        // Each level is a chance to stop.
        if children == 0 || self.random.random_ratio(1, 8) {
            *json = self.value(json);
            return;
        }
        let chosen = self.random.random_range(0..children);
        match json {
            Value::Object(members) => {
                let name = members.keys().nth(chosen).unwrap().clone();
                if self.random.random_ratio(1, 12) {
                    members.remove(&name);
                } else {
                    self.replace_value(&mut members[&name]);
                }
            }
            Value::Array(items) if self.random.random_ratio(1, 6) => {
                let copied = items[chosen].clone();
                items.push(copied);
            }
            Value::Array(items) => self.replace_value(&mut items[chosen]),
            _ => {}
        }
    }

    fn value(&mut self, old: &Value) -> Value {
        match (self.random.random_range(0..6), old) {
            (0..3, Value::String(text)) => {
                let mutated = self.mutated(text.clone().into_bytes());
                json!(String::from_utf8_lossy(&mutated))
            }
            (0..3, Value::Number(number)) => {
                let number = number.as_u64().unwrap_or_default();
                let step = 1_u64 << self.random.random_range(0..64);
                json!(if self.random.random() { number.wrapping_add(step) } else { number.wrapping_sub(step) })
            }
            _ => {
                let values = [
                    json!(null),
                    json!(true),
                    json!(0),
                    json!(-1),
                    json!(u64::MAX),
                    json!(0.5),
                    json!(1e300),
                    json!(""),
                    json!("null"),
                    json!("x".repeat(2000)),
                    json!([]),
                    json!({}),
                    json!([[1]]),
                ];
                values.choose(&mut self.random).unwrap().clone()
            }
        }
    }

    /// Changes, removes or inserts some bytes.
    fn mutated(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        let at = self.random.random_range(0..=bytes.len());
        match self.random.random_range(0..5) {
            0 if at < bytes.len() => bytes[at] ^= 1 << self.random.random_range(0..8),
            1 if at < bytes.len() => {
                let end = (at + self.random.random_range(1..20)).min(bytes.len());
                bytes.drain(at..end);
            }
            2 => {
                let times = self.random.random_range(1..1100);
                let byte = self.random.random();
                bytes.splice(at..at, std::iter::repeat_n(byte, times));
            }
            _ => {
                let piece = PIECES.choose(&mut self.random).unwrap();
                bytes.splice(at..at, piece.bytes());
            }
        }
        bytes
    }

    /// Joins the start of one input with the end of another.
    fn joined(&mut self, input: &[u8]) -> Vec<u8> {
        let other = self.corpus.choose(&mut self.random).unwrap();
        let head = self.random.random_range(0..=input.len());
        let tail = self.random.random_range(0..=other.len());
        [&input[..head], &other[tail..]].concat()
    }
}
