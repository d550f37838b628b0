//! What a fault rule says: which calls it is about, which of these it strikes, and what happens to them.
//!
//! The JSON of a rule is the same at the HTTP endpoint and in a test: `{"match": …, "when": …, "effect": …}`.

use serde::{Deserialize, Serialize};

use super::errors;
use crate::operations::{self, DELIVER, INVOKE, Service};

/// A rule. Without a target it is about every call, and without a `when` it strikes each of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rule {
    /// Which calls it is about. `match` in JSON.
    #[serde(rename = "match", default)]
    pub target: Target,
    /// Which of these it strikes.
    #[serde(default)]
    pub when: When,
    /// What happens to them.
    pub effect: Effect,
}

/// Which calls a rule is about. What is not given matches everything; names and keys may hold `*`, which stands for any
/// characters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Target {
    /// The service that is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Service>,
    /// The name in the service's API reference, for example `UploadPartCopy`, `Publish`, `Invoke`. A delivery of an event to
    /// a rule's target, for which AWS has no name, is `Deliver`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// The bucket that S3 is asked about; of a delivery, the one that the event tells of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
    /// The key, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The number of the part that S3 is asked about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<u16>,
    /// The function that is invoked, or that makes the call: its name in Lambda, or its crate's, for example `copier`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// The state that calls, or that invoked the function that calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

/// Which of the calls that match a rule strikes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct When {
    /// So many matching calls pass first.
    #[serde(default)]
    pub skip: u64,
    /// So many calls are struck then; none for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// How likely a call is struck, above 0 and up to 1; none for certainly. The same calls have the same luck whatever
    /// order they come in: the seed, the call and how often it was made before decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// Another seed is other luck.
    #[serde(default)]
    pub seed: u64,
}

/// What happens to a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Effect {
    /// It is refused and has no effect.
    Error(ErrorAnswer),
    /// It begins so much later. Not scaled by the sandbox's time scale.
    Latency {
        /// In milliseconds.
        millis: u64,
    },
    /// The connection breaks instead of an answer.
    Drop(Moment),
    /// One byte of what it stores is another one in the store; S3's checksum is that of the bytes as they are stored.
    Flip {
        /// Which byte. It counts on from the first one where there are fewer.
        #[serde(default)]
        offset: u64,
    },
    /// Of an invocation: the function dies. Of a call that a function makes: that function dies.
    Kill(Life),
    /// The function fails with an error of its own making, or of Lambda's (`Sandbox.Timedout`).
    FunctionError {
        /// What Step Functions shows as the error.
        error_type: String,
        /// What people read.
        #[serde(default)]
        error_message: String,
        /// Whether it has done its work then.
        #[serde(default)]
        at: Moment,
    },
    /// The event is delivered so many times more.
    Repeat {
        /// Besides the delivery itself.
        copies: u32,
    },
    /// The event is delivered so much later. Not scaled by the sandbox's time scale.
    Delay {
        /// In milliseconds.
        millis: u64,
    },
    /// The event is delivered after others that came later, or once the rule is gone.
    Reorder {
        /// How many later events have to reach the same target first.
        after: u64,
    },
}

/// An error as the service itself would answer it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ErrorAnswer {
    /// HTTP status. May be left out for a well-known code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The service's name for it, for example `SlowDown` or `TooManyRequestsException`.
    pub code: String,
    /// A sentence. May be left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Whether it stands in the body of an answer with status 200, as `CopyObject`, `UploadPartCopy` and
    /// `CompleteMultipartUpload` may have it (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html>).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub inside200: bool,
}

/// Before or after the call has its effect.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Moment {
    /// It has none.
    #[default]
    Before,
    /// It has; only the answer is lost.
    After,
}

/// When a function dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Life {
    /// Before the invocation reaches it, or before the call has its effect.
    Before,
    /// With its first call of another service, which has its effect. Of invocations only.
    During,
    /// When its work is done and the answer not yet given, or after the call had its effect.
    After,
}

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
    /// A probability that is none.
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

impl Rule {
    /// A rule that strikes every call it is about.
    pub fn new(target: Target, effect: Effect) -> Self {
        Self { target, when: When::default(), effect }
    }

    /// Lets so many matching calls pass first.
    #[must_use]
    pub fn skip(mut self, calls: u64) -> Self {
        self.when.skip = calls;
        self
    }

    /// Strikes so many calls and then no more.
    #[must_use]
    pub fn times(mut self, calls: u64) -> Self {
        self.when.times = Some(calls);
        self
    }

    /// Strikes calls by chance.
    #[must_use]
    pub fn by_chance(mut self, probability: f64, seed: u64) -> Self {
        self.when.probability = Some(probability);
        self.when.seed = seed;
        self
    }

    /// Whether some call could meet it.
    pub(super) fn check(&self) -> Result<(), RuleError> {
        let When { times, probability, .. } = &self.when;
        if let Some(chance) = probability
            && !(*chance > 0.0 && *chance <= 1.0)
        {
            return Err(RuleError::Probability(chance.to_string()));
        }
        if *times == Some(0) {
            return Err(RuleError::NoTimes);
        }
        match &self.effect {
            Effect::Error(answer) => answer.check()?,
            Effect::FunctionError { error_type, .. } if error_type.is_empty() => {
                return Err(RuleError::Empty("functionError.errorType"));
            }
            _ => {}
        }
        self.target.check()?;
        self.excluded()
    }

