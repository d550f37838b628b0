//! Assertions about messages, and lines for the person who runs the tests.

#![allow(clippy::missing_panics_doc, reason = "a test fails by panicking")]

use std::io::Write;

/// Asserts that a text contains each of these parts.
#[track_caller]
pub fn assert_contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing in: {text}");
    }
}

/// Prints a line to standard error. The test harness captures `println!` of tests that pass.
pub fn print_line(line: &str) {
    // A test does not fail because standard error is closed.
    let _ = writeln!(std::io::stderr(), "{line}");
}
