//! Fuzz tests of all code that reads input from other systems: events and payloads, copy sources, sequencers.
//!
//! In a test run, they use the corpus (the events of `events/` and the payloads in `corpus.rs`) and mutations of it
//! with a fixed seed, so that every run is the same. By hand, they run for a given time with a new seed:
//!
//! ```text
//! HOLDFAST_FUZZ_SECONDS=60 cargo test -p holdfast-core --test fuzz -- --nocapture
//! ```
//!
//! Use a debug build, because it also detects overflows. An input that breaks a promise is printed in full; add it to
//! the corpus. A coverage-guided fuzzer would need a nightly compiler; this one runs on the stable compiler.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod corpus;
mod mutate;
mod promises;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use mutate::Mutator;

/// The number of mutated inputs in a test run.
const TEST_RUN_INPUTS: u64 = 6_000;

/// Asserts a promise about any input.
type Promise = fn(&[u8]);

/// The end of a run.
enum Until {
    Count(u64),
    Time(Duration),
}

/// The duration of a run by hand.
fn run_time() -> Option<Duration> {
    let seconds = std::env::var("HOLDFAST_FUZZ_SECONDS").ok()?.parse();
    Some(Duration::from_secs(seconds.unwrap_or_else(|_| panic!("HOLDFAST_FUZZ_SECONDS is a number of seconds"))))
}

fn check(promise: Promise, input: &[u8], origin: &str) {
    let result = catch_unwind(AssertUnwindSafe(|| promise(input)));
    assert!(result.is_ok(), "{origin} broke a promise (see above): {:?}", String::from_utf8_lossy(input));
}

fn fuzz(name: &str, promise: Promise, corpus: &[Vec<u8>]) {
    for input in corpus {
        check(promise, input, "the corpus");
    }
    let (seed, until) =
        run_time().map_or((7, Until::Count(TEST_RUN_INPUTS)), |time| (rand::random(), Until::Time(time)));
    let mut mutator = Mutator::new(seed, corpus);
    let (start, mut count) = (Instant::now(), 0_u64);
    while match until {
        Until::Count(limit) => count < limit,
        Until::Time(limit) => start.elapsed() < limit,
    } {
        check(promise, &mutator.next(), &format!("input {count} of seed {seed}"));
        count += 1;
    }
    println!("{name}: {count} inputs in {:.1} s, seed {seed}", start.elapsed().as_secs_f64());
}

#[test]
fn every_event_and_payload_is_read_correctly_or_refused() {
    fuzz("events and payloads", promises::of_events_and_payloads, &corpus::json());
}

#[test]
fn a_copy_source_decodes_to_the_same_key_and_is_safe_in_a_header() {
    fuzz("copy sources", promises::of_copy_sources, &corpus::names());
}

#[test]
fn sequencers_are_in_the_order_of_their_numbers() {
    fuzz("sequencers", promises::of_sequencers, &corpus::sequencers());
}
