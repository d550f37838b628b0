//! Checks the fields of a distributed Map.

use serde_json::{Map, Value};

use super::{
    fields::{self, Literal},
    findings::Findings,
};
use crate::{jsonata, limits};

/// The maximum length of a label in characters.
const LABEL: usize = 40;
/// The maximum number of items of a reader.
const ITEMS: u64 = 100_000_000;

/// The enclosing Maps, and the labels so far: labels are unique in the whole machine.
#[derive(Debug, Default)]
pub(super) struct Labels {
    seen: std::collections::BTreeSet<String>,
    /// The number of enclosing Express workflows.
    pub(super) express: usize,
}

/// Checks a Map state with the mode DISTRIBUTED.
pub(super) fn check(state: &Map<String, Value>, path: &str, labels: &mut Labels, findings: &mut Findings) {
    if labels.express > 0 {
        let location = format!("{path}/ItemProcessor/ProcessorConfig/Mode");
        findings.schema(location, "Distributed mode is not supported in Express workflows");
    }
    let config = state.get("ItemProcessor").and_then(|processor| processor.get("ProcessorConfig"));
    if !matches!(
        config.and_then(|config| config.get("ExecutionType")).and_then(Value::as_str),
        Some("STANDARD" | "EXPRESS")
    ) {
        findings.schema(
            format!("{path}/ItemProcessor/ProcessorConfig/ExecutionType"),
            "Value must be STANDARD or EXPRESS if Mode is DISTRIBUTED",
        );
    }
    let any = (0, u64::from(u32::MAX));
    fields::whole_number(state, "ToleratedFailureCount", path, any, Literal::OrExpression, findings);
    let percentage = state.get("ToleratedFailurePercentage");
    if percentage
        .is_some_and(|value| !is_expression(value) && !value.as_f64().is_some_and(|n| (0.0..=100.0).contains(&n)))
    {
        let location = format!("{path}/ToleratedFailurePercentage");
        findings.schema(location, "Value must be a number from 0 to 100 or a JSONata expression");
    }
    check_label(state, path, labels, findings);
    if let Some(reader) = object(state, "ItemReader", path, findings) {
        check_reader(reader, &format!("{path}/ItemReader"), findings);
    }
    if let Some(batcher) = object(state, "ItemBatcher", path, findings) {
        check_batcher(batcher, &format!("{path}/ItemBatcher"), findings);
    }
    if let Some(writer) = object(state, "ResultWriter", path, findings) {
        check_writer(writer, &format!("{path}/ResultWriter"), findings);
    }
}

fn is_expression(value: &Value) -> bool {
    value.as_str().is_some_and(|text| jsonata::expression(text).is_some())
}

fn object<'a>(
    parent: &'a Map<String, Value>,
    name: &str,
    path: &str,
    findings: &mut Findings,
) -> Option<&'a Map<String, Value>> {
    let value = parent.get(name)?;
    if !value.is_object() {
        findings.schema(format!("{path}/{name}"), "Value must be a JSON object");
    }
    value.as_object()
}

/// Checks an optional field with a fixed set of values.
fn one_of(parent: &Map<String, Value>, name: &str, path: &str, values: &[&str], findings: &mut Findings) {
    let Some(value) = parent.get(name) else { return };
    if !value.as_str().is_some_and(|value| values.contains(&value)) {
        findings.schema(format!("{path}/{name}"), format!("Value must be one of {}", values.join(", ")));
    }
}

fn check_label(state: &Map<String, Value>, path: &str, labels: &mut Labels, findings: &mut Findings) {
    let Some(label) = state.get("Label") else { return };
    let location = format!("{path}/Label");
    let forbidden =
        |letter: char| letter.is_whitespace() || letter.is_control() || "?*<>{}[]:;,\\|^~$#%&`\"".contains(letter);
    match label
        .as_str()
        .filter(|label| !label.is_empty() && label.chars().count() <= LABEL && !label.contains(forbidden))
    {
        None => findings.schema(
            location,
            "A label has 1 to 40 characters, without spaces and without ? * < > { } [ ] : ; , \\ | ^ ~ $ # % & ` \"",
        ),
        Some(label) if !labels.seen.insert(label.to_owned()) => {
            findings.schema(location, format!("Label \"{label}\" is used more than once"));
        }
        Some(_) => {}
    }
}

