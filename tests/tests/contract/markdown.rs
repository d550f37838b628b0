//! Tables and generated sections of Markdown files.

use crate::machine::{repository, text};

/// The variable that, set to 1, writes the generated sections instead of comparing them.
const WRITE_VARIABLE: &str = "HOLDFAST_WRITE_DOCS";

/// The rows of the table with these columns. A row is a list of trimmed cells.
pub(crate) fn table(markdown: &str, columns: &[&str]) -> Vec<Vec<String>> {
    let mut lines = markdown.lines().map(cells).skip_while(|cells| cells != columns);
    assert!(lines.next().is_some(), "there is no table with the columns {columns:?}");
    lines.skip(1).take_while(|cells| cells.len() == columns.len()).collect()
}

fn cells(line: &str) -> Vec<String> {
    let inner = line.trim().strip_prefix('|').and_then(|rest| rest.strip_suffix('|'));
    inner.map(|inner| inner.split('|').map(|cell| cell.trim().to_owned()).collect()).unwrap_or_default()
}

/// Formats a table.
pub(crate) fn format_table(columns: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let header = line(columns.iter().map(|&column| column.to_owned()).collect());
    let rule = format!("|{}\n", "---|".repeat(columns.len()));
    header + &rule + &rows.iter().map(|row| line(row.clone())).collect::<String>()
}

/// Compares a generated section of a file with the expected text. The section is between `<!-- generated: NAME -->` and
/// the next `<!-- end -->`.
pub(crate) fn assert_generated(path: &str, name: &str, expected: &str) {
    let (start, end) = (format!("<!-- generated: {name} -->\n"), "<!-- end -->");
    let document = text(path);
    let (before, rest) = document.split_once(&start).unwrap_or_else(|| panic!("{path} has no section {name}"));
    let (found, after) = rest.split_once(end).unwrap_or_else(|| panic!("the section {name} of {path} has no end"));
    let expected = format!("\n{}\n\n", expected.trim_end());
    if std::env::var(WRITE_VARIABLE).is_ok_and(|value| value == "1") {
        std::fs::write(repository(path), format!("{before}{start}{expected}{end}{after}"))
            .unwrap_or_else(|error| panic!("{path}: {error}"));
        return;
    }
    assert!(
        found == expected,
        "the section {name} of {path} is out of date. Run the contract tests with {WRITE_VARIABLE}=1 to update it:\n{expected}"
    );
}
