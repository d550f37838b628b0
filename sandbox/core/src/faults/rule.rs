//! What a fault rule says: which calls it is about, which of these it strikes, and what happens to them.
//!
//! The JSON of a rule is the same at the HTTP endpoint and in a test: `{"match": …, "when": …, "effect": …}`.

use serde::{Deserialize, Serialize};

use super::effect::Effect;
use crate::operations::Service;

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

/// Which calls a rule is about. What is not given matches everything; names and keys may hold `*`, which matches any
/// characters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Target {
    /// The service that is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Service>,
    /// The name in the service's API reference, for example `UploadPartCopy`, `Publish`, `Invoke`. A delivery of an
    /// event to a rule's target, for which AWS has no name, is `Deliver`.
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
}

impl Target {
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
