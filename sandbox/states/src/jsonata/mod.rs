//! Evaluates the `JSONata` of a state machine: `{% … %}` text, alone or at the leaves of a JSON template.
//!
//! Failures follow AWS ("Transforming data with `JSONata` in Step Functions", `transforming-data.html`). An expression
//! fails the state with `States.QueryEvaluationError` if it raises an error, or if it returns nothing (undefined) for a
//! field or a template leaf. An undefined member of an object that the expression itself builds is dropped, as in
//! `JSONata`.

mod functions;
mod portable;

use std::collections::BTreeSet;

use jsonata_core::{
    evaluator::{Context, Evaluator, EvaluatorError, EvaluatorOptions},
    parser,
    value::JValue,
};
use serde_json::{Map, Value};

/// The maximum evaluation time of one expression.
const TIMEOUT_MS: u64 = 5_000;

/// The input of expressions.
#[derive(Debug, Clone)]
pub(crate) struct Environment {
    /// `$states`.
    pub(crate) states: Value,
    /// The variables, without `$`.
    pub(crate) variables: Map<String, Value>,
}

/// A failed evaluation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QueryError {
    /// The field of the expression, for example `Output/key`.
    pub(crate) location: String,
    /// AWS's message.
    pub(crate) cause: String,
}

/// The expression between `{%` and `%}`; `None` for plain text.
pub(crate) fn expression(text: &str) -> Option<&str> {
    text.strip_prefix("{%")?.strip_suffix("%}").map(str::trim)
}

/// A problem of an expression, found without evaluating it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Problem {
    /// The expression does not parse.
    Syntax(String),
    /// Step Functions does not support this part of the expression.
    Unsupported(String),
}

/// All the reasons for which AWS rejects an expression.
pub(crate) fn problems(expression: &str) -> Vec<Problem> {
    match parser::parse(expression) {
        Ok(tree) => portable::analyze(&tree).problems.into_iter().map(Problem::Unsupported).collect(),
        Err(error) => vec![Problem::Syntax(error.to_string())],
    }
}

/// The members of `$states` that an expression reads; empty if it does not parse.
pub(crate) fn members_of_states(expression: &str) -> BTreeSet<String> {
    parser::parse(expression).map(|tree| portable::analyze(&tree).members).unwrap_or_default()
}

/// Whether a template contains no expression.
pub(crate) fn is_plain(template: &Value) -> bool {
    match template {
        Value::String(text) => expression(text).is_none(),
        Value::Array(items) => items.iter().all(is_plain),
        Value::Object(object) => object.values().all(is_plain),
        _ => true,
    }
}

/// Replaces every expression of a template by its value.
pub(crate) fn fill(template: &Value, location: &str, environment: &Environment) -> Result<Value, QueryError> {
    Session::new(environment, location)?.fill(template, location)
}

/// Replaces every expression of an object of templates.
pub(crate) fn fill_object(
    templates: &Map<String, Value>,
    location: &str,
    environment: &Environment,
) -> Result<Map<String, Value>, QueryError> {
    let mut session = Session::new(environment, location)?;
    templates
        .iter()
        .map(|(name, template)| Ok((name.clone(), session.fill(template, &format!("{location}/{name}"))?)))
        .collect()
}

/// AWS's error for a field value of the wrong type.
pub(crate) fn unexpected(template: &Value, location: &str, expected: &str, value: &Value) -> QueryError {
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let written = template.as_str().and_then(expression).map_or_else(|| template.to_string(), str::to_owned);
    QueryError {
        location: location.to_owned(),
        cause: format!(
            "The JSONata expression '{written}' specified for the field '{location}' returned an unexpected result \
             type. Expected '{expected}', but was '{found}' for value: {value}"
        ),
    }
}

/// One evaluator with its variables bound, for the leaves of one template.
struct Session {
    evaluator: Evaluator,
}

impl Session {
    fn new(environment: &Environment, location: &str) -> Result<Self, QueryError> {
        let mut context = Context::new();
        context.bind("states".to_owned(), JValue::from(environment.states.clone()));
        for (name, value) in &environment.variables {
            context.bind(name.clone(), JValue::from(value.clone()));
        }
        let options = EvaluatorOptions { timeout_ms: Some(TIMEOUT_MS), ..EvaluatorOptions::default() };
        let mut evaluator = Evaluator::with_options(context, options);
        functions::register(&mut evaluator)
            .map_err(|error| QueryError { location: location.to_owned(), cause: error.message().to_owned() })?;
        Ok(Self { evaluator })
    }

