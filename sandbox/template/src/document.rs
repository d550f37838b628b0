//! The template as a tree. `CloudFormation`'s short tags in YAML are converted to their long forms in JSON, so the rest
//! of the crate handles one format.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use serde_yaml_ng::Value as Yaml;

use super::TemplateError;

/// The valid sections of a template.
const SECTIONS: [&str; 11] = [
    "AWSTemplateFormatVersion",
    "Transform",
    "Description",
    "Metadata",
    "Parameters",
    "Rules",
    "Mappings",
    "Conditions",
    "Globals",
    "Resources",
    "Outputs",
];

/// A parsed template and its text.
#[derive(Debug)]
pub(super) struct Document {
    file: PathBuf,
    text: String,
    root: Map<String, Value>,
}

impl Document {
    /// Reads a file.
    pub(super) fn read(file: &Path) -> Result<Self, TemplateError> {
        let text = std::fs::read_to_string(file).map_err(|error| TemplateError {
            file: file.display().to_string(),
            line: None,
            path: String::new(),
            message: format!("the template cannot be read: {error}"),
        })?;
        Self::parse(file, text)
    }

    /// Parses text. `file` is used in errors and as the base of relative paths.
    pub(super) fn parse(file: &Path, text: String) -> Result<Self, TemplateError> {
        let fail = |line, path: &str, message: String| TemplateError {
            file: file.display().to_string(),
            line,
            path: path.to_owned(),
            message,
        };
        let yaml: Yaml = serde_yaml_ng::from_str(&text).map_err(|error| {
            fail(error.location().map(|at| at.line()), "", format!("this is not YAML that can be read: {error}"))
        })?;
        let Value::Object(root) = plain(yaml).map_err(|message| fail(None, "", message))? else {
            return Err(fail(None, "", "a template is a mapping with a section Resources".to_owned()));
        };
        if let Some(section) = root.keys().find(|key| !SECTIONS.contains(&key.as_str())) {
            let line = line_of(&text, &[section]);
            return Err(fail(
                line,
                section,
                format!("there is no such section in a template; it may have {}", SECTIONS.join(", ")),
            ));
        }
        Ok(Self { file: file.to_owned(), text, root })
    }

    /// The base of relative paths in the template.
    pub(super) fn folder(&self) -> &Path {
        self.file.parent().unwrap_or(Path::new(""))
    }

    /// The value at a path of keys, if it exists.
    pub(super) fn get(&self, path: &[&str]) -> Option<&Value> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.root.get(*first)?, |value, key| value.get(*key))
    }

    /// The entries of a section; empty if the section is missing.
    pub(super) fn section(&self, name: &str) -> impl Iterator<Item = (&String, &Value)> {
        self.root.get(name).and_then(Value::as_object).into_iter().flatten()
    }

    /// An error at a path of this document.
    pub(super) fn error(&self, path: &str, message: impl Into<String>) -> TemplateError {
        let keys: Vec<&str> = path.split('.').take(2).collect();
        TemplateError {
            file: self.file.display().to_string(),
            line: line_of(&self.text, &keys),
            path: path.to_owned(),
            message: message.into(),
        }
    }
}

/// The line, counted from 1, of a section or of a direct entry of it.
fn line_of(text: &str, keys: &[&str]) -> Option<usize> {
    let (section, entry) = (keys.first()?, keys.get(1));
    let begins = |line: &str, key: &str| {
        let line = line.trim_start();
        line.strip_prefix(key).is_some_and(|rest| rest.starts_with(':'))
    };
    let mut lines = text.lines().enumerate().skip_while(|(_, line)| line.starts_with(' ') || !begins(line, section));
    let (at, _) = lines.next()?;
    let Some(entry) = entry else { return Some(at + 1) };
    let found = lines
        .take_while(|(_, line)| line.is_empty() || line.starts_with([' ', '#']))
        .find(|(_, line)| begins(line, entry))
        .map_or(at, |(number, _)| number);
    Some(found + 1)
}

/// YAML as JSON, with `!Ref x` written as `{"Ref": x}`.
fn plain(yaml: Yaml) -> Result<Value, String> {
    Ok(match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => Value::Bool(value),
        Yaml::Number(number) => {
            serde_json::to_value(&number).map_err(|_| format!("the number {number} is not one that JSON knows"))?
        }
        Yaml::String(text) => Value::String(text),
        Yaml::Sequence(items) => Value::Array(items.into_iter().map(plain).collect::<Result<_, _>>()?),
        Yaml::Mapping(entries) => {
            let mut object = Map::new();
            for (key, value) in entries {
                object.insert(key_text(key)?, plain(value)?);
            }
            Value::Object(object)
        }
        Yaml::Tagged(tagged) => {
            let name = tagged.tag.to_string();
            let name = name.trim_start_matches('!');
            let value = plain(tagged.value)?;
            match name {
                "Ref" | "Condition" => function(name, value),
                "GetAtt" => function("Fn::GetAtt", attribute_parts(value)),
                other => function(&format!("Fn::{other}"), value),
            }
        }
    })
}

fn function(name: &str, argument: Value) -> Value {
    Value::Object(Map::from_iter([(name.to_owned(), argument)]))
}

/// `Copy.Arn` as `["Copy", "Arn"]`.
fn attribute_parts(value: Value) -> Value {
    match value.as_str().and_then(|text| text.split_once('.')) {
        Some((resource, attribute)) => Value::from(vec![resource, attribute]),
        None => value,
    }
}

fn key_text(key: Yaml) -> Result<String, String> {
    match key {
        Yaml::String(text) => Ok(text),
        Yaml::Number(number) => Ok(number.to_string()),
        Yaml::Bool(value) => Ok(value.to_string()),
        other => Err(format!("a key of a mapping is a text, but this one is {other:?}")),
    }
}
