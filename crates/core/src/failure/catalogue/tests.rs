//! Every entry is complete, and the next step is found from a report.

use std::fmt;

use super::{Entry, ErrorName, NextStep, Remedy, next_step};
use crate::failure::{Fact, report};

#[test]
fn every_error_name_has_an_entry_of_its_own() {
    for name in ErrorName::ALL {
        let Entry { name: found, meaning, procedure, redrive, .. } = name.entry();
        assert_eq!(*found, name);
        for sentence in [meaning, redrive] {
            assert!(sentence.ends_with('.') && sentence.len() > 10, "{name}: {sentence:?}");
        }
        assert!(procedure.len() >= 2, "{name} has {} steps", procedure.len());
    }
}

#[test]
fn every_step_is_a_sentence_and_every_command_is_one_of_the_aws_command_line() {
    for step in ErrorName::ALL.into_iter().flat_map(|name| name.entry().procedure) {
        assert!(step.text.ends_with('.'), "{}", step.text);
        assert!(step.command.is_none_or(|command| command.starts_with("aws ")), "{:?}", step.command);
    }
}

/// A fact with this name and remedy.
#[derive(Debug)]
struct Example(ErrorName, Remedy);

impl fmt::Display for Example {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Something happened")
    }
}

impl std::error::Error for Example {}

impl Fact for Example {
    fn name(&self) -> ErrorName {
        self.0
    }

    fn remedy(&self) -> Remedy {
        self.1.clone()
    }
}

#[test]
fn a_report_is_the_fact_and_then_the_remedy() {
    let example = Example(ErrorName::TopicNotFound, Remedy::CreateTopic);
    let text = "Something happened. Create the topic, or correct SNS_TOPIC_ARN. Then redrive.";
    assert_eq!(report(&example), text);
}

#[test]
fn the_next_step_of_a_report_is_that_of_its_remedy() {
    for name in ErrorName::ALL {
        let default = &name.entry().remedy;
        let example = Example(name, default.clone());
        assert_eq!(next_step(name.as_str(), &report(&example)), default.next_step(), "{name}");
        for remedy in Remedy::WITHOUT_REDRIVE {
            let expected = remedy.next_step();
            assert_eq!(next_step(name.as_str(), &report(&Example(name, remedy))), expected, "{name}");
        }
    }
    assert_eq!(next_step("Source.Unreadable", "an unknown report"), NextStep::Redrive);
    assert_eq!(next_step("States.Runtime", ""), NextStep::None);
}