fn check_reader(reader: &Map<String, Value>, path: &str, findings: &mut Findings) {
    fields::only(reader, &["Resource", "Arguments", "ReaderConfig", "Comment"], path, findings);
    if object(reader, "Arguments", path, findings).is_none() && !reader.contains_key("Arguments") {
        findings.schema(format!("{path}/Arguments"), "Field 'Arguments' is required");
    }
    let empty = Map::new();
    let config = object(reader, "ReaderConfig", path, findings).unwrap_or(&empty);
    let at = format!("{path}/ReaderConfig");
    fields::whole_number(config, "MaxItems", &at, (1, ITEMS), Literal::OrExpression, findings);
    if config.get("Transformation").is_some_and(|transformation| transformation != "NONE") {
        findings
            .schema(format!("{at}/Transformation"), "Transformation LOAD_AND_FLATTEN is not supported here; use NONE");
    }
    match fields::text(reader, "Resource", path, findings) {
        Some("arn:aws:states:::s3:listObjectsV2") => {
            fields::only(config, &["MaxItems", "Transformation"], &at, findings);
        }
        Some("arn:aws:states:::s3:getObject") => check_object(config, &at, findings),
        Some(_) => findings.schema(
            format!("{path}/Resource"),
            "Value must be arn:aws:states:::s3:getObject or arn:aws:states:::s3:listObjectsV2",
        ),
        None => {}
    }
}

fn check_object(config: &Map<String, Value>, path: &str, findings: &mut Findings) {
    let own: &[&str] = match fields::text(config, "InputType", path, findings) {
        Some("CSV") => &["CSVHeaderLocation", "CSVHeaders", "CSVDelimiter"],
        Some("JSON") => &["ItemsPointer"],
        Some("JSONL") => &[],
        Some(other) => {
            let message = format!("InputType '{other}' is not supported here; use CSV, JSON or JSONL");
            findings.schema(format!("{path}/InputType"), message);
            return;
        }
        None => return,
    };
    fields::only(config, &[&["InputType", "MaxItems", "Transformation"], own].concat(), path, findings);
    if config.get("ItemsPointer").is_some_and(|pointer| !pointer.as_str().is_some_and(|text| text.starts_with('/'))) {
        findings.schema(format!("{path}/ItemsPointer"), "Value must be a JSON Pointer, which begins with /");
    }
    one_of(config, "CSVDelimiter", path, &["COMMA", "PIPE", "SEMICOLON", "SPACE", "TAB"], findings);
    if config.get("InputType").is_some_and(|kind| kind == "CSV") {
        check_headers(config, path, findings);
    }
}

fn check_headers(config: &Map<String, Value>, path: &str, findings: &mut Findings) {
    let location = fields::text(config, "CSVHeaderLocation", path, findings);
    one_of(config, "CSVHeaderLocation", path, &["FIRST_ROW", "GIVEN"], findings);
    let headers = config.get("CSVHeaders");
    let is_valid =
        headers.and_then(Value::as_array).is_some_and(|names| !names.is_empty() && names.iter().all(Value::is_string));
    match (location, headers) {
        (Some("GIVEN"), _) if !is_valid => {
            findings.schema(format!("{path}/CSVHeaders"), "Value must be a list of the columns' names");
        }
        (Some("FIRST_ROW"), Some(_)) => {
            findings.schema(format!("{path}/CSVHeaders"), "Field 'CSVHeaders' needs CSVHeaderLocation GIVEN");
        }
        _ => {}
    }
}

fn check_batcher(batcher: &Map<String, Value>, path: &str, findings: &mut Findings) {
    let sizes = ["MaxItemsPerBatch", "MaxInputBytesPerBatch"];
    fields::only(batcher, &[&sizes[..], &["BatchInput", "Comment"]].concat(), path, findings);
    if !sizes.iter().any(|name| batcher.contains_key(*name)) {
        findings.schema(path, "An ItemBatcher must have MaxItemsPerBatch, MaxInputBytesPerBatch or both");
    }
    fields::whole_number(batcher, sizes[0], path, (1, ITEMS), Literal::OrExpression, findings);
    fields::whole_number(batcher, sizes[1], path, (1, limits::PAYLOAD as u64), Literal::OrExpression, findings);
}

fn check_writer(writer: &Map<String, Value>, path: &str, findings: &mut Findings) {
    fields::only(writer, &["Resource", "Arguments", "WriterConfig", "Comment"], path, findings);
    let (resource, arguments) = (writer.get("Resource"), object(writer, "Arguments", path, findings));
    if resource.is_some() != arguments.is_some() {
        findings.schema(path, "A ResultWriter has both 'Resource' and 'Arguments', or neither");
    }
    if resource.is_none() && !writer.contains_key("WriterConfig") {
        findings.schema(path, "A ResultWriter must not be empty");
    }
    if resource.is_some_and(|resource| resource != "arn:aws:states:::s3:putObject") {
        findings.schema(format!("{path}/Resource"), "Value must be arn:aws:states:::s3:putObject");
    }
    if let Some(config) = object(writer, "WriterConfig", path, findings) {
        let path = format!("{path}/WriterConfig");
        fields::only(config, &["Transformation", "OutputType"], &path, findings);
        one_of(config, "Transformation", &path, &["NONE", "COMPACT", "FLATTEN"], findings);
        one_of(config, "OutputType", &path, &["JSON", "JSONL"], findings);
    }
}