    /// The field of the target that keeps the effect from ever meeting a call.
    fn excluded(&self) -> Result<(), RuleError> {
        let (effect, about, services, operations) = self.effect.scope();
        let target = &self.target;
        let never = |excluded| Err(RuleError::NeverMeets { effect, about, excluded });
        if target.service.is_some_and(|service| !services.contains(&service)) {
            return never("service");
        }
        if target.operation.as_deref().is_some_and(|name| !operations.is_empty() && !operations.contains(&name)) {
            return never("operation");
        }
        Ok(())
    }
}

impl Target {
    /// Whether the sandbox has an operation of that name, in the service that is named or in any, and S3 such a part
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>).
    fn check(&self) -> Result<(), RuleError> {
        let services = self.service.map_or_else(|| Service::ALL.to_vec(), |service| vec![service]);
        if let Some(given) = &self.operation
            && !services.iter().any(|service| operations::of(*service).contains(&given.as_str()))
        {
            let of = |service: &Service| format!("{} of {}", operations::of(*service).join(", "), service.name());
            let known = services.iter().map(of).collect::<Vec<_>>().join("; ");
            return Err(RuleError::NoOperation { given: given.clone(), known });
        }
        match self.part {
            Some(part) if !(1..=10_000).contains(&part) => Err(RuleError::NoPart(part)),
            _ => Ok(()),
        }
    }

    /// Every call of one operation.
    pub fn operation(service: Service, operation: &str) -> Self {
        Self { service: Some(service), operation: Some(operation.to_owned()), ..Self::default() }
    }

    /// Of these only those about keys like this one.
    #[must_use]
    pub fn key(mut self, key: &str) -> Self {
        self.key = Some(key.to_owned());
        self
    }

    /// Of these only those about this bucket.
    #[must_use]
    pub fn bucket(mut self, bucket: &str) -> Self {
        self.bucket = Some(bucket.to_owned());
        self
    }

    /// Of these only those about this part.
    #[must_use]
    pub fn part(mut self, part: u16) -> Self {
        self.part = Some(part);
        self
    }

    /// Of these only those of or by this function.
    #[must_use]
    pub fn function(mut self, function: &str) -> Self {
        self.function = Some(function.to_owned());
        self
    }

    /// Of these only those on behalf of this state.
    #[must_use]
    pub fn state(mut self, state: &str) -> Self {
        self.state = Some(state.to_owned());
        self
    }
}

/// The operations whose errors may come with status 200.
pub(super) const ERRORS_INSIDE_200: &[&str] = &["CopyObject", "UploadPartCopy", "CompleteMultipartUpload"];
/// The operations that store bytes.
pub(super) const STORING: &[&str] = &["PutObject", "UploadPart", "CopyObject", "UploadPartCopy"];
type Scope = (&'static str, &'static str, &'static [Service], &'static [&'static str]);

impl Effect {
    /// An error by the code of a well-known one.
    pub fn error(code: &str) -> Self {
        Self::Error(ErrorAnswer { status: None, code: code.to_owned(), message: None, inside200: false })
    }

    /// An error in the body of an answer with status 200.
    pub fn error_inside_200(code: &str) -> Self {
        Self::Error(ErrorAnswer { status: None, code: code.to_owned(), message: None, inside200: true })
    }

    /// Its name in JSON, what calls it is about in words, their services, and their operations, none for any.
    fn scope(&self) -> Scope {
        use Service::{Events, Lambda, S3};
        const EVERY: &[Service] = &Service::ALL;
        match self {
            Self::Error(ErrorAnswer { inside200: true, .. }) => (
                "error with inside200",
                "S3's CopyObject, UploadPartCopy and CompleteMultipartUpload",
                &[S3],
                ERRORS_INSIDE_200,
            ),
            Self::Error(_) => ("error", "calls of services", EVERY, &[]),
            Self::Latency { .. } => ("latency", "calls of services", EVERY, &[]),
            Self::Drop(_) => ("drop", "calls of services", EVERY, &[]),
            Self::Flip { .. } => ("flip", "S3's PutObject, UploadPart, CopyObject and UploadPartCopy", &[S3], STORING),
            Self::Kill(Life::During) => ("kill during", "Lambda's Invoke", &[Lambda], &[INVOKE]),
            Self::Kill(_) => ("kill", "functions and their calls", EVERY, &[]),
            Self::FunctionError { .. } => ("functionError", "Lambda's Invoke", &[Lambda], &[INVOKE]),
            Self::Repeat { .. } => ("repeat", "deliveries of events", &[Events], &[DELIVER]),
            Self::Delay { .. } => ("delay", "deliveries of events", &[Events], &[DELIVER]),
            Self::Reorder { .. } => ("reorder", "deliveries of events", &[Events], &[DELIVER]),
        }
    }
}

impl ErrorAnswer {
    fn check(&self) -> Result<(), RuleError> {
        if self.code.is_empty() {
            return Err(RuleError::Empty("error.code"));
        }
        if let Some((prefix, own)) = self.code.split_once('.')
            && ["Lambda", "SNS"].contains(&prefix)
        {
            return Err(RuleError::Prefixed { own: own.to_owned(), given: self.code.clone() });
        }
        match self.status {
            None if errors::known(&self.code).is_none() => Err(RuleError::NoStatus(self.code.clone())),
            Some(status) if !(300..600).contains(&status) => Err(RuleError::Status(status)),
            _ => Ok(()),
        }
    }
}
