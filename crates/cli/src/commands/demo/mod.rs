//! `holdfast demo`: backs up real files with the real state machine, in a sandbox that is removed afterwards.

mod items;
mod phases;
mod render;
mod report;
mod samples;
mod upload;
mod watch;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};

use clap::Args;
use futures::{StreamExt, future::try_join, stream};
use holdfast_core::format;
use holdfast_operate::{Clients, Stack, executions::Executions};

use self::{
    items::Selection,
    phases::Replication,
    report::{Report, Row},
    watch::{FinishedExecution, Watch},
};
use super::{CommandError, print_line};
use crate::{
    Outcome,
    local::{self, FunctionArguments, LocalOptions, interrupt::Interrupt},
    output::OutputFormat,
    render::{
        progress::{Progress, Unit},
        text,
    },
};

/// The number of objects that are read back at the same time.
const READ_BACK_AT_ONCE: usize = 2;
/// Waits are a tenth of those in the state machine, to keep a demo short.
const TIME_SCALE: f64 = 0.1;
/// The most symbolic links that are listed.
const LINKS_LISTED: usize = 10;

const EXAMPLES: &str = "\
Examples:
  holdfast demo                             a small set of samples
  holdfast demo ~/Pictures notes.txt        your own files and folders
  holdfast demo --output json | jq '.objects[].sha256'
  holdfast demo --set VERIFY_MODE=streamed  read every copy back to prove it

All data is in a temporary folder, which is removed at the end.
Exit codes: 0 every object is proven or excluded, 1 failed, 2 wrong usage.";

/// `holdfast demo`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DemoArguments {
    /// Files and folders to back up; without any, a small set of samples
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Format of the report; json prints one document
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    output: OutputFormat,
    #[command(flatten)]
    functions: FunctionArguments,
}

/// Runs the demo.
pub(crate) async fn run(arguments: DemoArguments, interrupt: &mut Interrupt) -> Result<Outcome, CommandError> {
    let samples = tempfile::Builder::new().prefix("holdfast-samples-").tempdir().map_err(|error| {
        CommandError::file(&std::env::temp_dir(), format!("no folder can be created in it: {error}"))
    })?;
    // A wrong path is reported before anything is built.
    let selection = if arguments.paths.is_empty() {
        Selection { items: samples::create(samples.path())?, skipped_links: Vec::new() }
    } else {
        items::of_paths(&arguments.paths)?
    };
    report_links(&selection);
    let progress = Progress::new();
    let options = LocalOptions {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        data: None,
        time_scale: TIME_SCALE,
        defaults: BTreeMap::from([("MULTIPART_THRESHOLD".to_owned(), upload::MULTIPART_FROM.to_string())]),
    };
    let local = tokio::select! {
        started = local::start(&arguments.functions, options, &progress) => started?,
        () = interrupt.wait() => return Ok(Outcome::Interrupted),
    };
    let report = tokio::select! {
        report = back_up(&local.stack, selection, &progress) => Some(report),
        () = interrupt.wait() => None,
    };
    drop(progress);
    if report.is_none() {
        eprintln!("Interrupted; stopping …");
    }
    tokio::select! {
        stopped = local.sandbox.stop() => stopped?,
        () = interrupt.wait() => return Ok(Outcome::Interrupted),
    }
    let Some(report) = report else { return Ok(Outcome::Interrupted) };
    print(&report?, arguments.output)
}

fn report_links(selection: &Selection) {
    let links = &selection.skipped_links;
    for link in links.iter().take(LINKS_LISTED) {
        eprintln!("warning: {} is a symbolic link and is skipped", link.display());
    }
    if links.len() > LINKS_LISTED {
        eprintln!("warning: {} more symbolic links are skipped", links.len() - LINKS_LISTED);
    }
}

/// Uploads the files, follows their executions, and reads every copy back.
async fn back_up(stack: &Stack, selection: Selection, progress: &Progress) -> Result<Report, CommandError> {
    let items = &selection.items;
    let clients = Clients::connect(stack).await;
    let executions = Executions::new(clients.states.clone(), &stack.state_machine_arn);
    let started = Instant::now();

    let bytes: u64 = items.iter().map(|item| item.size).sum();
    let phase = progress.phase("Upload", bytes, Unit::Bytes);
    let replication = if stack.replica.is_some() { Replication::On } else { Replication::Off };
    let watch = Watch::new(&executions, items, replication, progress);
    let all_uploaded = AtomicBool::new(false);
    let uploads = async {
        let uploads = upload::all(&clients.s3, stack.source_bucket.as_str(), items, &phase).await?;
        phase.finish(&format!("{}, {}", text::count(uploads.len(), "object"), format::size(bytes)));
        all_uploaded.store(true, Ordering::Relaxed);
        Ok(uploads)
    };
    // The first executions end while the last files are still being uploaded.
    let (uploads, finished) = try_join(uploads, watch.until_ended(&all_uploaded)).await?;

    let copies = if stack.replica.is_some() { 2 } else { 1 };
    let phase = progress.phase("Read back", bytes * (1 + copies), Unit::Bytes);
    let objects: Vec<Row> = stream::iter(uploads.iter().zip(&finished))
        .map(|(upload, finished): (_, &Option<FinishedExecution>)| {
            Row::evaluate(upload, finished.as_ref(), &clients, &phase)
        })
        .buffered(READ_BACK_AT_ONCE)
        .collect()
        .await;
    let compared: u64 = objects.iter().map(Row::bytes_compared).sum();
    let report = Report::new(objects, selection.skipped_links, started.elapsed());
    if report.proven {
        phase.finish(&format!("{} of source and copies, all equal", format::size(compared)));
    } else {
        phase.fail(&format!("{} of source and copies equal", format::size(compared)));
    }
    Ok(report)
}

fn print(report: &Report, output: OutputFormat) -> Result<Outcome, CommandError> {
    print_line(&match output {
        OutputFormat::Text => format!("\n{}", render::report(report)),
        OutputFormat::Json => serde_json::to_string_pretty(report)?,
    })?;
    Ok(if report.proven { Outcome::Success } else { Outcome::Failure })
}
