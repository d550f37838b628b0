//! Evaluates the template's functions (`!Ref`, `!Sub`, `!If` and so on) with parameters, conditions, mappings and the
//! names of resources.

use std::{cell::RefCell, collections::BTreeMap};

use serde_json::{Map, Value};

use super::{Settings, TemplateError, document::Document, names, parameters};

type Evaluated = Result<Option<Value>, TemplateError>;

/// The supported functions.
const FUNCTIONS: [&str; 12] = [
    "Ref",
    "Fn::GetAtt",
    "Fn::Sub",
    "Fn::If",
    "Fn::Equals",
    "Fn::Not",
    "Fn::And",
    "Fn::Or",
    "Fn::Join",
    "Fn::Split",
    "Fn::Select",
    "Fn::FindInMap",
];

/// Everything that a value in the template can refer to.
#[derive(Debug)]
pub(super) struct Scope<'a> {
    pub(super) document: &'a Document,
    pub(super) settings: &'a Settings,
    parameters: BTreeMap<String, Value>,
    /// The conditions and resources that are being evaluated, to detect cycles.
    open: RefCell<Vec<String>>,
}

impl<'a> Scope<'a> {
    /// Resolves the parameters.
    pub(super) fn new(document: &'a Document, settings: &'a Settings) -> Result<Self, TemplateError> {
        let parameters = parameters::resolve(document, &settings.parameters)?;
        Ok(Self { document, settings, parameters, open: RefCell::default() })
    }

