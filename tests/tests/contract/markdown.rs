//! Tables and generated sections of Markdown files.

use crate::machine::{repository, text};

/// Set this variable to 1 to write the generated sections instead of comparing them.
const WRITE: &str = "HOLDFAST_WRITE_DOCS";

/// The rows of the table whose header has these columns: each a list of trimmed cells.
pub(crate) fn table(markdown: &str, columns: &[&str]) -> Vec<Vec<String>> {
    let mut lines = markdown.lines().map(cells).skip_while(|cells| cells != columns);
    assert!(lines.next().is_some(), "there is no table with the columns {columns:?}");
    lines.skip(1).take_while(|cells| cells.len() == columns.len()).collect()
}

fn cells(line: &str) -> Vec<String> {
    let inner = line.trim().strip_prefix('|').and_then(|rest| rest.strip_suffix('|'));
    inner.map(|inner| inner.split('|').map(|cell| cell.trim().to_owned()).collect()).unwrap_or_default()
}

/// A table as it is written.
pub(crate) fn written(columns: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let header = line(columns.iter().map(|&column| column.to_owned()).collect());
    let rule = format!("|{}\n", "---|".repeat(columns.len()));
    header + &rule + &rows.iter().map(|row| line(row.clone())).collect::<String>()
}

/// Compares a generated section of a file with what it must be. The section is between `<!-- generated: NAME -->` and
/// the next `<!-- end -->`.
pub(crate) fn assert_generated(path: &str, name: &str, expected: &str) {
    let (start, end) = (format!("<!-- generated: {name} -->\n"), "<!-- end -->");
    let document = text(path);
    let (before, rest) = document.split_once(&start).unwrap_or_else(|| panic!("{path} has no section {name}"));
    let (found, after) = rest.split_once(end).unwrap_or_else(|| panic!("the section {name} of {path} has no end"));
    let expected = format!("\n{}\n\n", expected.trim_end());
    if std::env::var(WRITE).is_ok_and(|value| value == "1") {
        std::fs::write(repository(path), format!("{before}{start}{expected}{end}{after}"))
            .unwrap_or_else(|error| panic!("{path}: {error}"));
        return;
    }
    assert!(
        found == expected,
        "the section {name} of {path} is not what the code says. Run the contract tests with {WRITE}=1 to write it:\n{expected}"
    );
}
