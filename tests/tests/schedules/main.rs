//! Random schedules: whatever happens to uploads, in whatever order, ends well. `docs/testing.md` says how to run more.

use std::{
    env,
    io::{Write, stderr},
    ops::Range,
};

use holdfast_tests::{TestResult, schedules::report::Report};

/// Which schedules are run: `17` or `0..10000`. Without it, those of every test run.
const VARIABLE: &str = "HOLDFAST_SEEDS";
const EVERY_TIME: Range<u64> = 0..300;

fn seeds() -> TestResult<Range<u64>> {
    let Ok(text) = env::var(VARIABLE) else { return Ok(EVERY_TIME) };
    let seeds = match text.split_once("..") {
        Some((first, end)) => first.parse()?..end.parse()?,
        None => text.parse()?..text.parse::<u64>()? + 1,
    };
    Ok(seeds)
}

/// The test harness keeps what `println!` says to itself unless the test fails; this is to be seen always.
fn tell(text: &str) {
    let _ = writeln!(stderr(), "{text}");
}

#[test]
fn every_schedule_ends_well() -> TestResult {
    let report = Report::of(seeds()?, tell);
    tell(&report.to_string());
    let failed = report.failed();
    assert!(failed.is_empty(), "the schedules {failed:?} fail; what they did and how to run them again is above");
    Ok(())
}
