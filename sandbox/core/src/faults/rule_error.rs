//! Why a fault rule is rejected.

/// A rule that can match no call, or that has no effect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// The effect and the target exclude each other.
    #[error("effect {effect}: it applies only to {about}, and `match` excludes these; leave out {excluded} in `match`")]
    NeverMeets {
        /// The effect's name in JSON.
        effect: &'static str,
        /// The calls that it applies to.
        about: &'static str,
        /// The field of `match` that excludes them.
        excluded: &'static str,
    },
    /// An unknown operation.
    #[error("match.operation: no such operation {given}; the operations are {known}")]
    NoOperation {
        /// The given name.
        given: String,
        /// The known operations, by service.
        known: String,
    },
    /// An invalid part number.
    #[error("match.part: parts have the numbers 1 to 10000, not {0}")]
    NoPart(u16),
    /// An invalid probability.
    #[error("when.probability: it must be above 0 and at most 1, not {0}")]
    Probability(String),
    /// A rule that never fires.
    #[error("when.times: a rule with 0 never fires; leave it out to fire for every call")]
    NoTimes,
    /// A code without a well-known status.
    #[error("effect.error.status: it has to be given with the code {0}, for example 500")]
    NoStatus(String),
    /// A status that is not one of an error.
    #[error(
        "effect.error.status: an error has a status from 300 to 599, not {0}; \"inside200\": true returns it with status 200"
    )]
    Status(u16),
    /// A code with the prefix that Step Functions gives it.
    #[error("effect.error.code: give the service's own name {own}; Step Functions shows it as {given}")]
    Prefixed {
        /// The code without the prefix.
        own: String,
        /// The given code.
        given: String,
    },
    /// An empty name.
    #[error("effect.{0}: it must not be empty")]
    Empty(&'static str),
}
