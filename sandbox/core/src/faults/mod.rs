//! Fault injection. A rule makes matching calls fail, slow down, lose their answer, store a wrong byte or kill their
//! function. A rule can also make an event arrive twice, late or out of order.
//!
//! Every call that a service would perform passes the rules: calls over HTTP, calls of Task states and deliveries of
//! `EventBridge`. A call with an invalid signature or without permission does not. Rules live in memory until the
//! sandbox stops.

mod call;
mod check;
mod effect;
mod errors;
mod origin;
mod plan;
mod rule;
mod rule_error;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use self::origin::Origins;
pub use self::{
    call::{Call, Names},
    origin::{Attribution, CallOrigin},
    plan::{DeliveryChange, Ending, NoAnswer, Plan},
};
pub use self::{
    effect::{Effect, ErrorAnswer, Life, Moment},
    rule::{Rule, Target, When},
    rule_error::RuleError,
};
pub use crate::operations::{DELIVER, INVOKE, Service};

/// The rules of one sandbox. Clones share the rules.
#[derive(Clone, Default)]
pub struct Faults {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    rules: Mutex<Rules>,
    /// Notifies those that wait for the removal of a rule.
    changed: watch::Sender<()>,
    origins: Origins,
}

#[derive(Default)]
struct Rules {
    added: u64,
    entries: Vec<Entry>,
}

struct Entry {
    id: RuleId,
    rule: Rule,
    matched: u64,
    fired: u64,
    /// How often each call was made, by its digest. Only for rules with a probability.
    made: HashMap<u64, u64>,
}

/// The ID of a rule, for example `fault-1`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RuleId(String);

impl RuleId {
    /// The ID as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl From<&str> for RuleId {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// An active rule with its counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Active {
    /// The ID of the rule.
    pub id: RuleId,
    /// The rule itself.
    #[serde(flatten)]
    pub rule: Rule,
    /// How many calls matched the rule.
    pub matched: u64,
    /// How many times the rule fired.
    pub fired: u64,
}

impl Faults {
    /// Adds a rule after the existing ones. The first rule that fires for a call decides. Only after latency and
    /// flipped bytes do later rules apply, too.
    pub fn add(&self, rule: Rule) -> Result<RuleId, RuleError> {
        rule.check()?;
        let mut rules = self.rules_now();
        rules.added += 1;
        let id = RuleId(format!("fault-{}", rules.added));
        rules.entries.push(Entry { id: id.clone(), rule, matched: 0, fired: 0, made: HashMap::new() });
        Ok(id)
    }

    /// Removes a rule. Returns whether it was active.
    pub fn remove(&self, id: &RuleId) -> bool {
        let mut rules = self.rules_now();
        let before = rules.entries.len();
        rules.entries.retain(|entry| entry.id != *id);
        let removed = rules.entries.len() < before;
        drop(rules);
        self.inner.changed.send_replace(());
        removed
    }

    /// Removes every rule.
    pub fn clear(&self) {
        self.rules_now().entries.clear();
        self.inner.changed.send_replace(());
    }

    /// Every active rule, in the order in which they were added.
    pub fn rules(&self) -> Vec<Active> {
        let active = |entry: &Entry| Active {
            id: entry.id.clone(),
            rule: entry.rule.clone(),
            matched: entry.matched,
            fired: entry.fired,
        };
        self.rules_now().entries.iter().map(active).collect()
    }

    /// The faults that the rules inject into a call. Counts the call as made.
    pub fn plan(&self, call: &Call<'_>) -> Plan {
        let mut plan = Plan::default();
        for entry in &mut self.rules_now().entries {
            if entry.rule.target.names(call) && call.can_have(&entry.rule.effect) && entry.fires(call) {
                plan.add(&entry.rule.effect, &entry.id);
                if plan.is_settled() {
                    break;
                }
            }
        }
        plan
    }

    /// The invocation or the state that makes calls with this access key.
    pub fn origin(&self, access_key_id: &str) -> Option<Arc<CallOrigin>> {
        self.inner.origins.of(access_key_id)
    }

    /// Attributes calls with this key to an invocation until the returned guard is dropped.
    pub fn attribute(&self, access_key_id: &str, origin: Arc<CallOrigin>) -> Attribution<'_> {
        self.inner.origins.attribute(access_key_id, origin)
    }

    /// Attributes calls with this key to a state itself.
    pub fn attribute_to_state(&self, access_key_id: &str, state: &str) {
        self.inner.origins.insert(access_key_id, CallOrigin::of_state(state));
    }

    /// Waits until a rule is removed.
    pub async fn removed(&self, id: &RuleId) {
        let mut changed = self.inner.changed.subscribe();
        let is_removed = || !self.rules_now().entries.iter().any(|entry| entry.id == *id);
        // The sender lives as long as `self`, so waiting cannot fail.
        while !is_removed() && changed.changed().await.is_ok() {}
    }

    fn rules_now(&self) -> MutexGuard<'_, Rules> {
        self.inner.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Faults").field("rules", &self.rules()).finish_non_exhaustive()
    }
}

impl Entry {
    /// Whether the rule fires for a call that it matches.
    fn fires(&mut self, call: &Call<'_>) -> bool {
        self.matched += 1;
        let When { skip, times, probability, seed } = self.rule.when;
        if self.matched <= skip || times.is_some_and(|times| self.fired >= times) {
            return false;
        }
        if let Some(probability) = probability {
            let call = call.digest(seed);
            let made = self.made.entry(call).or_default();
            *made += 1;
            if fraction(call, *made) >= probability {
                return false;
            }
        }
        self.fired += 1;
        true
    }
}

/// A number from 0 up to, not including, 1. Equal inputs give equal results.
fn fraction(call: u64, made: u64) -> f64 {
    // Mixes a seed and a position as splitmix64 does (<https://prng.di.unimi.it/splitmix64.c>).
    let mut mixed = call.wrapping_add(made.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    let leading = u32::try_from(mixed >> 32).unwrap_or(u32::MAX);
    f64::from(leading) / 4_294_967_296.0
}
