//! The parameters of `template.yaml` that set variables of the functions, and their constraints.

use std::{collections::BTreeMap, path::Path};

use regex::Regex;
use serde::Deserialize;
use serde_yaml_ng::Value;

/// The template's parameters cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ParametersError {
    /// The file cannot be read.
    #[error("{path}: the template cannot be read: {source}")]
    File {
        /// The file.
        path: String,
        /// The reason.
        source: std::io::Error,
    },
    /// The template has another structure than expected.
    #[error("{path}: the parameters of the template cannot be read: {source}")]
    Yaml {
        /// The file.
        path: String,
        /// The reason.
        source: serde_yaml_ng::Error,
    },
}

/// A parameter and its constraints
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html>).
#[derive(Debug, Clone)]
pub(crate) struct Parameter {
    name: String,
    constraints: Constraints,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Constraints {
    r#type: String,
    allowed_values: Option<Vec<Value>>,
    allowed_pattern: Option<String>,
    constraint_description: Option<String>,
    min_value: Option<u64>,
    max_value: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Template {
    #[serde(default)]
    parameters: BTreeMap<String, Constraints>,
    #[serde(default)]
    resources: BTreeMap<String, Value>,
}

/// The parameters by the name of the variable that refers to them (`VERIFY_MODE: !Ref VerifyMode`).
pub(crate) fn of_variables(template: &Path) -> Result<BTreeMap<String, Parameter>, ParametersError> {
    let path = || template.display().to_string();
    let text = std::fs::read_to_string(template).map_err(|source| ParametersError::File { path: path(), source })?;
    parse(&text).map_err(|source| ParametersError::Yaml { path: path(), source })
}

fn parse(text: &str) -> Result<BTreeMap<String, Parameter>, serde_yaml_ng::Error> {
    let template: Template = serde_yaml_ng::from_str(text)?;
    let mut parameters = BTreeMap::new();
    for resource in template.resources.values() {
        let variables = resource.get("Properties").and_then(|properties| properties.get("Environment"));
        let variables = variables.and_then(|environment| environment.get("Variables")).and_then(Value::as_mapping);
        for (variable, value) in variables.into_iter().flatten() {
            let name = match value {
                Value::Tagged(tagged) if tagged.tag == "Ref" => tagged.value.as_str(),
                _ => None,
            };
            if let (Some(variable), Some(name)) = (variable.as_str(), name)
                && let Some(constraints) = template.parameters.get(name)
            {
                let parameter = Parameter { name: name.to_owned(), constraints: constraints.clone() };
                parameters.insert(variable.to_owned(), parameter);
            }
        }
    }
    Ok(parameters)
}

impl Parameter {
    /// Checks a value against the constraints and returns it as the template passes it to the function. The error names
    /// the allowed values. A number may have a unit, for example `8MiB`.
    pub(crate) fn check(&self, value: &str) -> Result<String, String> {
        let Constraints { r#type, allowed_values, .. } = &self.constraints;
        let value = if r#type == "Number" { self.number(value)?.to_string() } else { value.to_owned() };
        if let Some(allowed) = allowed_values {
            let allowed: Vec<String> = allowed.iter().map(text).collect();
            if !allowed.contains(&value) {
                let list: Vec<&str> =
                    allowed.iter().map(|value| if value.is_empty() { "nothing" } else { value.as_str() }).collect();
                return Err(format!("{} in template.yaml allows {}", self.name, list.join(", ")));
            }
        }
        self.check_pattern(&value)?;
        Ok(value)
    }

    fn number(&self, value: &str) -> Result<u64, String> {
        let Self { name, constraints: Constraints { min_value, max_value, .. } } = self;
        let number = parse_number(value)
            .ok_or_else(|| format!("{name} in template.yaml is a number; write digits, or a size such as 8MiB"))?;
        match (min_value, max_value) {
            (Some(least), _) if number < *least => Err(format!("{name} in template.yaml allows {least} or more")),
            (_, Some(most)) if number > *most => Err(format!("{name} in template.yaml allows {most} or less")),
            _ => Ok(number),
        }
    }

    fn check_pattern(&self, value: &str) -> Result<(), String> {
        let Self { name, constraints: Constraints { allowed_pattern, constraint_description, .. } } = self;
        let Some(pattern) = allowed_pattern else { return Ok(()) };
        let expression = Regex::new(&format!("^(?:{pattern})$"))
            .map_err(|error| format!("AllowedPattern of {name} in template.yaml is invalid: {error}"))?;
        if expression.is_match(value) {
            return Ok(());
        }
        Err(match constraint_description {
            Some(description) => format!("{name} in template.yaml {description}"),
            None => format!("{name} in template.yaml has to match {pattern}"),
        })
    }
}

/// Parses digits with an optional binary unit.
fn parse_number(text: &str) -> Option<u64> {
    let units = [("KiB", 1_u64 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)];
    let with_unit = units.into_iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)));
    let (digits, factor) = with_unit.unwrap_or((text, 1));
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(value) => value.to_string(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template() -> Result<BTreeMap<String, Parameter>, ParametersError> {
        of_variables(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../template.yaml"))
    }

    #[test]
    fn values_that_a_deployment_would_accept_are_passed_on() -> Result<(), Box<dyn std::error::Error>> {
        let parameters = template()?;
        for (variable, value, expected) in [
            ("MULTIPART_THRESHOLD", "8388608", "8388608"),
            ("MULTIPART_THRESHOLD", "8MiB", "8388608"),
            ("MULTIPART_THRESHOLD", "5GiB", "5368709120"),
            ("VERIFY_MODE", "streamed", "streamed"),
            ("STORAGE_CLASS", "", ""),
            ("REPLICA_BUCKET", "", ""),
            ("REPLICA_REGION", "us-east-1", "us-east-1"),
            ("EXCLUDE_PREFIXES", "a/,b/", "a/,b/"),
        ] {
            let parameter = parameters.get(variable).ok_or(variable)?;
            assert_eq!(parameter.check(value).as_deref(), Ok(expected), "{variable}={value}");
        }
        Ok(())
    }

    #[test]
    fn values_that_a_deployment_would_refuse_are_refused() -> Result<(), Box<dyn std::error::Error>> {
        let parameters = template()?;
        for (variable, value, expected) in [
            ("VERIFY_MODE", "both", "VerifyMode in template.yaml allows stored, streamed"),
            ("STORAGE_CLASS", "COLD", "StorageClass in template.yaml allows nothing, STANDARD,"),
            ("MULTIPART_THRESHOLD", "abc", "MultipartThreshold in template.yaml is a number; write digits, or a size"),
            ("MULTIPART_THRESHOLD", "-1", "is a number"),
            ("MULTIPART_THRESHOLD", "", "is a number"),
            ("MULTIPART_THRESHOLD", "MiB", "is a number"),
            ("MULTIPART_THRESHOLD", "99999999999TiB", "is a number"),
            ("MULTIPART_THRESHOLD", "1MiB", "MultipartThreshold in template.yaml allows 5242880 or more"),
            ("MULTIPART_THRESHOLD", "6GiB", "MultipartThreshold in template.yaml allows 5368709120 or less"),
            ("COPY_CONCURRENCY", "65", "allows 64 or less"),
            ("REPLICA_BUCKET", "No", "ReplicaBucketName in template.yaml must be a bucket name, or empty"),
            ("RECEIPT_PREFIX", "/r", "must end with a slash and not begin with one"),
        ] {
            let parameter = parameters.get(variable).ok_or(variable)?;
            let problem = parameter.check(value).err().unwrap_or_default();
            assert!(problem.contains(expected), "{variable}={value}: {problem}");
        }
        Ok(())
    }

    #[test]
    fn a_variable_that_refers_to_a_resource_has_no_parameter() -> Result<(), ParametersError> {
        let parameters = template()?;
        assert!(!parameters.contains_key("BACKUP_BUCKET") && !parameters.contains_key("SNS_TOPIC_ARN"));
        Ok(())
    }
}
