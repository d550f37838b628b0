//! The configuration: environment variables that `template.yaml` sets, read once at start.

use std::{collections::BTreeMap, fmt::Display, str::FromStr};

use holdfast_core::{
    ErrorName, Fact, Remedy,
    receipt::{DEFAULT_PREFIX, Receipts},
};

/// A set of environment variables. An empty variable counts as missing, because CloudFormation cannot omit a variable.
#[derive(Debug, Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

/// A variable is missing or invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("The environment variable {variable} {problem}.")]
pub struct ConfigError {
    /// The variable.
    pub variable: &'static str,
    /// What is wrong with it, for example `is missing`.
    pub problem: String,
    /// A valid value, for example `a number of bytes`.
    pub expected: &'static str,
}

impl Fact for ConfigError {
    fn name(&self) -> ErrorName {
        ErrorName::ConfigInvalid
    }

    fn remedy(&self) -> Remedy {
        Remedy::SetVariable { variable: self.variable.into(), expected: self.expected.into() }
    }
}

impl Environment {
    /// The environment of this process.
    pub fn of_process() -> Self {
        // A value that is not Unicode is skipped, and then reported as missing.
        Self(
            std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
                .collect(),
        )
    }

    /// The text of a variable without surrounding blanks; `None` if the variable is missing or empty.
    pub fn text(&self, variable: &str) -> Option<&str> {
        self.0.get(variable).map(|text| text.trim()).filter(|text| !text.is_empty())
    }

    /// A required variable, parsed.
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

    /// An optional variable, parsed.
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

/// The bucket and prefix of the receipts: `RECEIPT_BUCKET`, by default `BACKUP_BUCKET`, and `RECEIPT_PREFIX`, by
/// default `.holdfast/receipts/`.
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

/// A type that the text of a variable is parsed into.
pub trait FromText: Sized {
    /// Parses the text. The error describes the problem.
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

/// The method of the proof: `VERIFY_MODE`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum VerifyMode {
    /// Compare with the checksum of the source. Read the source only if it has none.
    #[default]
    Stored,
    /// Read both sides.
    Streamed,
}

impl FromText for VerifyMode {
    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "stored" => Ok(Self::Stored),
            "streamed" => Ok(Self::Streamed),
            _ => Err("this mode does not exist".to_owned()),
        }
    }
}

impl VerifyMode {
    /// The name of the variable.
    pub const VARIABLE: &'static str = "VERIFY_MODE";

    /// The configured mode.
    pub fn of(environment: &Environment) -> Result<Self, ConfigError> {
        Ok(environment.optional(Self::VARIABLE, "stored or streamed")?.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use holdfast_core::failure::report;

    use super::*;

    #[test]
    fn the_error_of_a_variable_names_it_with_a_valid_value() {
        let environment: Environment = [("SIZE", "many"), ("EMPTY", "")].into_iter().collect();
        let missing = environment.required::<String>("EMPTY", "a name").err().map(|error| report(&error));
        let sentence = "The environment variable EMPTY is missing. Set EMPTY to a name, deploy, then redrive.";
        assert_eq!(missing.as_deref(), Some(sentence));
        let invalid = environment.optional::<u64>("SIZE", "a number of bytes").err().map(|error| report(&error));
        let sentence = "The environment variable SIZE is \"many\": invalid digit found in string. Set SIZE \
                        to a number of bytes, deploy, then redrive.";
        assert_eq!(invalid.as_deref(), Some(sentence));
    }
}
