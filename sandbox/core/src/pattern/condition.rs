//! Conditions on one field of an event.

use std::{cmp::Ordering, net::IpAddr};

use serde_json::{Number, Value};

#[derive(Debug, Clone)]
pub(super) enum Condition {
    /// The same JSON value.
    Equals(Value),
    /// The field exists, regardless of its value.
    Present,
    /// The field does not exist. The pattern as a whole decides this, because there is no value to test.
    Absent,
    Text(Text),
    /// The field exists and none of these conditions holds.
    AnythingBut(Vec<Condition>),
    /// Every comparison holds.
    Numeric(Vec<(Comparison, f64)>),
    Cidr(Cidr),
}

/// A test on a string.
#[derive(Debug, Clone)]
pub(super) struct Text {
    pub(super) shape: Shape,
    pub(super) case: Case,
}

#[derive(Debug, Clone)]
pub(super) enum Shape {
    Whole(String),
    Prefix(String),
    Suffix(String),
    /// The literal pieces between the stars, with at least one star.
    Wildcard(Vec<String>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    Matters,
    Ignored,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A block of addresses.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cidr {
    pub(super) address: IpAddr,
    pub(super) bits: u32,
}

impl Condition {
    /// Whether the condition holds for a string, number, boolean or null of the event.
    pub(super) fn holds(&self, value: &Value) -> bool {
        match self {
            Self::Equals(Value::Number(wanted)) => matches!(value, Value::Number(found) if same_number(wanted, found)),
            Self::Equals(wanted) => wanted == value,
            Self::Present => true,
            Self::Absent => false,
            Self::Text(text) => value.as_str().is_some_and(|value| text.holds(value)),
            Self::AnythingBut(conditions) => !conditions.iter().any(|condition| condition.holds(value)),
            Self::Numeric(comparisons) => value
                .as_f64()
                .is_some_and(|value| comparisons.iter().all(|(comparison, bound)| comparison.holds(value, *bound))),
            Self::Cidr(block) => {
                value.as_str().and_then(|text| text.parse().ok()).is_some_and(|address| block.contains(address))
            }
        }
    }
}

/// 300, 300.0 and 3.0e2 are the same number.
fn same_number(one: &Number, other: &Number) -> bool {
    one == other
        || (one.is_f64() || other.is_f64()) && one.as_f64().partial_cmp(&other.as_f64()) == Some(Ordering::Equal)
}

impl Comparison {
    fn holds(self, value: f64, bound: f64) -> bool {
        match value.partial_cmp(&bound) {
            Some(Ordering::Less) => matches!(self, Self::Less | Self::LessOrEqual),
            Some(Ordering::Equal) => matches!(self, Self::Equal | Self::LessOrEqual | Self::GreaterOrEqual),
            Some(Ordering::Greater) => matches!(self, Self::Greater | Self::GreaterOrEqual),
            None => false,
        }
    }
}

impl Text {
    fn holds(&self, value: &str) -> bool {
        match self.case {
            Case::Matters => self.shape.holds(value, str::to_owned),
            Case::Ignored => self.shape.holds(&value.to_lowercase(), str::to_lowercase),
        }
    }
}

impl Shape {
    fn holds(&self, value: &str, fold: fn(&str) -> String) -> bool {
        match self {
            Self::Whole(text) => value == fold(text),
            Self::Prefix(text) => value.starts_with(&fold(text)),
            Self::Suffix(text) => value.ends_with(&fold(text)),
            Self::Wildcard(pieces) => wildcard(pieces, value),
        }
    }
}

/// Whether the pieces occur in order, the first at the start and the last at the end.
fn wildcard(pieces: &[String], value: &str) -> bool {
    let Some((first, rest)) = pieces.split_first() else { return value.is_empty() };
    let Some((last, middle)) = rest.split_last() else { return value == first };
    let Some(mut left) = value.strip_prefix(first.as_str()) else { return false };
    for piece in middle {
        let Some(at) = left.find(piece.as_str()) else { return false };
        left = &left[at + piece.len()..];
    }
    left.ends_with(last.as_str())
}

impl Cidr {
    fn contains(self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(block), IpAddr::V4(address)) => {
                let mask = u32::MAX.checked_shl(32 - self.bits).unwrap_or(0);
                block.to_bits() & mask == address.to_bits() & mask
            }
            (IpAddr::V6(block), IpAddr::V6(address)) => {
                let mask = u128::MAX.checked_shl(128 - self.bits).unwrap_or(0);
                block.to_bits() & mask == address.to_bits() & mask
            }
            _ => false,
        }
    }
}
