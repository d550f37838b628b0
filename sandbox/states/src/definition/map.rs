//! Map states. The Developer Guide describes the fields of a distributed Map in "Using Map state in Distributed mode"
//! (`state-map-distributed.html`) and the pages of the fields: `input-output-itemreader.html`,
//! `input-output-itembatcher.html`, `input-output-resultwriter.html`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Graph, present};

/// The fields of a Map state.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct MapState {
    /// A list or an expression; default: the state's input. For a distributed Map also an object.
    pub(crate) items: Option<Value>,
    /// The input of an iteration; default: the item.
    #[serde(default, deserialize_with = "present")]
    pub(crate) item_selector: Option<Value>,
    /// The number of concurrent iterations, or an expression.
    pub(crate) max_concurrency: Option<Value>,
    /// The states to run for each item.
    pub(crate) item_processor: Processor,
    /// The source of the items.
    pub(crate) item_reader: Option<ItemReader>,
    /// The batches of items.
    pub(crate) item_batcher: Option<ItemBatcher>,
    /// The destination and format of the results.
    pub(crate) result_writer: Option<ResultWriter>,
    /// The name of the state in ARNs.
    pub(crate) label: Option<String>,
    /// The number of items that may fail, or an expression.
    pub(crate) tolerated_failure_count: Option<Value>,
    /// The percentage of items that may fail, or an expression.
    pub(crate) tolerated_failure_percentage: Option<Value>,
}

impl MapState {
    /// The workflow type of a distributed Map; `None` for an inline Map.
    pub(crate) fn distributed(&self) -> Option<Workflow> {
        let config = self.item_processor.processor_config.as_ref()?;
        (config.mode == Mode::Distributed).then_some(config.execution_type.unwrap_or(Workflow::Standard))
    }
}

/// The states that a Map runs for each item.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Processor {
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

/// The workflow types of a distributed Map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Workflow {
    /// Each item's execution has a history and can be redriven from the state that failed.
    Standard,
    /// Each item's execution has no history, cannot be redriven and takes at most five minutes.
    Express,
}

/// The source of the items.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ItemReader {
    /// `arn:aws:states:::s3:getObject` or `arn:aws:states:::s3:listObjectsV2`.
    pub(crate) resource: String,
    /// Bucket and key, or bucket and prefix.
    pub(crate) arguments: Map<String, Value>,
    #[serde(default)]
    pub(crate) reader_config: ReaderConfig,
}

/// The format of an object with items.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ReaderConfig {
    pub(crate) input_type: Option<InputType>,
    /// The location of the names of a CSV file's columns.
    #[serde(rename = "CSVHeaderLocation")]
    pub(crate) header_location: Option<HeaderLocation>,
    /// The names of the columns, if the definition gives them.
    #[serde(default, rename = "CSVHeaders")]
    pub(crate) headers: Vec<String>,
    /// The delimiter between a CSV file's fields.
    #[serde(default, rename = "CSVDelimiter")]
    pub(crate) delimiter: Delimiter,
    /// A JSON Pointer to the items in a JSON file.
    pub(crate) items_pointer: Option<String>,
    /// The maximum number of items, or an expression.
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
    /// One value in each line.
    Jsonl,
}

/// The location of the names of a CSV file's columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum HeaderLocation {
    /// The first line.
    FirstRow,
    /// The definition.
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

/// The batches of items; each batch is the input of one execution.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ItemBatcher {
    /// The maximum number of items, or an expression.
    pub(crate) max_items_per_batch: Option<Value>,
    /// The maximum size in bytes, or an expression.
    pub(crate) max_input_bytes_per_batch: Option<Value>,
    /// Additional input of every batch.
    #[serde(default, deserialize_with = "present")]
    pub(crate) batch_input: Option<Value>,
}

/// The destination and format of the results.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ResultWriter {
    /// Bucket and prefix; `None` if the results stay in the state's output.
    pub(crate) arguments: Option<Map<String, Value>>,
    #[serde(default)]
    pub(crate) writer_config: WriterConfig,
}

/// The format of the results.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct WriterConfig {
    /// Default: everything for results in S3, only the output for results in the state.
    pub(crate) transformation: Option<Transformation>,
    #[serde(default)]
    pub(crate) output_type: OutputType,
}

/// What a result contains for an execution that succeeded. Any other execution is always shown completely.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Transformation {
    /// The output and the description of the execution.
    None,
    /// The output.
    Compact,
    /// The output; a list becomes several results.
    Flatten,
}

/// The format of files with results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum OutputType {
    /// One array.
    #[default]
    Json,
    /// One value in each line.
    Jsonl,
}
