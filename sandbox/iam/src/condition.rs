//! Conditions of statements, with the supported operators and keys.
//!
//! Operators: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>;
//! keys: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>.

use serde_json::Value;

use super::pattern::matches;
use sandbox_core::identity::Identity;

/// The supported keys. Every request has a value for each of them.
const KEYS: [&str; 3] = ["aws:SecureTransport", "aws:PrincipalArn", "aws:PrincipalAccount"];

/// The value of a key in a request of this caller. The sandbox listens on loopback only, where no one can intercept the
/// traffic, so its plain HTTP counts as secure transport. Policies that require TLS therefore work unchanged.
fn value_of(key: &str, caller: &Identity) -> String {
    match key.to_ascii_lowercase().as_str() {
        "aws:securetransport" => "true".to_owned(),
        "aws:principalaccount" => caller.account().to_owned(),
        _ => caller.principal_arn(),
    }
}

/// One operator with one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Condition {
    operator: Operator,
    key: String,
    values: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    /// True if one of the values equals that of the request.
    Is(Comparison),
    /// True if none of the values equals that of the request.
    IsNot(Comparison),
    /// True if the key is missing, which is never the case for [`KEYS`].
    Null,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    EqualIgnoreCase,
    Like,
    /// Compares each of the six parts of an ARN, with wildcards. `ArnEquals` and `ArnLike` are the same.
    Arn,
}

impl Operator {
    fn named(name: &str) -> Option<Self> {
        use Comparison::{Arn, Equal, EqualIgnoreCase, Like};
        Some(match name {
            "StringEquals" => Self::Is(Equal),
            "StringNotEquals" => Self::IsNot(Equal),
            "StringEqualsIgnoreCase" | "Bool" => Self::Is(EqualIgnoreCase),
            "StringNotEqualsIgnoreCase" => Self::IsNot(EqualIgnoreCase),
            "StringLike" => Self::Is(Like),
            "StringNotLike" => Self::IsNot(Like),
            "ArnEquals" | "ArnLike" => Self::Is(Arn),
            "ArnNotEquals" | "ArnNotLike" => Self::IsNot(Arn),
            "Null" => Self::Null,
            _ => return None,
        })
    }
}

impl Comparison {
    fn holds(self, wanted: &str, found: &str) -> bool {
        match self {
            Self::Equal => wanted == found,
            Self::EqualIgnoreCase => wanted.eq_ignore_ascii_case(found),
            Self::Like => matches(wanted, found),
            Self::Arn => {
                let (wanted, found): (Vec<_>, Vec<_>) =
                    (wanted.splitn(6, ':').collect(), found.splitn(6, ':').collect());
                wanted.len() == found.len() && wanted.iter().zip(found).all(|(wanted, found)| matches(wanted, found))
            }
        }
    }
}

impl Condition {
    /// Parses the element Condition of a statement. Unsupported operators and keys are rejected by name.
    pub(super) fn read(element: &Value) -> Result<Vec<Self>, String> {
        let Some(operators) = element.as_object() else {
            return Err("Condition should be an object of operators".to_owned());
        };
        let mut conditions = Vec::new();
        for (name, keys) in operators {
            // Every supported key has a value, so `IfExists` changes nothing.
            let plain = name.strip_suffix("IfExists").unwrap_or(name);
            let operator = Operator::named(plain)
                .ok_or_else(|| format!("the sandbox does not evaluate the condition operator {name}"))?;
            for (key, values) in keys.as_object().into_iter().flatten() {
                if !KEYS.iter().any(|known| known.eq_ignore_ascii_case(key)) {
                    let known = KEYS.join(", ");
                    return Err(format!("the sandbox has no value for the condition key {key}; it has {known}"));
                }
                conditions.push(Self { operator, key: key.clone(), values: texts(values) });
            }
        }
        Ok(conditions)
    }

    /// Whether the condition is true for a request of this caller.
    pub(super) fn holds(&self, caller: &Identity) -> bool {
        let found = value_of(&self.key, caller);
        let any = |comparison: Comparison| self.values.iter().any(|wanted| comparison.holds(wanted, &found));
        match self.operator {
            Operator::Is(comparison) => any(comparison),
            Operator::IsNot(comparison) => !any(comparison),
            Operator::Null => self.values.iter().any(|value| value == "false"),
        }
    }
}

/// One text or a list of them. `true` and `"true"` are the same in IAM.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(list) => list.iter().flat_map(texts).collect(),
        Value::String(text) => vec![text.clone()],
        other => vec![other.to_string()],
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use serde_json::json;

    use super::*;
    use sandbox_core::keys;

    fn holds(condition: &Value) -> bool {
        let caller = keys::assumed_role("arn:aws:iam::000000000000:role/copier", "one");
        Condition::read(condition).unwrap().iter().all(|condition| condition.holds(&caller))
    }

    #[test]
    fn a_condition_is_true_if_one_value_of_each_key_matches() {
        let role = "arn:aws:iam::000000000000:role/copier";
        for (condition, expected) in [
            (json!({"Bool": {"aws:SecureTransport": "true"}}), true),
            (json!({"Bool": {"aws:SecureTransport": "false"}}), false),
            (json!({"Bool": {"aws:securetransport": true}}), true),
            (json!({"BoolIfExists": {"aws:SecureTransport": "false"}}), false),
            (json!({"StringEquals": {"aws:PrincipalArn": ["other", role]}}), true),
            (json!({"StringNotEquals": {"aws:PrincipalArn": ["other", role]}}), false),
            (json!({"StringEquals": {"aws:PrincipalArn": "*"}}), false),
            (json!({"StringLike": {"aws:PrincipalArn": "*:role/cop?er"}}), true),
            (json!({"StringNotLike": {"aws:PrincipalArn": "*:role/other"}}), true),
            (json!({"StringEqualsIgnoreCase": {"aws:PrincipalArn": role.to_uppercase()}}), true),
            (json!({"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::*:role/cop*"}}), true),
            (json!({"ArnLike": {"aws:PrincipalArn": "arn:*:role/copier"}}), false),
            (json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam"}}), false),
            (json!({"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/other"}}), true),
            (json!({"ArnNotEquals": {"aws:PrincipalArn": "arn:aws:iam::*:role/cop*"}}), false),
            (json!({"StringNotEqualsIgnoreCase": {"aws:PrincipalArn": role.to_uppercase()}}), false),
            (json!({"Null": {"aws:PrincipalAccount": "false"}}), true),
            (json!({"Null": {"aws:PrincipalAccount": "true"}}), false),
            (json!({"StringEquals": {"aws:PrincipalAccount": "000000000000", "aws:PrincipalArn": "other"}}), false),
        ] {
            assert_eq!(holds(&condition), expected, "{condition}");
        }
    }

    #[test]
    fn unsupported_operators_and_keys_are_rejected_by_name() {
        let refused = |condition: Value| Condition::read(&condition).unwrap_err();
        let operator = refused(json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}));
        assert_eq!(operator, "the sandbox does not evaluate the condition operator IpAddress");
        assert!(
            refused(json!({"StringEquals": {"s3:prefix": "a"}})).contains("the condition key s3:prefix; it has aws:")
        );
        assert!(refused(json!({"ForAllValues:StringEquals": {"aws:TagKeys": "a"}})).contains("ForAllValues:"));
    }
}
