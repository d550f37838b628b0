//! Durations, keys and paragraphs for a terminal.

use std::{fmt::Write as _, time::Duration};

use textwrap::{Options, WordSplitter};

/// The most columns that a report uses.
pub(crate) const COLUMNS: usize = 80;

/// A duration, for example `412 ms`, `3.2 s` or `2 min 05 s`.
pub(crate) fn duration(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    if milliseconds < 1000 {
        format!("{milliseconds} ms")
    } else if duration.as_secs() < 60 {
        format!("{:.1} s", duration.as_secs_f64().min(59.9))
    } else {
        format!("{} min {:02} s", duration.as_secs() / 60, duration.as_secs() % 60)
    }
}

/// A key on one line, with control characters escaped.
pub(crate) fn key(key: &str) -> String {
    let mut line = String::with_capacity(key.len());
    for character in key.chars() {
        if character.is_control() {
            // Writing to a String does not fail.
            let _ = write!(line, "{}", character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}

/// `1 object`, `2 objects`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// A paragraph of at most [`COLUMNS`] columns, indented by two. Words are broken only if they are longer than a line.
pub(crate) fn paragraph(text: &str) -> String {
    fill("  ", "  ", text)
}

/// A paragraph after a label, indented by the width of the label.
pub(crate) fn labeled(label: &str, text: &str) -> String {
    fill(label, &" ".repeat(label.len()), text)
}

fn fill(first_indent: &str, indent: &str, text: &str) -> String {
    let options = Options::new(COLUMNS).initial_indent(first_indent).subsequent_indent(indent);
    textwrap::fill(text, options.word_splitter(WordSplitter::NoHyphenation))
}

/// The command that runs this program again: cargo, if cargo runs it now.
pub(crate) fn program() -> &'static str {
    if std::env::var_os("CARGO_MANIFEST_DIR").is_some() { "cargo run -p holdfast --" } else { "holdfast" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_name_their_unit() {
        for (milliseconds, expected) in
            [(0, "0 ms"), (999, "999 ms"), (1000, "1.0 s"), (59_990, "59.9 s"), (125_000, "2 min 05 s")]
        {
            assert_eq!(duration(Duration::from_millis(milliseconds)), expected);
        }
    }

    #[test]
    fn a_key_cannot_break_a_line_or_color_a_terminal() {
        assert_eq!(key("a\nb\u{1b}[31m Grüße"), "a\\nb\\u{1b}[31m Grüße");
    }

    #[test]
    fn a_paragraph_keeps_its_words_whole_within_80_columns() {
        let text = paragraph(&format!("{} {}", "word-with-hyphens ".repeat(9).trim_end(), "x".repeat(100)));
        assert!(text.lines().all(|line| line.starts_with("  ") && line.chars().count() <= COLUMNS), "{text}");
        assert_eq!(text.matches("word-with-hyphens").count(), 9, "{text}");
    }
}
