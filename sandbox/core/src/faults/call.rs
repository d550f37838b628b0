//! A call as the fault rules see it, and whether a rule matches it.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::{
    effect::{ERRORS_INSIDE_200, Effect, ErrorAnswer, Life, STORING},
    rule::Target,
};
use crate::operations::{DELIVER, INVOKE, Service};

/// A call to a service, or the delivery of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Call<'a> {
    /// The service.
    pub service: Service,
    /// The operation's name in [`crate::operations`].
    pub operation: &'a str,
    /// Empty if the call names no bucket.
    pub bucket: &'a str,
    /// Empty if the call names no key.
    pub key: &'a str,
    /// The part number, if the call names a part.
    pub part: Option<u16>,
    /// The function that is invoked or that makes the call.
    pub function: Option<Names<'a>>,
    /// The state that makes the call, itself or through a function.
    pub state: Option<&'a str>,
}

/// The names of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Names<'a> {
    /// The name in Lambda.
    pub name: &'a str,
    /// The name of its crate in this repository.
    pub crate_name: &'a str,
}

impl<'a> Call<'a> {
    /// A call without a bucket, key, part, function or state.
    pub fn new(service: Service, operation: &'a str) -> Self {
        Self { service, operation, bucket: "", key: "", part: None, function: None, state: None }
    }

    fn is_invocation(&self) -> bool {
        self.service == Service::Lambda && self.operation == INVOKE
    }

    fn is_delivery(&self) -> bool {
        self.service == Service::Events && self.operation == DELIVER
    }

    /// Whether an effect can apply to this call.
    pub(super) fn can_have(&self, effect: &Effect) -> bool {
        let s3 = |operations: &[&str]| self.service == Service::S3 && operations.contains(&self.operation);
        match effect {
            Effect::Error(ErrorAnswer { inside200: true, .. }) => s3(ERRORS_INSIDE_200),
            Effect::Error(_) | Effect::Latency { .. } | Effect::Drop(_) => !self.is_delivery(),
            Effect::Flip { .. } => s3(STORING),
            Effect::Kill(Life::During) | Effect::FunctionError { .. } => self.is_invocation(),
            Effect::Kill(Life::Before | Life::After) => self.function.is_some() && !self.is_delivery(),
            Effect::Repeat { .. } | Effect::Delay { .. } | Effect::Reorder { .. } => self.is_delivery(),
        }
    }

    /// The same number for the same call and seed, regardless of earlier calls.
    pub(super) fn digest(&self, seed: u64) -> u64 {
        let mut hasher = DefaultHasher::new();
        (seed, self).hash(&mut hasher);
        hasher.finish()
    }
}

impl Target {
    /// Whether the target matches this call.
    pub(super) fn names(&self, call: &Call<'_>) -> bool {
        let Self { service, operation, bucket, key, part, function, state } = self;
        let like = |pattern: &Option<String>, text: &str| pattern.as_deref().is_none_or(|pattern| like(pattern, text));
        let of_function = |pattern: &String| {
            call.function
                .is_some_and(|names| [names.name, names.crate_name].iter().any(|name| self::like(pattern, name)))
        };
        service.is_none_or(|service| service == call.service)
            && operation.as_deref().is_none_or(|operation| operation == call.operation)
            && like(bucket, call.bucket)
            && like(key, call.key)
            && part.is_none_or(|part| call.part == Some(part))
            && function.as_ref().is_none_or(of_function)
            && state.as_deref().is_none_or(|pattern| call.state.is_some_and(|state| self::like(pattern, state)))
    }
}

/// Whether a text matches a pattern, in which `*` matches any characters.
fn like(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(first) else { return false };
    let mut pieces: Vec<&str> = rest.split('*').collect();
    let last = pieces.pop().unwrap_or_default();
    for piece in pieces {
        match text.find(piece) {
            Some(at) => text = &text[at + piece.len()..],
            None => return false,
        }
    }
    text.ends_with(last)
}
