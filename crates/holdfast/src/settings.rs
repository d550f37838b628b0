//! `--set NAME=VALUE`: the functions' configuration, by the names that `template.yaml` gives it.

use std::{
    collections::{BTreeMap, BTreeSet},
    str::FromStr,
};

use sandbox::template::Stack;

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
        let letters = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        if name.is_empty() || !name.bytes().all(letters) || name.starts_with(|first: char| first.is_ascii_digit()) {
            return Err(format!(
                "{name:?} is not the name of a variable: it takes A-Z, 0-9 and '_', for example VERIFY_MODE=streamed"
            ));
        }
        Ok(Self { name: name.to_owned(), value: value.to_owned() })
    }
}

/// A name that no function reads.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("--set {name}: no function in template.yaml reads {name}; the names are {}", .known.join(", "))]
pub(crate) struct UnknownSetting {
    name: String,
    known: Vec<String>,
}

/// The settings by name, once every name is known to be read by a function of the stack. The last of several values
/// wins.
pub(crate) fn environment(settings: &[Setting], stack: &Stack) -> Result<BTreeMap<String, String>, UnknownSetting> {
    let known: BTreeSet<&String> = stack.functions.iter().flat_map(|function| function.environment.keys()).collect();
    checked(settings, &known)
}

fn checked(settings: &[Setting], known: &BTreeSet<&String>) -> Result<BTreeMap<String, String>, UnknownSetting> {
    if let Some(unknown) = settings.iter().find(|setting| !known.contains(&setting.name)) {
        let known = known.iter().map(|name| (*name).clone()).collect();
        return Err(UnknownSetting { name: unknown.name.clone(), known });
    }
    Ok(settings.iter().map(|setting| (setting.name.clone(), setting.value.clone())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_a_name_and_a_value_that_may_be_empty_or_hold_more_equals_signs() -> Result<(), String> {
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
    fn what_is_not_a_setting_is_refused_with_an_example() {
        for text in ["", "VERIFY_MODE", "=x", "verify-mode=x", "1A=x", "A B=x"] {
            let refusal = text.parse::<Setting>().err().unwrap_or_default();
            assert!(refusal.contains("VERIFY_MODE=streamed"), "{text:?}: {refusal:?}");
        }
    }

    #[test]
    fn a_name_that_no_function_reads_is_refused_with_those_that_are_read() -> Result<(), String> {
        let names = ["NOTIFY_ON".to_owned(), "VERIFY_MODE".to_owned()];
        let known = names.iter().collect();
        let settings = ["VERIFY_MODE=stored".parse()?, "VERIFY_MODE=streamed".parse()?];
        let environment = checked(&settings, &known).map_err(|error| error.to_string())?;
        assert_eq!(environment.get("VERIFY_MODE").map(String::as_str), Some("streamed"));

        let refusal = checked(&["VERIFY=x".parse()?], &known).err().map(|error| error.to_string());
        let expected = "--set VERIFY: no function in template.yaml reads VERIFY; the names are NOTIFY_ON, VERIFY_MODE";
        assert_eq!(refusal.as_deref(), Some(expected));
        Ok(())
    }
}
