//! Why a fault rule is refused.

/// A rule that no call could meet, or that says nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// The effect and the target exclude each other.
    #[error("effect {effect}: it is about {about}, and so never about what `match` names; leave out {excluded} there")]
    NeverMeets {
        /// The effect's name in JSON.
        effect: &'static str,
        /// What calls it is about.
        about: &'static str,
        /// Which field of `match` excludes them.
        excluded: &'static str,
    },
    /// An operation that the sandbox does not have.
    #[error("match.operation: {given} is none of the operations that calls here have; there are {known}")]
    NoOperation {
        /// As it was given.
        given: String,
        /// Those that there are, by service.
        known: String,
    },
    /// A part that no upload has.
    #[error("match.part: parts have the numbers 1 to 10000, not {0}")]
    NoPart(u16),
    /// A number that is not a probability.
    #[error("when.probability: it is a number above 0 and up to 1, not {0}")]
    Probability(String),
    /// A rule that strikes nothing.
    #[error("when.times: 0 strikes no call; leave it out to strike every one")]
    NoTimes,
    /// A code without a status that everybody knows.
    #[error("effect.error.status: it has to be given with the code {0}, for example 500")]
    NoStatus(String),
    /// A status that is no error.
    #[error(
        "effect.error.status: an error has 300 to 599, not {0}; \"inside200\": true puts it into an answer with 200"
    )]
    Status(u16),
    /// A code with the prefix that Step Functions gives it.
    #[error("effect.error.code: give the service's own name {own}; Step Functions shows it as {given}")]
    Prefixed {
        /// Without the prefix.
        own: String,
        /// As it was given.
        given: String,
    },
    /// A name that is empty.
    #[error("effect.{0}: it may not be empty")]
    Empty(&'static str),
}
