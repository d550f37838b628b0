//! Fault rules: which calls they match, for which of these they fire, and with what effect.
//!
//! The JSON of a rule is the same at the HTTP endpoint and in a test: `{"match": …, "when": …, "effect": …}`.

use serde::{Deserialize, Serialize};

use super::effect::Effect;
use crate::operations::Service;

/// A rule. Without a target it matches every call; without a `when` it fires for each of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rule {
    /// Which calls the rule matches. `match` in JSON.
    #[serde(rename = "match", default)]
    pub target: Target,
    /// For which matching calls the rule fires.
    #[serde(default)]
    pub when: When,
    /// The effect on those calls.
    pub effect: Effect,
}

/// The calls that a rule matches. An omitted field matches everything. In names and keys, `*` matches any characters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Target {
    /// The service that is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Service>,
    /// The name in the service's API reference, for example `UploadPartCopy`, `Publish`, `Invoke`. AWS has no name for
    /// the delivery of an event to a rule's target: it is `Deliver`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// The bucket in the S3 request, or in the delivered event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
    /// The key in the S3 request, or in the delivered event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The part number in the S3 request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<u16>,
    /// The function that is invoked or that makes the call: its name in Lambda or its crate's name, for example
    /// `copier`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// The state that makes the call, or that invoked the function that makes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

/// For which of the matching calls a rule fires.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct When {
    /// The number of matching calls to skip first.
    #[serde(default)]
    pub skip: u64,
    /// The number of calls to fire for after that. All if omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// The probability that the rule fires for a call, above 0 and up to 1. Always if omitted. The seed, the call and
    /// its earlier repetitions decide, so the result does not depend on the order of different calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// The seed of the probability.
    #[serde(default)]
    pub seed: u64,
}

impl Rule {
    /// A rule that fires for every call that it matches.
    pub fn new(target: Target, effect: Effect) -> Self {
        Self { target, when: When::default(), effect }
    }

    /// Skips this number of matching calls first.
    #[must_use]
    pub fn skip(mut self, calls: u64) -> Self {
        self.when.skip = calls;
        self
    }

    /// Fires for this number of calls and then no more.
    #[must_use]
    pub fn times(mut self, calls: u64) -> Self {
        self.when.times = Some(calls);
        self
    }

    /// Fires with this probability.
    #[must_use]
    pub fn by_chance(mut self, probability: f64, seed: u64) -> Self {
        self.when.probability = Some(probability);
        self.when.seed = seed;
        self
    }
}

impl Target {
    /// Matches every call of one operation.
    pub fn operation(service: Service, operation: &str) -> Self {
        Self { service: Some(service), operation: Some(operation.to_owned()), ..Self::default() }
    }

    /// Matches only calls that name a matching key.
    #[must_use]
    pub fn key(mut self, key: &str) -> Self {
        self.key = Some(key.to_owned());
        self
    }

    /// Matches only calls that name this bucket.
    #[must_use]
    pub fn bucket(mut self, bucket: &str) -> Self {
        self.bucket = Some(bucket.to_owned());
        self
    }

    /// Matches only calls that name this part.
    #[must_use]
    pub fn part(mut self, part: u16) -> Self {
        self.part = Some(part);
        self
    }

    /// Matches only calls to or by this function.
    #[must_use]
    pub fn function(mut self, function: &str) -> Self {
        self.function = Some(function.to_owned());
        self
    }

    /// Matches only calls on behalf of this state.
    #[must_use]
    pub fn state(mut self, state: &str) -> Self {
        self.state = Some(state.to_owned());
        self
    }
}
