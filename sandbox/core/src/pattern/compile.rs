//! Compiles a pattern. An error names the invalid field and the expected form.

use std::net::IpAddr;

use serde_json::{Map, Value};

use super::{
    Fields, Leaf, Node, PatternError,
    condition::{Case, Cidr, Comparison, Condition, Shape, Text},
};

/// The name of the pattern's root in error messages.
pub(super) const ROOT: &str = "the pattern";

const OPERATORS: &str = "prefix, suffix, anything-but, numeric, exists, equals-ignore-case, wildcard or cidr";

/// The field names from the root to the current field.
type Path = Vec<String>;

fn wrong(path: &Path, problem: impl Into<String>) -> PatternError {
    let path = if path.is_empty() { ROOT.to_owned() } else { path.join(".") };
    PatternError { path, problem: problem.into() }
}

/// Runs `read` one field deeper.
fn within<T>(
    path: &mut Path,
    name: &str,
    read: impl FnOnce(&mut Path) -> Result<T, PatternError>,
) -> Result<T, PatternError> {
    path.push(name.to_owned());
    let answer = read(path);
    path.pop();
    answer
}

pub(super) fn fields(pattern: &Value, path: &mut Path) -> Result<Fields, PatternError> {
    let Value::Object(object) = pattern else {
        return Err(wrong(path, "must be a JSON object of fields"));
    };
    if object.is_empty() {
        return Err(wrong(path, "must name at least one field: an empty object matches nothing"));
    }
    let mut fields = Fields::default();
    for (name, value) in object {
        if name == "$or" {
            fields.or = alternatives(value, path)?;
        } else {
            let node = within(path, name, |path| node(value, path))?;
            fields.all.push((name.clone(), node));
        }
    }
    Ok(fields)
}

/// The value of `$or`. Its alternatives apply to the fields beside it, so it adds nothing to a field's path.
fn alternatives(value: &Value, path: &mut Path) -> Result<Vec<Fields>, PatternError> {
    match value {
        Value::Array(items) if items.len() > 1 && items.iter().all(Value::is_object) => {
            items.iter().map(|item| fields(item, path)).collect()
        }
        _ => within(path, "$or", |path| Err(wrong(path, "must be an array of at least two JSON objects"))),
    }
}

fn node(value: &Value, path: &mut Path) -> Result<Node, PatternError> {
    match value {
        Value::Object(_) => Ok(Node::Fields(fields(value, path)?)),
        Value::Array(items) if items.is_empty() => {
            Err(wrong(path, "must list at least one value: an empty array matches nothing"))
        }
        Value::Array(items) => {
            let conditions = items.iter().map(|item| condition(item, path)).collect::<Result<_, _>>()?;
            Ok(Node::Leaf(Leaf { path: path.clone(), conditions }))
        }
        other => {
            Err(wrong(path, format!("must be an object or an array of values, for example [{other}], not {other}")))
        }
    }
}

fn condition(item: &Value, path: &mut Path) -> Result<Condition, PatternError> {
    match item {
        Value::Object(object) => operator(object, path),
        Value::Array(_) => Err(wrong(path, "must not hold an array inside its array of values")),
        value => Ok(Condition::Equals(value.clone())),
    }
}

fn operator(object: &Map<String, Value>, path: &mut Path) -> Result<Condition, PatternError> {
    let mut entries = object.iter();
    let (Some((name, operand)), None) = (entries.next(), entries.next()) else {
        return Err(wrong(path, format!("must hold objects of exactly one operator: {OPERATORS}")));
    };
    match name.as_str() {
        "prefix" | "suffix" | "equals-ignore-case" | "wildcard" => Ok(Condition::Text(text(name, operand, path)?)),
        "anything-but" => anything_but(operand, path),
        "numeric" => numeric(operand, path),
        "cidr" => cidr(operand, path),
        "exists" => match operand {
            Value::Bool(true) => Ok(Condition::Present),
            Value::Bool(false) => Ok(Condition::Absent),
            other => Err(wrong(path, format!("exists must be true or false, not {other}"))),
        },
        other => Err(wrong(path, format!("has the unknown operator {other:?}: it must be {OPERATORS}"))),
    }
}

/// A test on a string. A prefix or a suffix may be `{"equals-ignore-case": "…"}`.
fn text(name: &str, operand: &Value, path: &Path) -> Result<Text, PatternError> {
    let (operand, mut case) = match operand {
        Value::Object(object) if matches!(name, "prefix" | "suffix") && object.len() == 1 => {
            match object.get("equals-ignore-case") {
                Some(inner) => (inner, Case::Ignored),
                None => (operand, Case::Matters),
            }
        }
        _ => (operand, Case::Matters),
    };
    let Value::String(operand) = operand else {
        return Err(wrong(path, format!("{name} must be a string, not {operand}")));
    };
    let shape = match name {
        "prefix" => Shape::Prefix(operand.clone()),
        "suffix" => Shape::Suffix(operand.clone()),
        "wildcard" => wildcard(operand, path)?,
        _ => {
            case = Case::Ignored;
            Shape::Whole(operand.clone())
        }
    };
    Ok(Text { shape, case })
}

