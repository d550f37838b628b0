//! Every sample event in `events/` has the result that `events/README.md` states.

use std::collections::BTreeSet;

use holdfast_core::event::{ExecutionEnded, InvalidInput, STATUS_CHANGE, Upload};
use sandbox::pattern::Pattern;
use serde_json::Value;

use crate::{
    machine::{repository, stack, text},
    markdown::table,
};

struct Case {
    file: String,
    event: Value,
    rule: String,
    result: String,
}

fn cases() -> Vec<Case> {
    let rows = table(&text("events/README.md"), &["file", "case", "rule", "result"]);
    let case = |row: Vec<String>| {
        let file = row[0].trim_matches('`').to_owned();
        let event = serde_json::from_str(&text(&format!("events/{file}")));
        Case {
            event: event.unwrap_or_else(|error| panic!("events/{file} is not JSON: {error}")),
            rule: row[2].clone(),
            result: row[3].clone(),
            file,
        }
    };
    rows.into_iter().map(case).collect()
}

fn parse(event: &Value) -> Result<(), InvalidInput> {
    if event["detail-type"] == STATUS_CHANGE {
        ExecutionEnded::from_event(event).map(drop)
    } else {
        Upload::from_event(event).map(drop)
    }
}

#[test]
fn every_file_has_a_row_and_every_row_a_file() {
    let named: BTreeSet<_> = cases().into_iter().map(|case| case.file).collect();
    let files = std::fs::read_dir(repository("events")).unwrap();
    let files: BTreeSet<_> = files
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "README.md")
        .collect();

    assert_eq!(named, files);
}

#[test]
fn each_event_matches_only_the_rule_in_its_row() {
    let stack = stack();

    let rules: Vec<_> =
        stack.rules.iter().map(|rule| (rule.name.as_str(), Pattern::compile(&rule.pattern).unwrap())).collect();

    assert_eq!(rules.len(), 3);
    for case in cases() {
        let matching = rules.iter().filter(|(_, pattern)| pattern.matches(&case.event)).map(|(name, _)| *name);
        let expected = match case.rule.as_str() {
            "none" => Vec::new(),
            rule => vec![format!("holdfast-{rule}")],
        };
        assert_eq!(matching.collect::<Vec<_>>(), expected, "{}", case.file);
    }
}

#[test]
fn each_event_is_accepted_or_rejected_as_its_row_says() {
    for case in cases() {
        if case.result == "NotMatched" {
            assert_eq!(case.rule, "none", "{} matches a rule, so a function receives it", case.file);
            continue;
        }
        let outcome = match parse(&case.event) {
            Ok(()) => "Accepts".to_owned(),
            Err(error) => format!("Rejects `Input.Invalid` at `{}`", error.path),
        };
        assert_eq!(outcome, case.result, "{}: {:?}", case.file, parse(&case.event));
    }
}
