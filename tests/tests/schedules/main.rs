//! Random schedules. `docs/testing.md` says how to run more of them.

use std::{env, ops::Range};

use holdfast_tests::{TestResult, schedules::report::Report, text::print_line};

/// The seeds to run, for example `17` or `0..10000`.
const VARIABLE: &str = "HOLDFAST_SEEDS";
/// The seeds without the variable.
const DEFAULT_SEEDS: Range<u64> = 0..300;

fn seeds() -> TestResult<Range<u64>> {
    let Ok(text) = env::var(VARIABLE) else { return Ok(DEFAULT_SEEDS) };
    let seeds = match text.split_once("..") {
        Some((first, end)) => first.parse()?..end.parse()?,
        None => text.parse()?..text.parse::<u64>()? + 1,
    };
    Ok(seeds)
}

#[test]
fn every_schedule_keeps_every_promise() -> TestResult {
    let report = Report::of(seeds()?, print_line);

    print_line(&report.to_string());
    let failed = report.failed();

    assert!(failed.is_empty(), "the schedules {failed:?} failed; see their steps above");
    Ok(())
}
