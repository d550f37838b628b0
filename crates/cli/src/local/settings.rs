//! `--set NAME=VALUE`: sets a variable of the functions, by its name in `template.yaml`.

use std::{
    collections::{BTreeMap, BTreeSet},
    str::FromStr,
};

use super::parameters::Parameter;

/// One `NAME=VALUE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setting {
    name: String,
    value: String,
}

impl FromStr for Setting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text
            .split_once('=')
            .ok_or_else(|| format!("{text:?} has no '='; write NAME=VALUE, for example VERIFY_MODE=streamed"))?;
        let is_allowed = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        if name.is_empty() || !name.bytes().all(is_allowed) || name.starts_with(|first: char| first.is_ascii_digit()) {
            return Err(format!(
                "{name:?} is not the name of a variable; a name has A-Z, 0-9 and '_', for example VERIFY_MODE=streamed"
            ));
        }
        Ok(Self { name: name.to_owned(), value: value.to_owned() })
    }
}

/// No function reads the setting, or the template does not allow its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SettingError {
    /// No function reads the variable.
    #[error("--set {name}: no function in template.yaml reads {name}; the names are {}", .known.join(", "))]
    UnknownName {
        /// The name.
        name: String,
        /// The names that functions read.
        known: Vec<String>,
    },
    /// The template does not allow the value.
    #[error("--set {name}={value}: {problem}")]
    InvalidValue {
        /// The name.
        name: String,
        /// The value.
        value: String,
        /// The problem, with the allowed values.
        problem: String,
    },
}

/// Checks every name and value, and returns the values by name. If a name is set several times, the last value counts.
///
/// If the template sets a variable from a parameter, the constraints of that parameter apply, as in a deployment.
pub(crate) fn checked(
    settings: &[Setting],
    variables: &BTreeSet<&String>,
    parameters: &BTreeMap<String, Parameter>,
) -> Result<BTreeMap<String, String>, SettingError> {
    let mut environment = BTreeMap::new();
    for Setting { name, value } in settings {
        if !variables.contains(name) {
            let known = variables.iter().map(|name| (*name).clone()).collect();
            return Err(SettingError::UnknownName { name: name.clone(), known });
        }
        let value = match parameters.get(name) {
            Some(parameter) => parameter.check(value).map_err(|problem| SettingError::InvalidValue {
                name: name.clone(),
                value: value.clone(),
                problem,
            })?,
            None => value.clone(),
        };
        environment.insert(name.clone(), value);
    }
    Ok(environment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_may_be_empty_or_contain_equals_signs() -> Result<(), String> {
        for (text, name, value) in [
            ("VERIFY_MODE=streamed", "VERIFY_MODE", "streamed"),
            ("REPLICA_BUCKET=", "REPLICA_BUCKET", ""),
            ("EXCLUDE_PREFIXES=a=b,c", "EXCLUDE_PREFIXES", "a=b,c"),
        ] {
            assert_eq!(text.parse::<Setting>()?, Setting { name: name.to_owned(), value: value.to_owned() });
        }
        Ok(())
    }

    #[test]
    fn an_invalid_setting_is_refused_with_an_example() {
        for text in ["", "VERIFY_MODE", "=x", "verify-mode=x", "1A=x", "A B=x"] {
            let refusal = text.parse::<Setting>().err().unwrap_or_default();
            assert!(refusal.contains("VERIFY_MODE=streamed"), "{text:?}: {refusal:?}");
        }
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_known_names() -> Result<(), String> {
        let names = ["NOTIFY_ON".to_owned(), "VERIFY_MODE".to_owned()];
        let known = names.iter().collect();
        let settings = ["VERIFY_MODE=stored".parse()?, "VERIFY_MODE=streamed".parse()?];
        let environment = checked(&settings, &known, &BTreeMap::new()).map_err(|error| error.to_string())?;
        assert_eq!(environment.get("VERIFY_MODE").map(String::as_str), Some("streamed"));

        let refusal = checked(&["VERIFY=x".parse()?], &known, &BTreeMap::new()).err().map(|error| error.to_string());
        let expected = "--set VERIFY: no function in template.yaml reads VERIFY; the names are NOTIFY_ON, VERIFY_MODE";
        assert_eq!(refusal.as_deref(), Some(expected));
        Ok(())
    }
}
