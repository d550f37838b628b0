//! The text report of a demo: one block for each object, then the next commands.

use std::fmt::Write as _;

use holdfast_core::{
    format,
    history::{Step, StepKind},
};
use textwrap::core::display_width;

use super::report::{Proof, Report, Row, Verdict};
use crate::render::{
    failure,
    text::{self, COLUMNS},
};

const RECEIPTS: &str = "Receipts: ";

/// The report as text, without a final line feed.
pub(super) fn report(report: &Report) -> String {
    let mut text = String::new();
    for row in &report.objects {
        text.push_str(&block(row));
    }
    text.push('\n');
    text.push_str(&legend(report));
    text.push_str(&summary(report));
    text
}

/// The lines for one object. The first one has the key, the size and the duration.
fn block(row: &Row) -> String {
    let (sign, lines) = match &row.verdict {
        Verdict::Proven(proof) => ("✓", vec![proof_line(proof), receipt_line(proof)]),
        Verdict::Excluded { reason } => ("–", vec![format!("excluded: {reason}")]),
        Verdict::Failed { failure } => ("✗", vec![format!("FAILED {}", failure::sentence(failure))]),
        Verdict::NotProven { reason } => ("✗", vec![format!("NOT PROVEN: {reason}")]),
    };
    let mut block = heading(sign, row);
    let path = tasks(&row.path);
    for line in lines.iter().chain([&path]).filter(|line| !line.is_empty()) {
        block.push_str(&text::paragraph(line));
        block.push('\n');
    }
    block
}

fn heading(sign: &str, row: &Row) -> String {
    let duration = row.duration.map_or_else(|| "-".to_owned(), text::duration);
    let facts = format!("{:>11}{duration:>9}", format::size(row.size));
    let key = text::key(&row.key);
    let space = COLUMNS.saturating_sub(display_width(sign) + 1 + display_width(&key) + facts.len());
    if space > 0 {
        return format!("{sign} {key}{}{facts}\n", " ".repeat(space));
    }
    let key = text::paragraph(&key);
    format!("{sign}{}\n{facts:>COLUMNS$}\n", key.strip_prefix(' ').unwrap_or(&key))
}

fn proof_line(proof: &Proof) -> String {
    let start: String = proof.sha256.source.to_string().chars().take(8).collect();
    format!("{} · SHA-256 {start}… ×{}", proof.summary, proof.sha256.count())
}

/// The last part of the receipt's key, which differs between the versions of an object.
fn receipt_line(proof: &Proof) -> String {
    let key = proof.receipt.key.as_str();
    format!("receipt {}", key.rsplit('/').next().unwrap_or(key))
}

/// The states that do work, without Choice states: `Validate → CopyParts×3 → Notify`.
fn tasks(path: &[Step]) -> String {
    let mut tasks: Vec<Step> = Vec::new();
    for step in path.iter().filter(|step| step.kind != StepKind::Control) {
        match tasks.last_mut().filter(|last| last.state == step.state && last.kind == step.kind) {
            Some(last) => last.times += step.times,
            None => tasks.push(step.clone()),
        }
    }
    tasks.iter().map(ToString::to_string).collect::<Vec<_>>().join(" → ")
}

/// Explains the line about the proof, and shows the location of the receipts.
fn legend(report: &Report) -> String {
    let proof = report.objects.iter().find_map(|row| match &row.verdict {
        Verdict::Proven(proof) => Some((proof, row)),
        _ => None,
    });
    let Some((proof, row)) = proof else { return String::new() };
    let Proof { receipt, replica, .. } = proof.as_ref();
    let folder = receipt.key.as_str().split(row.key.as_str()).next().unwrap_or_default();
    let objects = if replica.is_some() { "source, backup and replica" } else { "source and backup" };
    let proof = format!("how the functions proved the copies, then the SHA-256 that this program read from {objects}");
    let receipts = format!("s3://{}/{folder}<key>/", receipt.bucket);
    // A space allows a line break between bucket and prefix.
    let receipts = if display_width(&receipts) + RECEIPTS.len() > COLUMNS {
        format!("s3://{}/ {folder}<key>/", receipt.bucket)
    } else {
        receipts
    };
    format!("{}\n{}\n\n", text::labeled("Proof:    ", &proof), text::labeled(RECEIPTS, &receipts))
}

fn summary(report: &Report) -> String {
    let total = report.objects.len();
    let count = |is_counted: fn(&Verdict) -> bool| report.objects.iter().filter(|row| is_counted(&row.verdict)).count();
    let proven = count(|verdict| matches!(verdict, Verdict::Proven(_)));
    let excluded = count(|verdict| matches!(verdict, Verdict::Excluded { .. }));
    let mut summary = format!("{proven} of {} proven", text::count(total, "object"));
    if excluded > 0 {
        // Writing to a String does not fail.
        let _ = write!(summary, ", {excluded} excluded");
    }
    let _ = write!(summary, ", in {}.", text::duration(report.elapsed));
    if report.proven {
        let program = text::program();
        let _ = write!(
            summary,
            "\n
Next:
  {:<36}your own files
  {:<36}a sandbox for the AWS CLI and SDKs
  {:<36}the same template on AWS",
            format!("{program} demo PATH…"),
            format!("{program} up"),
            "sam build && sam deploy --guided",
        );
    }
    summary
}

#[cfg(test)]
#[path = "render_tests.rs"]
mod tests;
