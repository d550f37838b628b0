//! The catalogue of errors: for each name its recovery, its meaning, its remedy and the procedure of the runbook.
//!
//! A function fails with a typed error that states a [`Fact`] and nothing else. The runtime edge adds the [`Remedy`]
//! once ([`report`]); messages and the command line show that report. The tables in `statemachine/README.md` and
//! `docs/operations.md` are generated from this module.

pub mod answer;
mod call;
pub mod catalogue;
pub mod foreign;
mod name;
mod remedy;

use std::error::Error;

use crate::event::InvalidInput;

pub use answer::{Answer, Request, Side};
pub use call::CallFailure;
pub use foreign::ForeignError;
pub use name::{ErrorName, Recovery};
pub use remedy::{NextStep, Remedy};

/// An error that the state machine knows by name. Its `Display` says what happened, and never what to do.
pub trait Fact: Error + Send + Sync + 'static {
    /// The name that Retry and Catch match.
    fn name(&self) -> ErrorName;

    /// What to do about it: the catalogue's remedy, unless the fact knows a more exact one.
    fn remedy(&self) -> Remedy {
        self.name().entry().remedy.clone()
    }
}

impl Fact for InvalidInput {
    fn name(&self) -> ErrorName {
        ErrorName::InputInvalid
    }
}

/// The message of an error as people read it: the fact, then the remedy, each once.
pub fn report(fact: &dyn Fact) -> String {
    let (happened, remedy) = (fact.to_string(), fact.remedy());
    let end = if happened.ends_with('.') || happened.ends_with(".)") { "" } else { "." };
    format!("{happened}{end} {remedy}")
}
