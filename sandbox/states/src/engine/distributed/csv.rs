//! CSV files, by the rules in "ItemReader (Map)" (`input-output-itemreader.html`) and "How Step Functions parses input
//! CSV files" (`example-csv-parse-dist-map.html`). Every field is text. A missing field is empty, an extra field is
//! skipped. A backslash outside a pair is removed. A backslash before the delimiter of an unquoted field does not
//! escape it here.

use csv::{ReaderBuilder, StringRecord};
use serde_json::Value;

use super::items::RawItem;
use crate::definition::{Delimiter, HeaderLocation, ReaderConfig};

/// The maximum length of the header in bytes.
const HEADER: usize = 10 * 1024;

/// The rows as objects.
pub(super) fn rows(config: &ReaderConfig, text: &str) -> Result<Vec<RawItem>, String> {
    let delimiter = match config.delimiter {
        Delimiter::Comma => b',',
        Delimiter::Pipe => b'|',
        Delimiter::Semicolon => b';',
        Delimiter::Space => b' ',
        Delimiter::Tab => b'\t',
    };
    let mut reader =
        ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut records = reader.records().map(|record| record.map_err(|error| format!("The object is not CSV: {error}")));
    let header: Vec<String> = match config.header_location {
        Some(HeaderLocation::Given) => config.headers.clone(),
        Some(HeaderLocation::FirstRow) | None => {
            records.next().transpose()?.map(|first| first.iter().map(unescaped).collect()).unwrap_or_default()
        }
    };
    if header.iter().map(String::len).sum::<usize>() > HEADER {
        return Err("The header of the object is longer than 10 KiB".to_owned());
    }
    records.map(|record| Ok(RawItem { key: None, value: row(&header, &record?) })).collect()
}

fn row(header: &[String], record: &StringRecord) -> Value {
    let field = |(index, name): (usize, &String)| {
        (name.clone(), Value::String(unescaped(record.get(index).unwrap_or_default())))
    };
    Value::Object(header.iter().enumerate().map(field).collect())
}

/// Removes the backslashes that escape the next character.
fn unescaped(field: &str) -> String {
    let mut text = String::with_capacity(field.len());
    let mut letters = field.chars();
    while let Some(letter) = letters.next() {
        text.extend(if letter == '\\' { letters.next() } else { Some(letter) });
    }
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(config: Value, text: &str) -> Vec<Value> {
        let config: ReaderConfig = serde_json::from_value(config).unwrap();
        rows(&config, text).unwrap().into_iter().map(|item| item.value).collect()
    }

    #[test]
    fn the_first_row_names_the_columns_and_every_field_is_text() {
        let found = read(json!({"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"}), "a,b\n1,x\n2,\"y, z\"\n");
        assert_eq!(found, [json!({"a": "1", "b": "x"}), json!({"a": "2", "b": "y, z"})]);
    }

    #[test]
    fn a_definition_can_name_columns_and_set_the_delimiter() {
        for (name, letter) in [("PIPE", '|'), ("SEMICOLON", ';'), ("SPACE", ' '), ("TAB", '\t'), ("COMMA", ',')] {
            let config = json!({"CSVHeaderLocation": "GIVEN", "CSVHeaders": ["a", "b"], "CSVDelimiter": name});
            assert_eq!(read(config, &format!("1{letter}2")), [json!({"a": "1", "b": "2"})], "{name}");
        }
    }

    #[test]
    fn a_short_row_is_padded_and_a_long_one_truncated() {
        let found = read(json!({"CSVHeaderLocation": "FIRST_ROW"}), "a,b\n1\n1,2,3\n");
        assert_eq!(found, [json!({"a": "1", "b": ""}), json!({"a": "1", "b": "2"})]);
    }

    #[test]
    fn repeated_quotes_and_backslashes_are_kept() {
        let found = read(json!({"CSVHeaderLocation": "FIRST_ROW"}), "a,b\nC:\\\\x\\y,\"say \"\"hi\"\"\"\n");
        assert_eq!(found, [json!({"a": "C:\\xy", "b": "say \"hi\""})]);
    }

    #[test]
    fn a_header_over_ten_kibibytes_is_rejected() {
        let config: ReaderConfig = serde_json::from_value(json!({"CSVHeaderLocation": "FIRST_ROW"})).unwrap();
        assert!(rows(&config, &"x".repeat(HEADER + 1)).is_err_and(|cause| cause.contains("10 KiB")));
        assert!(rows(&config, &"x".repeat(HEADER)).is_ok());
    }
}
