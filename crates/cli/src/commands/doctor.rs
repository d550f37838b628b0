//! `holdfast doctor`: finds faults of a deployment before a backup fails.

use clap::Args;
use holdfast_operate::{
    Clients, Stack,
    doctor::{self, Finding, Status},
};
use serde::Serialize;

use super::{CommandError, print_line, stack::StackSelection};
use crate::{Outcome, output::OutputFormat, render::text::labeled};

const EXAMPLES: &str = "\
Examples:
  holdfast doctor --stack backups
  holdfast doctor --ready-file ready.json  the stack in a running sandbox
  holdfast doctor --stack backups --output json | jq '.findings[].fix'

It reads the buckets, the topic and the state machine, and changes nothing.
It does not check quotas, functions and KMS keys.
Exit codes: 0 fine, 1 failed, 2 wrong usage, 3 something has to be fixed,
4 no such stack.";

/// `holdfast doctor`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DoctorArguments {
    #[command(flatten)]
    selection: StackSelection,
    /// Format of the result
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    output: OutputFormat,
}

/// The findings as JSON shows them.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    stack: &'a str,
    needs_action: bool,
    findings: &'a [Finding],
}

/// Runs the command.
pub(crate) async fn run(arguments: DoctorArguments) -> Result<Outcome, CommandError> {
    let stack = arguments.selection.find().await?;
    let clients = Clients::connect(&stack).await;
    let findings = doctor::decide(&Box::pin(doctor::gather(&clients, &stack)).await);
    let needs_action = findings.iter().any(|finding| finding.status.needs_action());
    print_line(&match arguments.output {
        OutputFormat::Text => text(&stack, &findings),
        OutputFormat::Json => {
            serde_json::to_string_pretty(&Report { stack: &stack.name, needs_action, findings: &findings })?
        }
    })?;
    Ok(if needs_action { Outcome::Findings } else { Outcome::Success })
}

fn text(stack: &Stack, findings: &[Finding]) -> String {
    let mut lines = vec![format!("Stack {} in {}", stack.name, stack.region)];
    for Finding { resource, status, message, fix, .. } in findings {
        lines.push(labeled(&format!("{:<9}", label(*status)), &format!("{resource}: {message}")));
        // On one line, because some contain a command to copy.
        lines.extend(fix.as_ref().map(|fix| format!("{:<9}{fix}", "")));
    }
    let count = findings.iter().filter(|finding| finding.status.needs_action()).count();
    lines.push(match count {
        0 => "Nothing has to be fixed.".to_owned(),
        1 => "1 finding has to be fixed.".to_owned(),
        _ => format!("{count} findings have to be fixed."),
    });
    lines.join("\n")
}

fn label(status: Status) -> &'static str {
    match status {
        Status::Ok => "ok",
        Status::Advice => "advice",
        Status::Problem => "PROBLEM",
        Status::Unknown => "UNKNOWN",
    }
}
