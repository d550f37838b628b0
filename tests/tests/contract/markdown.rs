//! Tables in Markdown files, read.

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
