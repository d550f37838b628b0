//! Rejects the definitions that AWS rejects at creation. Each problem has AWS's code and the path of the field.
//!
//! Codes and messages follow `ValidateStateMachineDefinition` on AWS. If only the sandbox lacks a feature, the message
//! says "not supported here".

use serde_json::{Map, Value};

use super::{
    Graph, expressions, fields,
    findings::{Diagnostic, Findings},
    graph,
};

/// Parses a definition, or returns all its problems.
pub(crate) fn parse(text: &str) -> Result<Graph, Vec<Diagnostic>> {
    let mut findings = Findings::default();
    let value: Value = match serde_json::from_str(text) {
        Ok(value) => value,
        Err(error) => {
            findings.add("INVALID_JSON_DESCRIPTION", "/", format!("The definition is not JSON: {error}"));
            return Err(findings.0);
        }
    };
    let Some(machine) = value.as_object() else {
        findings.schema("/", "The definition must be a JSON object");
        return Err(findings.0);
    };
    check_machine(machine, &mut findings);
    if !findings.0.is_empty() {
        return Err(findings.0);
    }
    Graph::deserialize_checked(value).map_err(|error| {
        vec![Diagnostic { code: "SCHEMA_VALIDATION_FAILED", message: error.to_string(), location: "/".to_owned() }]
    })
}

impl Graph {
    fn deserialize_checked(value: Value) -> Result<Self, serde_json::Error> {
        serde_json::from_value(value)
    }
}

fn check_machine(machine: &Map<String, Value>, findings: &mut Findings) {
    if machine.get("QueryLanguage").and_then(Value::as_str) != Some("JSONata") {
        findings.schema("/QueryLanguage", "JSONPath is not supported here; set QueryLanguage to JSONata");
        return;
    }
    fields::only(machine, fields::MACHINE, "", findings);
    if machine.get("Version").is_some_and(|version| version != "1.0") {
        findings.schema("/Version", "Value must be '1.0'");
    }
    fields::seconds(machine, "TimeoutSeconds", "", fields::Literal::Only, findings);
    graph::check(machine, "", &mut graph::Names::default(), findings);
    expressions::check(machine, "", findings);
}
