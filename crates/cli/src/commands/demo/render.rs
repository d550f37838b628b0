//! A demo's report for people: a table, what is not proven, and what to try next.

use std::fmt::Write as _;

use comfy_table::{Attribute, Cell, Color, ContentArrangement, Table, presets};

use super::report::{Report, Row, Verdict};
use crate::{history, text};

/// The report as text.
pub(super) fn render(report: &Report, width: Option<u16>) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    if let Some(width) = width {
        table.set_width(width);
    }
    table.set_header(
        ["Key", "Size", "Path through the graph", "Proof", "Receipt", "Time"]
            .map(|title| Cell::new(title).add_attribute(Attribute::Bold)),
    );
    for row in &report.objects {
        table.add_row(cells(row));
    }
    let mut text = table.to_string();
    text.push('\n');
    text.push_str(&legend(report));
    text.push_str(&failures(report));
    text
}

fn cells(row: &Row) -> Vec<Cell> {
    let took = row.took.map_or_else(|| "-".to_owned(), text::span);
    let (proof, receipt) = match &row.verdict {
        Verdict::Proven(proof) => {
            let short: String = proof.sha256.source.to_string().chars().take(8).collect();
            let sides = if proof.sha256.replica.is_some() { 3 } else { 2 };
            (
                Cell::new(format!("{}\nSHA-256 {short}… ×{sides}", proof.words)),
                Cell::new(short_receipt(proof.receipt.key.as_str())),
            )
        }
        Verdict::NotProven { failure } => {
            (Cell::new(format!("NOT PROVEN\n{}", failure.error)).fg(Color::Red), Cell::new("-"))
        }
    };
    vec![
        Cell::new(text::key(&row.key)),
        Cell::new(text::size(row.size)),
        Cell::new(history::work(&row.path)),
        proof,
        receipt,
        Cell::new(took),
    ]
}

/// The last part of a receipt's key, which is the version, shortened: the rest is the same for all, or the object's
/// key.
fn short_receipt(key: &str) -> String {
    let name = key.rsplit('/').next().unwrap_or(key);
    let version = name.strip_suffix(".json").unwrap_or(name);
    if version.chars().count() <= 9 {
        return version.to_owned();
    }
    let start: String = version.chars().take(8).collect();
    format!("{start}…")
}

/// Where the receipts are, and what the lines of the proof mean.
fn legend(report: &Report) -> String {
    let first = report.objects.iter().find_map(|row| match &row.verdict {
        Verdict::Proven(proof) => Some((&proof.receipt, row.key.as_str())),
        Verdict::NotProven { .. } => None,
    });
    let Some((receipt, key)) = first else { return String::new() };
    let folder = receipt.key.as_str().split(key).next().unwrap_or_default();
    format!(
        "\
Proof: how the functions proved each copy; then the SHA-256 that this program read back itself from every side.
Receipts: s3://{}/{folder}<key>/<version>.json
",
        receipt.bucket
    )
}

fn failures(report: &Report) -> String {
    let mut text = String::new();
    for row in &report.objects {
        if let Verdict::NotProven { failure } = &row.verdict {
            // Writing to a String does not fail.
            let _ = writeln!(text, "\n✗ {}: {failure}", text::key(&row.key));
        }
    }
    text
}

/// The last words.
pub(super) fn summary(report: &Report, had_replica: bool) -> String {
    let total = report.objects.len();
    let objects = text::count(total, "object");
    if !report.proven {
        let bad = report.objects.iter().filter(|row| !row.is_proven()).count();
        return format!("{bad} of {objects} not proven.");
    }
    let program = text::program();
    let sides = if had_replica { "source, backup and replica hold" } else { "source and backup hold" };
    let them = if total == 1 { "It is proven" } else { "All are proven" };
    format!(
        "\
{objects} in {}. {them}: {sides} the same bytes.

Next:
  {:36}the same with files of yours
  {:36}a sandbox that stays, for the AWS CLI and SDKs
  {:36}the same template on AWS",
        text::span(report.elapsed),
        format!("{program} demo FILE…"),
        format!("{program} up"),
        "sam build && sam deploy --guided",
    )
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