/// Splits at the stars. `\*` and `\\` are literals.
fn wildcard(operand: &str, path: &Path) -> Result<Shape, PatternError> {
    let mut pieces = vec![String::new()];
    let mut characters = operand.chars();
    let mut after_star = false;
    while let Some(character) = characters.next() {
        let literal = match character {
            '*' if after_star => {
                return Err(wrong(path, format!("wildcard {operand:?} must not have two stars in a row")));
            }
            '*' => {
                after_star = true;
                pieces.push(String::new());
                continue;
            }
            '\\' => match characters.next() {
                Some(escaped @ ('*' | '\\')) => escaped,
                _ => return Err(wrong(path, format!("wildcard {operand:?} may escape only \\* and \\\\"))),
            },
            literal => literal,
        };
        after_star = false;
        if let Some(piece) = pieces.last_mut() {
            piece.push(literal);
        }
    }
    Ok(Shape::Wildcard(pieces))
}

fn anything_but(operand: &Value, path: &mut Path) -> Result<Condition, PatternError> {
    let unwanted = match operand {
        Value::String(_) | Value::Number(_) => vec![Condition::Equals(operand.clone())],
        Value::Array(items) if !items.is_empty() && items.iter().all(|item| item.is_string() || item.is_number()) => {
            items.iter().map(|item| Condition::Equals(item.clone())).collect()
        }
        Value::Object(object) if object.len() == 1 => anything_but_text(object, path)?,
        _ => {
            return Err(wrong(
                path,
                "anything-but must be a string, a number, an array of these, or one of prefix, suffix, \
                 equals-ignore-case and wildcard",
            ));
        }
    };
    Ok(Condition::AnythingBut(unwanted))
}

fn anything_but_text(object: &Map<String, Value>, path: &Path) -> Result<Vec<Condition>, PatternError> {
    let mut unwanted = Vec::new();
    for (name, operand) in object {
        if !matches!(name.as_str(), "prefix" | "suffix" | "equals-ignore-case" | "wildcard") {
            return Err(wrong(
                path,
                format!("anything-but knows prefix, suffix, equals-ignore-case and wildcard, not {name:?}"),
            ));
        }
        match operand {
            Value::Array(items) if items.is_empty() => {
                return Err(wrong(path, format!("anything-but {name} must list at least one string")));
            }
            Value::Array(items) => {
                for item in items {
                    unwanted.push(Condition::Text(text(name, item, path)?));
                }
            }
            operand => unwanted.push(Condition::Text(text(name, operand, path)?)),
        }
    }
    Ok(unwanted)
}

fn numeric(operand: &Value, path: &Path) -> Result<Condition, PatternError> {
    let bad = || {
        wrong(
            path,
            format!(
                "numeric must be an operator and a number, or a range such as [\">\", 0, \"<=\", 5], not {operand}"
            ),
        )
    };
    let Value::Array(items) = operand else { return Err(bad()) };
    let comparisons: Vec<(Comparison, f64)> = items
        .chunks(2)
        .map(|pair| match pair {
            [Value::String(comparison), Value::Number(bound)] => Some((comparison_of(comparison)?, bound.as_f64()?)),
            _ => None,
        })
        .collect::<Option<_>>()
        .ok_or_else(bad)?;
    match comparisons.as_slice() {
        [_] => Ok(Condition::Numeric(comparisons)),
        [
            (Comparison::Greater | Comparison::GreaterOrEqual, low),
            (Comparison::Less | Comparison::LessOrEqual, high),
        ] if low < high => Ok(Condition::Numeric(comparisons)),
        _ => Err(bad()),
    }
}

fn comparison_of(text: &str) -> Option<Comparison> {
    match text {
        "=" => Some(Comparison::Equal),
        "<" => Some(Comparison::Less),
        "<=" => Some(Comparison::LessOrEqual),
        ">" => Some(Comparison::Greater),
        ">=" => Some(Comparison::GreaterOrEqual),
        _ => None,
    }
}

fn cidr(operand: &Value, path: &Path) -> Result<Condition, PatternError> {
    let block = operand.as_str().and_then(|text| {
        let (address, bits) = text.split_once('/')?;
        let (address, bits): (IpAddr, u32) = (address.parse().ok()?, bits.parse().ok()?);
        let most = if address.is_ipv4() { 32 } else { 128 };
        (bits <= most).then_some(Cidr { address, bits })
    });
    block
        .map(Condition::Cidr)
        .ok_or_else(|| wrong(path, format!("cidr must be a block of addresses such as \"10.0.0.0/24\", not {operand}")))
}
