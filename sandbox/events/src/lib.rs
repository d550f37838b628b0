//! `EventBridge`: rules on the default bus, their patterns, and the delivery of matching events.
//!
//! The store contains rules, targets, pending deliveries and undelivered events, so a restarted sandbox continues. As
//! on AWS, delivery is at least once and without a guaranteed order. The only bus is `default`. Schedules and other
//! missing features are rejected by name.

mod delivery;
mod delivery_faults;
mod input;
mod put;
mod rules;
mod start;
mod target;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, atomic::AtomicU64},
};

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::{SetOnce, watch};
use tokio_util::sync::CancellationToken;

pub use self::delivery::Undelivered;
use self::{
    delivery::Delivery,
    rules::Rule,
    start::{Start, WaitingDeliveries},
};
use sandbox_core::{
    faults::Faults,
    operations::{self, Service},
    ports::{ACCOUNT, ApiError, EventSink, Invoke, StartExecution},
    store::{Store, StoreError},
};

const RULES: &str = "events.rules";
const PENDING: &str = "events.pending";
const UNDELIVERED: &str = "events.undelivered";

/// The services that rules can deliver to.
#[derive(Clone)]
pub struct Targets {
    /// State machines.
    pub start: Arc<dyn StartExecution>,
    /// Functions.
    pub invoke: Arc<dyn Invoke>,
}

/// The event bus. Clones share it.
#[derive(Clone)]
pub struct Events {
    bus: Arc<Bus>,
}

impl fmt::Debug for Events {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Events").field("pending", &*self.bus.pending.borrow()).finish_non_exhaustive()
    }
}

struct Bus {
    store: Arc<Store>,
    region: String,
    time_scale: f64,
    rules: RwLock<BTreeMap<String, Rule>>,
    /// Deliveries of an earlier run, until the targets are known.
    unfinished: Mutex<Vec<Delivery>>,
    targets: SetOnce<Targets>,
    pending: watch::Sender<usize>,
    faults: Faults,
    /// The number of deliveries started in this run.
    started: AtomicU64,
    waiting: WaitingDeliveries,
    closing: CancellationToken,
}

impl Events {
    /// Opens the bus with the rules in the store.
    ///
    /// `time_scale` is the factor for every delay between two attempts of a delivery: 1 waits as AWS does, 0 not at
    /// all. `faults` applies to deliveries.
    pub fn new(store: Arc<Store>, region: &str, time_scale: f64, faults: Faults) -> Result<Self, StoreError> {
        let mut rules = BTreeMap::new();
        for (name, record) in store.load(RULES)? {
            match Rule::from_record(record) {
                Ok(rule) => {
                    rules.insert(name, rule);
                }
                Err(error) => {
                    tracing::error!(rule = name, %error, "a stored rule is not valid any more and is left out");
                }
            }
        }
        let unfinished = store.load(PENDING)?.into_iter().map(|(_, delivery)| delivery).collect();
        let bus = Bus {
            store,
            region: region.to_owned(),
            time_scale,
            rules: RwLock::new(rules),
            unfinished: Mutex::new(unfinished),
            targets: SetOnce::new(),
            pending: watch::Sender::new(0),
            faults,
            started: AtomicU64::new(0),
            waiting: WaitingDeliveries::default(),
            closing: CancellationToken::new(),
        };
        Ok(Self { bus: Arc::new(bus) })
    }

    /// Connects the targets, and continues the deliveries of an earlier run. Events that arrived before wait for this
    /// call.
    ///
    /// Call it once, inside a Tokio runtime. Later calls have no effect.
    pub fn connect(&self, targets: Targets) {
        if self.bus.targets.set(targets).is_ok() {
            for delivery in std::mem::take(&mut *self.bus.unfinished.lock().unwrap_or_else(PoisonError::into_inner)) {
                self.bus.clone().spawn_new(delivery, Start::AtOnce);
            }
        }
    }

    /// Stops the pending deliveries. They stay in the store, and the next run continues them.
    pub fn close(&self) {
        self.bus.closing.cancel();
    }