    /// A parameter's value as text.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        self.parameters.get(name).map(parameters::text)
    }

    /// Evaluates a value; `None` is `AWS::NoValue`.
    pub(super) fn evaluate(&self, value: &Value, path: &str) -> Evaluated {
        match value {
            Value::Array(items) => self.list(items, path).map(|items| Some(Value::Array(items))),
            Value::Object(object) => {
                if let Some((name, argument)) = called(object) {
                    return self.call(name, argument, path);
                }
                let mut result = Map::new();
                for (key, value) in object {
                    if let Some(value) = self.evaluate(value, &format!("{path}.{key}"))? {
                        result.insert(key.clone(), value);
                    }
                }
                Ok(Some(Value::Object(result)))
            }
            scalar => Ok(Some(scalar.clone())),
        }
    }

    /// Evaluates a value that must be a scalar, as text.
    pub(super) fn text(&self, value: &Value, path: &str) -> Result<String, TemplateError> {
        match self.evaluate(value, path)? {
            Some(value @ (Value::String(_) | Value::Number(_) | Value::Bool(_))) => Ok(parameters::text(&value)),
            _ => Err(self.document.error(path, "a text is expected here")),
        }
    }

    /// Whether a named condition is true.
    pub(super) fn condition(&self, name: &str, path: &str) -> Result<bool, TemplateError> {
        let Some(value) = self.document.get(&["Conditions", name]) else {
            return Err(self.document.error(path, format!("there is no condition {name} in the section Conditions")));
        };
        self.guarded(&format!("Conditions.{name}"), |path| self.truth(value, path))
    }

    /// Runs `work`, and rejects a nested call for the same name, which would never end.
    pub(super) fn guarded<T>(
        &self,
        what: &str,
        work: impl FnOnce(&str) -> Result<T, TemplateError>,
    ) -> Result<T, TemplateError> {
        if self.open.borrow().iter().any(|open| open == what) {
            let circle = format!("{} -> {what}", self.open.borrow().join(" -> "));
            return Err(self.document.error(what, format!("this depends on itself: {circle}")));
        }
        self.open.borrow_mut().push(what.to_owned());
        let result = work(what);
        self.open.borrow_mut().pop();
        result
    }

    fn list(&self, items: &[Value], path: &str) -> Result<Vec<Value>, TemplateError> {
        let mut result = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            result.extend(self.evaluate(item, &format!("{path}[{index}]"))?);
        }
        Ok(result)
    }

    fn call(&self, name: &str, argument: &Value, path: &str) -> Evaluated {
        match name {
            "Ref" => self.reference(&self.plain_text(argument, "!Ref", path)?, path),
            "Fn::GetAtt" => self.attribute(argument, path).map(Value::String).map(Some),
            "Fn::Sub" => self.substitute(argument, path).map(Value::String).map(Some),
            "Fn::If" => {
                let [condition, yes, no] = self.arguments(argument, "!If [condition, value, value]", path)?;
                let condition = self.plain_text(condition, "!If", path)?;
                self.evaluate(if self.condition(&condition, path)? { yes } else { no }, path)
            }
            "Fn::Equals" | "Fn::Not" | "Fn::And" | "Fn::Or" | "Condition" => {
                let call = Value::Object(Map::from_iter([(name.to_owned(), argument.clone())]));
                self.truth(&call, path).map(|truth| Some(Value::Bool(truth)))
            }
            "Fn::Join" => {
                let [separator, items] = self.arguments(argument, "!Join [separator, list]", path)?;
                let (separator, items) = (self.text(separator, path)?, self.texts(items, path)?);
                Ok(Some(Value::String(items.join(&separator))))
            }
            "Fn::Split" => {
                let [separator, source] = self.arguments(argument, "!Split [separator, text]", path)?;
                let (separator, source) = (self.text(separator, path)?, self.text(source, path)?);
                Ok(Some(Value::from(source.split(&separator).collect::<Vec<_>>())))
            }
            "Fn::Select" => {
                let [index, items] = self.arguments(argument, "!Select [index, list]", path)?;
                let (index, items) = (self.text(index, path)?, self.texts(items, path)?);
                let item = index.parse().ok().and_then(|index: usize| items.get(index).cloned());
                let count = items.len();
                item.map(|item| Some(Value::String(item))).ok_or_else(|| {
                    self.document.error(path, format!("!Select wants entry {index} of a list of {count}"))
                })
            }
            "Fn::FindInMap" => self.find_in_map(argument, path),
            other => Err(self.document.error(
                path,
                format!("the sandbox does not know the function {other}; it knows {}", FUNCTIONS.join(", ")),
            )),
        }
    }

    fn reference(&self, name: &str, path: &str) -> Evaluated {
        let settings = self.settings;
        let pseudo = match name {
            "AWS::NoValue" => return Ok(None),
            "AWS::Region" => &settings.region,
            "AWS::AccountId" => &settings.account,
            "AWS::StackName" => &settings.stack,
            "AWS::Partition" => "aws",
            "AWS::URLSuffix" => "amazonaws.com",
            "AWS::StackId" => return Ok(Some(Value::String(names::stack_id(settings)))),
            _ => {
                return match self.parameters.get(name) {
                    Some(value) => Ok(Some(value.clone())),
                    None => names::reference(self, name, path).map(Value::String).map(Some),
                };
            }
        };
        Ok(Some(Value::String(pseudo.to_owned())))
    }

    fn attribute(&self, argument: &Value, path: &str) -> Result<String, TemplateError> {
        let [resource, attribute] = self.arguments(argument, "!GetAtt Resource.Attribute", path)?;
        let resource = self.plain_text(resource, "!GetAtt", path)?;
        names::attribute(self, &resource, &self.text(attribute, path)?, path)
    }

    fn substitute(&self, argument: &Value, path: &str) -> Result<String, TemplateError> {
        let (text, own) = match argument {
            Value::String(text) => (text, None),
            Value::Array(parts) => match parts.as_slice() {
                [Value::String(text), own] => (text, Some(own)),
                _ => return Err(self.document.error(path, "!Sub takes a text, or [text, {name: value}]")),
            },
            _ => return Err(self.document.error(path, "!Sub takes a text, or [text, {name: value}]")),
        };
        replace_names(text, |name| {
            if let Some(literal) = name.strip_prefix('!') {
                return Ok(format!("${{{literal}}}"));
            }
            if let Some(value) = own.and_then(|own| own.get(name)) {
                return self.text(value, path);
            }
            match name.split_once('.') {
                Some((resource, attribute)) => names::attribute(self, resource, attribute, path),
                None => match self.reference(name, path)? {
                    Some(value) => Ok(parameters::text(&value)),
                    None => Err(self.document.error(path, "AWS::NoValue cannot be part of a text")),
                },
            }
        })
    }

    fn find_in_map(&self, argument: &Value, path: &str) -> Evaluated {
        let [map, first, second] = self.arguments(argument, "!FindInMap [map, key, key]", path)?;
        let (map, first, second) = (self.text(map, path)?, self.text(first, path)?, self.text(second, path)?);
        let Some(value) = self.document.get(&["Mappings", &map, &first, &second]) else {
            return Err(self.document.error(path, format!("there is no Mappings.{map}.{first}.{second}")));
        };
        Ok(Some(value.clone()))
    }

    /// Whether a condition expression is true.
    pub(super) fn truth(&self, value: &Value, path: &str) -> Result<bool, TemplateError> {
        let wrong = || self.document.error(path, "a condition is !Equals, !Not, !And, !Or or !Condition");
        let Some((name, argument)) = value.as_object().and_then(called) else { return Err(wrong()) };
        match name {
            "Condition" => self.condition(&self.plain_text(argument, "!Condition", path)?, path),
            "Fn::Equals" => {
                let [left, right] = self.arguments(argument, "!Equals [value, value]", path)?;
                let (left, right) = (self.evaluate(left, path)?, self.evaluate(right, path)?);
                Ok(left.as_ref().map(parameters::text) == right.as_ref().map(parameters::text))
            }
            "Fn::Not" => {
                let [inner] = self.arguments(argument, "!Not [condition]", path)?;
                Ok(!self.truth(inner, path)?)
            }
            "Fn::And" | "Fn::Or" => {
                let conditions = argument.as_array().ok_or_else(wrong)?;
                let truths: Vec<bool> =
                    conditions.iter().map(|condition| self.truth(condition, path)).collect::<Result<_, _>>()?;
                Ok(if name == "Fn::And" { truths.iter().all(|truth| *truth) } else { truths.contains(&true) })
            }
            _ => Err(wrong()),
        }
    }

    fn texts(&self, value: &Value, path: &str) -> Result<Vec<String>, TemplateError> {
        match self.evaluate(value, path)? {
            Some(Value::Array(items)) => Ok(items.iter().map(parameters::text).collect()),
            _ => Err(self.document.error(path, "a list is expected here")),
        }
    }

    fn plain_text(&self, value: &Value, function: &str, path: &str) -> Result<String, TemplateError> {
        value.as_str().map(str::to_owned).ok_or_else(|| self.document.error(path, format!("{function} takes a name")))
    }

    fn arguments<'v, const N: usize>(
        &self,
        argument: &'v Value,
        usage: &str,
        path: &str,
    ) -> Result<&'v [Value; N], TemplateError> {
        let items = argument.as_array().and_then(|items| items.as_slice().try_into().ok());
        items.ok_or_else(|| self.document.error(path, format!("this is written {usage}")))
    }
}

/// The function call that an object represents, if any.
fn called(object: &Map<String, Value>) -> Option<(&str, &Value)> {
    let mut entries = object.iter();
    let (name, argument) = entries.next().filter(|_| object.len() == 1)?;
    let is_call = name == "Ref" || name.starts_with("Fn::") || (name == "Condition" && argument.is_string());
    is_call.then_some((name.as_str(), argument))
}

/// Replaces every `${name}` in a text.
pub(super) fn replace_names<E>(text: &str, mut value: impl FnMut(&str) -> Result<String, E>) -> Result<String, E> {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, tail)) = after.split_once('}') else { break };
        result.push_str(before);
        result.push_str(&value(name.trim())?);
        rest = tail;
    }
    result.push_str(rest);
    Ok(result)
}
