//! `holdfast demo`: real files through the real state machine, in a sandbox that is gone afterwards.

mod compare;
mod items;
mod report;
mod samples;
mod stages;
mod table;
mod upload;
mod watch;

use std::{
    collections::BTreeMap,
    io::IsTerminal,
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};

use futures::{StreamExt, future::try_join, stream};
use sandbox::Sandbox;

use self::{
    items::Item,
    report::{Report, Row},
    watch::{Followed, Watch},
};
use super::{CommandError, print_line};
use crate::{
    Outcome,
    aws::Clients,
    cli::DemoArguments,
    executions::Executions,
    interrupt::Interrupt,
    local::{self, Wanted},
    progress::{Progress, Unit},
    stack::Stack,
    text,
};

/// How many objects are read back at once.
const COMPARED_AT_ONCE: usize = 2;
/// Retries back off a tenth as long: nobody wants to watch a demo wait.
const TIME_SCALE: f64 = 0.1;

/// Runs the demo.
pub(crate) async fn run(arguments: DemoArguments, interrupt: &mut Interrupt) -> Result<Outcome, CommandError> {
    let samples = tempfile::Builder::new()
        .prefix("holdfast-samples-")
        .tempdir()
        .map_err(|error| CommandError::file(&std::env::temp_dir(), format!("no folder can be made in it: {error}")))?;
    // A path that is wrong is told before anything is built.
    let items =
        if arguments.paths.is_empty() { samples::make(samples.path())? } else { items::of_paths(&arguments.paths)? };
    let progress = Progress::new();
    let wanted = Wanted {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        data: None,
        time_scale: TIME_SCALE,
        defaults: BTreeMap::from([("MULTIPART_THRESHOLD".to_owned(), upload::MULTIPART_FROM.to_string())]),
    };
    let sandbox = tokio::select! {
        started = local::start(&arguments.stack, wanted, &progress) => started?,
        () = interrupt.wait() => return Ok(Outcome::Interrupted),
    };
    let report = tokio::select! {
        report = work(&sandbox, &items, &progress) => Some(report),
        () = interrupt.wait() => None,
    };
    drop(progress);
    if report.is_none() {
        eprintln!("Interrupted; stopping …");
    }
    tokio::select! {
        stopped = sandbox.stop() => stopped?,
        () = interrupt.wait() => return Ok(Outcome::Interrupted),
    }
    let Some(report) = report else { return Ok(Outcome::Interrupted) };
    print(&report?, arguments.json)
}

async fn work(sandbox: &Sandbox, items: &[Item], progress: &Progress) -> Result<Report, CommandError> {
    let stack = Stack::of(sandbox.outputs())?;
    let clients = Clients::new(&stack);
    let executions = Executions::new(clients.states.clone(), &stack.state_machine_arn);
    let started = Instant::now();

    let bytes: u64 = items.iter().map(|item| item.size).sum();
    let stage = progress.stage("Upload", bytes, Unit::Bytes);
    let watch = Watch::new(&executions, items, progress);
    let all_uploaded = AtomicBool::new(false);
    let uploads = async {
        let uploads = upload::all(&clients.s3, &stack.source_bucket, items, &stage).await?;
        stage.finish(&format!("{}, {}", text::count(uploads.len(), "object"), text::size(bytes)));
        all_uploaded.store(true, Ordering::Relaxed);
        Ok(uploads)
    };
    // The first executions end while the last files are still on their way.
    let (uploads, followed) = try_join(uploads, watch.until_ended(&all_uploaded)).await?;

    let sides = if stack.replica_bucket.is_empty() { 2 } else { 3 };
    let stage = progress.stage("Read back", bytes * sides, Unit::Bytes);
    let judged = uploads.iter().zip(&followed);
    let objects: Vec<Row> = stream::iter(judged)
        .map(|(upload, followed): (_, &Option<Followed>)| Row::judge(upload, followed.as_ref(), &clients, &stage))
        .buffered(COMPARED_AT_ONCE)
        .collect()
        .await;
    let compared = objects.iter().map(Row::bytes_compared).sum();
    let report = Report::new(objects, started.elapsed());
    if report.proven {
        stage.finish(&format!("{} of source and copies, all equal", text::size(compared)));
    } else {
        stage.fail(&format!("{} of source and copies equal", text::size(compared)));
    }
    Ok(report)
}

fn print(report: &Report, json: bool) -> Result<Outcome, CommandError> {
    if json {
        print_line(&serde_json::to_string_pretty(report)?)?;
    } else {
        let with_replica = report.objects.iter().any(Row::has_replica);
        // A terminal's own width, or one that reads well in a file.
        let width = if std::io::stdout().is_terminal() { None } else { Some(140) };
        let table = table::render(report, width);
        print_line(&format!("\n{table}\n{}", table::summary(report, with_replica)))?;
    }
    Ok(if report.proven { Outcome::Success } else { Outcome::Failure })
}
