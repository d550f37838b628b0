//! Map states. The fields that only a distributed one has are described in the Developer Guide, "Using Map state in
//! Distributed mode" (`state-map-distributed.html`) and the pages of the fields: `input-output-itemreader.html`,
//! `input-output-itembatcher.html`, `input-output-resultwriter.html`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Graph, present};

/// A Map.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct MapState {
    /// The list or an expression for it; the state's input where absent. A distributed Map takes an object too.
    pub(crate) items: Option<Value>,
    /// The input of an iteration; the item where absent.
    #[serde(default, deserialize_with = "present")]
    pub(crate) item_selector: Option<Value>,
    /// Iterations at one time or an expression for the number.
    pub(crate) max_concurrency: Option<Value>,
    /// What runs for each item.
    pub(crate) item_processor: Processor,
    /// Where the items are read from.
    pub(crate) item_reader: Option<ItemReader>,
    /// How items are put together.
    pub(crate) item_batcher: Option<ItemBatcher>,
    /// Where results go and how they look.
    pub(crate) result_writer: Option<ResultWriter>,
    /// The name of the state in ARNs.
    pub(crate) label: Option<String>,
    /// How many items may fail, or an expression for the number.
    pub(crate) tolerated_failure_count: Option<Value>,
    /// How many of a hundred items may fail, or an expression for the number.
    pub(crate) tolerated_failure_percentage: Option<Value>,
}

impl MapState {
    /// What runs the items of a distributed Map; none for an inline one.
    pub(crate) fn distributed(&self) -> Option<Workflow> {
        let config = self.item_processor.processor_config.as_ref()?;
        (config.mode == Mode::Distributed).then_some(config.execution_type.unwrap_or(Workflow::Standard))
    }
}

/// What a Map runs for each item.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Processor {
    /// The states.
    #[serde(flatten)]
    pub(crate) graph: Graph,
    #[serde(rename = "ProcessorConfig")]
    processor_config: Option<ProcessorConfig>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ProcessorConfig {
    #[serde(default)]
    mode: Mode,
    execution_type: Option<Workflow>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Mode {
    #[default]
    Inline,
    Distributed,
}

/// The two kinds of workflows that a distributed Map may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Workflow {
    /// Each item's execution has a history and can be redriven from where it failed.
    Standard,
    /// Each item's execution has neither, and takes at most five minutes.
    Express,
}

/// Where items are read from.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ItemReader {
    /// `arn:aws:states:::s3:getObject` or `arn:aws:states:::s3:listObjectsV2`.
    pub(crate) resource: String,
    /// Bucket and key, or bucket and prefix.
    pub(crate) arguments: Map<String, Value>,
    /// What the object holds.
    #[serde(default)]
    pub(crate) reader_config: ReaderConfig,
}

/// What an object with items holds.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ReaderConfig {
    /// Its format.
    pub(crate) input_type: Option<InputType>,
    /// Where the names of a CSV file's columns are.
    #[serde(rename = "CSVHeaderLocation")]
    pub(crate) header_location: Option<HeaderLocation>,
    /// The names, where they are given.
    #[serde(default, rename = "CSVHeaders")]
    pub(crate) headers: Vec<String>,
    /// The delimiter between a CSV file's fields.
    #[serde(default, rename = "CSVDelimiter")]
    pub(crate) delimiter: Delimiter,
    /// Where in a JSON file the items are, as a JSON Pointer.
    pub(crate) items_pointer: Option<String>,
    /// How many items are taken, or an expression for the number.
    pub(crate) max_items: Option<Value>,
}

/// The formats of objects with items.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum InputType {
    /// Fields between delimiters.
    Csv,
    /// One array or object.
    Json,
    /// A value in each line.
    Jsonl,
}

/// Where the names of a CSV file's columns are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum HeaderLocation {
    /// In its first line.
    FirstRow,
    /// In the definition.
    Given,
}

/// The delimiter between a CSV file's fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Delimiter {
    /// `,`
    #[default]
    Comma,
    /// `|`
    Pipe,
    /// `;`
    Semicolon,
    /// A space.
    Space,
    /// A tab.
    Tab,
}

/// How items are put together, each batch for one execution.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ItemBatcher {
    /// At most how many items, or an expression for the number.
    pub(crate) max_items_per_batch: Option<Value>,
    /// At most how many bytes, or an expression for the number.
    pub(crate) max_input_bytes_per_batch: Option<Value>,
    /// What every batch is given besides.
    #[serde(default, deserialize_with = "present")]
    pub(crate) batch_input: Option<Value>,
}

/// Where results go and how they look.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ResultWriter {
    /// Bucket and prefix; none where the results stay in the state's output.
    pub(crate) arguments: Option<Map<String, Value>>,
    /// How they look.
    #[serde(default)]
    pub(crate) writer_config: WriterConfig,
}

/// How results look.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct WriterConfig {
    /// What is shown of each execution; where it is not said, everything in S3 and the output alone in the state.
    pub(crate) transformation: Option<Transformation>,
    /// How the files are written.
    #[serde(default)]
    pub(crate) output_type: OutputType,
}

/// What is shown of an execution that succeeded. One that did not is always shown whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Transformation {
    /// The output, with what is known of the execution.
    None,
    /// The output.
    Compact,
    /// The output; one that is a list becomes several.
    Flatten,
}

/// How files with results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum OutputType {
    /// As one array.
    #[default]
    Json,
    /// As a value in each line.
    Jsonl,
}