    /// Performs an operation of the JSON protocol (`X-Amz-Target: AWSEvents.<operation>`).
    pub async fn handle(&self, operation: &str, body: Value) -> Result<Value, ApiError> {
        if !operations::has(Service::Events, operation) {
            return Err(unknown(operation));
        }
        let bus = &self.bus;
        match operation {
            "PutEvents" => {
                let (answer, envelopes) = put::put_events(&bus.region, decode(operation, body)?)?;
                for envelope in envelopes {
                    self.put_event(envelope).await;
                }
                Ok(answer)
            }
            "PutRule" => bus.put_rule(decode(operation, body)?),
            "DescribeRule" => bus.describe_rule(&decode(operation, body)?),
            "DeleteRule" => bus.delete_rule(&decode(operation, body)?),
            "EnableRule" => bus.set_state(&decode(operation, body)?, rules::State::Enabled),
            "DisableRule" => bus.set_state(&decode(operation, body)?, rules::State::Disabled),
            "ListRules" => bus.list_rules(decode(operation, body)?),
            "PutTargets" => bus.put_targets(decode(operation, body)?),
            "RemoveTargets" => bus.remove_targets(&decode(operation, body)?),
            "ListTargetsByRule" => bus.list_targets(decode(operation, body)?),
            "TestEventPattern" => put::test_event_pattern(&decode(operation, body)?),
            "DescribeEventBus" => {
                let named: NamedBus = decode(operation, body)?;
                require_default_bus(named.name.as_deref())?;
                Ok(bus.describe())
            }
            "ListEventBuses" => {
                let wanted: BusPrefix = decode(operation, body)?;
                let listed = "default".starts_with(wanted.name_prefix.as_deref().unwrap_or_default());
                Ok(json!({ "EventBuses": if listed { vec![bus.describe()] } else { Vec::new() } }))
            }
            other => Err(unknown(other)),
        }
    }

    /// Waits until every accepted event is delivered or recorded as undelivered.
    pub async fn drained(&self) {
        let mut pending = self.bus.pending.subscribe();
        // The bus owns the sender, so waiting cannot fail.
        drop(pending.wait_for(|pending| *pending == 0).await);
    }

    /// The undelivered events, oldest first: those in the dead-letter queues, and those that were dropped because there
    /// is no queue.
    pub fn undelivered(&self) -> Result<Vec<Undelivered>, StoreError> {
        Ok(self.bus.store.load(UNDELIVERED)?.into_iter().map(|(_, record)| record).collect())
    }
}

#[async_trait]
impl EventSink for Events {
    async fn put_event(&self, envelope: Value) {
        for delivery in self.bus.deliveries(&envelope) {
            self.bus.clone().begin(delivery);
        }
    }
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct NamedBus {
    name: Option<String>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct BusPrefix {
    name_prefix: Option<String>,
    // One bus fits on one page, so neither a limit nor a token changes the answer.
    #[serde(rename = "Limit")]
    _limit: Option<u32>,
    #[serde(rename = "NextToken")]
    _next_token: Option<String>,
}

impl Bus {
    fn read_rules(&self) -> RwLockReadGuard<'_, BTreeMap<String, Rule>> {
        self.rules.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_rules(&self) -> RwLockWriteGuard<'_, BTreeMap<String, Rule>> {
        self.rules.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn rule_arn(&self, name: &str) -> String {
        format!("arn:aws:events:{}:{ACCOUNT}:rule/{name}", self.region)
    }

    fn describe(&self) -> Value {
        json!({ "Name": "default", "Arn": format!("arn:aws:events:{}:{ACCOUNT}:event-bus/default", self.region) })
    }
}

/// Deserializes a request. An unknown parameter is rejected by name.
fn decode<T: DeserializeOwned>(operation: &str, body: Value) -> Result<T, ApiError> {
    serde_json::from_value(body)
        .map_err(|error| invalid(format!("the parameters of {operation} cannot be read: {error}")))
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("ValidationException", message)
}

fn not_found(message: impl Into<String>) -> ApiError {
    ApiError::new("ResourceNotFoundException", message)
}

#[allow(clippy::needless_pass_by_value, reason = "it is handed to map_err")]
fn internal(error: StoreError) -> ApiError {
    ApiError::new("InternalException", error.to_string()).with_status(500)
}

/// Accepts an omitted bus, the name `default` and its ARN.
fn require_default_bus(bus: Option<&str>) -> Result<(), ApiError> {
    match bus {
        None | Some("default") => Ok(()),
        Some(arn) if arn.starts_with("arn:") && arn.ends_with(":event-bus/default") => Ok(()),
        Some(other) => {
            Err(not_found(format!("Event bus {other} does not exist: the sandbox has the bus default only.")))
        }
    }
}

fn unknown(operation: &str) -> ApiError {
    let message = format!("The sandbox's EventBridge has no operation {operation}");
    ApiError::new("UnknownOperationException", message)
}