    fn fill(&mut self, template: &Value, location: &str) -> Result<Value, QueryError> {
        match template {
            Value::String(text) => match expression(text) {
                Some(expression) => self.evaluate(expression, location),
                None => Ok(template.clone()),
            },
            Value::Array(items) => items
                .iter()
                .enumerate()
                .map(|(index, item)| self.fill(item, &format!("{location}[{index}]")))
                .collect::<Result<_, _>>()
                .map(Value::Array),
            Value::Object(object) => object
                .iter()
                .map(|(name, value)| Ok((name.clone(), self.fill(value, &format!("{location}/{name}"))?)))
                .collect::<Result<_, _>>()
                .map(Value::Object),
            plain => Ok(plain.clone()),
        }
    }

    fn evaluate(&mut self, expression: &str, location: &str) -> Result<Value, QueryError> {
        let failed = |what: &str| QueryError {
            location: location.to_owned(),
            cause: format!("The JSONata expression '{expression}' specified for the field '{location}' {what}"),
        };
        let tree =
            parser::parse(expression).map_err(|error| failed(&format!("threw an error during evaluation. {error}")))?;
        let result = self.evaluator.evaluate(&tree, &JValue::Undefined).map_err(|error| failed(&thrown(&error)))?;
        if result.is_undefined() {
            return Err(failed("returned nothing (undefined)."));
        }
        if result.is_function() || result.is_regex() {
            return Err(failed("returned an unsupported result type."));
        }
        serde_json::to_value(&result).map_err(|error| failed(&format!("threw an error during evaluation: {error}")))
    }
}

/// AWS's message has a period before an error with a `JSONata` code, and a colon before one without a code.
fn thrown(error: &EvaluatorError) -> String {
    let separator = if error.code().is_some() { ". " } else { ": " };
    format!("threw an error during evaluation{separator}{}", error.message())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn environment() -> Environment {
        let variables = json!({"tries": 2}).as_object().cloned().unwrap_or_default();
        Environment { states: json!({"input": {"a": [1, 2, 3], "name": "x", "one": [{"n": 7}]}}), variables }
    }

    #[track_caller]
    fn value(expression: &str) -> Value {
        match fill(&json!(format!("{{% {expression} %}}")), "Output", &environment()) {
            Ok(value) => value,
            Err(error) => json!({"failed": error.cause}),
        }
    }

    #[test]
    fn templates_are_filled_at_every_leaf_and_plain_text_stays() {
        let template = json!({"a": "{% $states.input.name %}", "b": ["{% $tries + 1 %}", " {% no %}"], "c": null});
        let filled = fill(&template, "Output", &environment());
        assert_eq!(filled, Ok(json!({"a": "x", "b": [3, " {% no %}"], "c": null})));
    }

    #[test]
    fn undefined_fails_at_a_leaf_and_is_dropped_inside_a_built_object() {
        let failed = fill(&json!({"v": "{% $states.input.no %}"}), "Output", &environment());
        let cause = "The JSONata expression '$states.input.no' specified for the field 'Output/v' returned nothing \
                     (undefined).";
        assert_eq!(failed, Err(QueryError { location: "Output/v".to_owned(), cause: cause.to_owned() }));
        assert_eq!(value("{'v': $states.input.no, 'w': 1}"), json!({"w": 1}));
    }

    #[test]
    fn an_error_names_the_expression_the_field_and_the_jsonata_code() {
        let text = value("$states.input.name * 2").to_string();
        assert!(text.contains("'$states.input.name * 2' specified for the field 'Output'"), "{text}");
        assert!(text.contains("threw an error during evaluation. T2001"), "{text}");
    }

    #[test]
    fn results_are_plain_json() {
        assert_eq!(value("$states.input.a[$ > 1]"), json!([2, 3]));
        assert_eq!(value("$states.input.one[n > 1].n"), json!(7));
        assert_eq!(value("[$states.input.one[n > 1].n]"), json!([7]));
        assert_eq!(value("$sum($states.input.a)"), json!(6));
        assert_eq!(value("null"), json!(null));
    }
}
