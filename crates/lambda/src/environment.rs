//! Configuration, read once at start from environment variables named as in `template.yaml`.

use std::{collections::BTreeMap, fmt::Display, str::FromStr};

use holdfast_core::receipt::{DEFAULT_PREFIX, Receipts};

/// A set of environment variables. An empty one counts as absent: CloudFormation cannot leave one out.
#[derive(Debug, Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

/// A variable is missing or is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("environment variable {variable} {problem}; set it to {expected}")]
pub struct ConfigError {
    /// Which variable.
    pub variable: &'static str,
    /// What is wrong with it.
    pub problem: String,
    /// What it should look like.
    pub expected: &'static str,
}

impl Environment {
    /// The environment of this process.
    pub fn of_process() -> Self {
        // Values that are not Unicode are left out: then they are reported as missing, by name.
        Self(
            std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
                .collect(),
        )
    }

    /// A variable's text, without blanks around it; none where it is absent or empty.
    pub fn text(&self, variable: &str) -> Option<&str> {
        self.0.get(variable).map(|text| text.trim()).filter(|text| !text.is_empty())
    }

    /// A variable that has to be there, parsed.
    pub fn required<T>(&self, variable: &'static str, expected: &'static str) -> Result<T, ConfigError>
    where
        T: FromText,
    {
        self.optional(variable, expected)?.ok_or_else(|| ConfigError {
            variable,
            problem: "is missing".to_owned(),
            expected,
        })
    }

    /// A variable that may be absent, parsed.
    pub fn optional<T>(&self, variable: &'static str, expected: &'static str) -> Result<Option<T>, ConfigError>
    where
        T: FromText,
    {
        let Some(text) = self.text(variable) else { return Ok(None) };
        T::from_text(text).map(Some).map_err(|problem| ConfigError {
            variable,
            problem: format!("is {text:?}: {problem}"),
            expected,
        })
    }
}

/// Where receipts are kept: `RECEIPT_BUCKET`, or else `BACKUP_BUCKET`, under `RECEIPT_PREFIX`, or else `.holdfast/receipts/`.
pub fn receipts(environment: &Environment) -> Result<Receipts, ConfigError> {
    let expected = "the name of a bucket";
    let bucket = match environment.optional("RECEIPT_BUCKET", expected)? {
        Some(bucket) => bucket,
        None => environment.required("BACKUP_BUCKET", expected)?,
    };
    let prefix = environment.optional("RECEIPT_PREFIX", "a key prefix")?;
    Ok(Receipts { bucket, prefix: prefix.unwrap_or_else(|| DEFAULT_PREFIX.to_owned()) })
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

/// What a variable's text can be parsed into.
pub trait FromText: Sized {
    /// Parses the text; the error says what is wrong with it.
    fn from_text(text: &str) -> Result<Self, String>;
}

macro_rules! from_text_by {
    ($type:ty, $parse:expr) => {
        impl FromText for $type {
            fn from_text(text: &str) -> Result<Self, String> {
                parsed($parse(text))
            }
        }
    };
}

fn parsed<T, E: Display>(result: Result<T, E>) -> Result<T, String> {
    result.map_err(|error| error.to_string())
}

from_text_by!(String, |text: &str| Ok::<_, std::convert::Infallible>(text.to_owned()));
from_text_by!(u64, u64::from_str);
from_text_by!(usize, usize::from_str);
from_text_by!(std::num::NonZeroUsize, std::num::NonZeroUsize::from_str);
from_text_by!(holdfast_core::names::BucketName, holdfast_core::names::BucketName::new);

/// How a copy is proven: `VERIFY_MODE`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum VerifyMode {
    /// By the checksums that are stored, where there are any; bytes are read only where there are none.
    #[default]
    Stored,
    /// By reading both sides.
    Streamed,
}

impl FromText for VerifyMode {
    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "stored" => Ok(Self::Stored),
            "streamed" => Ok(Self::Streamed),
            _ => Err("there is no such mode".to_owned()),
        }
    }
}

impl VerifyMode {
    /// The variable.
    pub const VARIABLE: &'static str = "VERIFY_MODE";

    /// The configured mode.
    pub fn of(environment: &Environment) -> Result<Self, ConfigError> {
        Ok(environment.optional(Self::VARIABLE, "stored or streamed")?.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_and_a_malformed_variable_are_named_with_what_would_be_right() {
        let environment: Environment = [("SIZE", "many"), ("EMPTY", "")].into_iter().collect();
        let missing = environment.required::<String>("EMPTY", "a name").err().map(|error| error.to_string());
        assert_eq!(missing.as_deref(), Some("environment variable EMPTY is missing; set it to a name"));
        let malformed = environment.optional::<u64>("SIZE", "a number of bytes").err().map(|error| error.to_string());
        assert_eq!(
            malformed.as_deref(),
            Some("environment variable SIZE is \"many\": invalid digit found in string; set it to a number of bytes")
        );
    }
}
