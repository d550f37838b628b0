//! Fuzzing of everything that reads what others wrote: events and payloads, copy sources, sequencers.
//!
//! As a test it runs the corpus (the events of `events/` and the payloads below) and what a fixed seed makes of it, so
//! it does the same every time. By hand it runs for as long as asked, with a new seed:
//!
//! ```text
//! HOLDFAST_FUZZ_SECONDS=60 cargo test -p holdfast-core --test fuzz -- --nocapture
//! ```
//!
//! A debug build, because that one also notices numbers that overflow. An input that breaks a promise is printed whole;
//! it belongs into the corpus then. A coverage-guided fuzzer would need a nightly compiler; this one runs on
//! the stable one.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod corpus;
mod mutate;
mod promises;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use mutate::Mutator;

/// Inputs that the test makes of the corpus with its fixed seed.
const FIXED: u64 = 6_000;

/// What is promised of any input.
type Promise = fn(&[u8]);

/// Until when inputs are made.
enum Until {
    Count(u64),
    Time(Duration),
}

/// How long to go on, where somebody asked.
fn asked() -> Option<Duration> {
    let seconds = std::env::var("HOLDFAST_FUZZ_SECONDS").ok()?.parse();
    Some(Duration::from_secs(seconds.unwrap_or_else(|_| panic!("HOLDFAST_FUZZ_SECONDS is a number of seconds"))))
}

fn try_out(promise: Promise, input: &[u8], origin: &str) {
    let kept = catch_unwind(AssertUnwindSafe(|| promise(input)));
    assert!(kept.is_ok(), "{origin} broke a promise (above): {:?}", String::from_utf8_lossy(input));
}

fn fuzz(name: &str, promise: Promise, corpus: &[Vec<u8>]) {
    for input in corpus {
        try_out(promise, input, "the corpus");
    }
    let (seed, until) = asked().map_or((7, Until::Count(FIXED)), |time| (rand::random(), Until::Time(time)));
    let mut mutator = Mutator::new(seed, corpus);
    let (began, mut count) = (Instant::now(), 0_u64);
    while match until {
        Until::Count(most) => count < most,
        Until::Time(most) => began.elapsed() < most,
    } {
        try_out(promise, &mutator.next(), &format!("input {count} of seed {seed}"));
        count += 1;
    }
    println!("{name}: {count} inputs in {:.1} s, seed {seed}", began.elapsed().as_secs_f64());
}

#[test]
fn no_event_and_no_payload_makes_a_reader_panic_or_lie() {
    fuzz("events and payloads", promises::of_events_and_payloads, &corpus::json());
}

#[test]
fn a_copy_source_reads_back_as_the_very_key_and_is_safe_in_a_header() {
    fuzz("copy sources", promises::of_copy_sources, &corpus::names());
}

#[test]
fn sequencers_are_in_the_order_of_their_numbers() {
    fuzz("sequencers", promises::of_sequencers, &corpus::sequencers());
}
