//! Deliveries: the bus sends every matched event to every target of its rule, until it arrives or its retries run out.
//!
//! A delivery is in the store from before its first attempt until after its last one, so a restarted sandbox continues
//! it. Errors of the service are retried with exponential back-off under the target's `RetryPolicy`. After that the
//! event goes to the target's dead-letter queue, with the attributes of
//! <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html>. If a function was invoked and failed,
//! Lambda's own asynchronous invocation retries twice and then drops the event, as on AWS.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Bus, PENDING, Targets, UNDELIVERED,
    input::RuleName,
    rules::State,
    start::Start,
    target::{Kind, Target},
};
use sandbox_core::ports::{ApiError, ExecutionStart, Invocation};

/// The delays before Lambda invokes a failed function again, in seconds.
const FUNCTION_RETRIES: [f64; 2] = [60.0, 120.0];
/// The first delay after an error of the service, in seconds. Each further delay is twice as long.
const FIRST_DELAY: f64 = 1.0;
const MAXIMUM_DELAY: f64 = 900.0;

/// An event that did not reach a target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Undelivered {
    /// The dead-letter queue that received the event; `None` if the event was dropped.
    pub queue_arn: Option<String>,
    /// The event.
    pub body: Value,
    /// `RULE_ARN`, `TARGET_ARN`, `ERROR_CODE`, `ERROR_MESSAGE`, `RETRY_ATTEMPTS` and, if retries ran out,
    /// `EXHAUSTED_RETRY_CONDITION`.
    pub attributes: BTreeMap<String, String>,
}

/// The delivery of one event to one target.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Delivery {
    id: String,
    rule: String,
    pub(super) target: Target,
    pub(super) event: Value,
    /// The number of retries after errors of the service.
    retries: u32,
    /// The number of retries after failures of the function.
    function_retries: usize,
    /// The total delay between attempts in seconds, before the time scale.
    waited: f64,
}

enum Outcome {
    Arrived,
    /// The service rejected the event.
    Refused {
        code: &'static str,
        message: String,
        retry: Retry,
    },
    /// The function received the event and failed.
    FunctionFailed(String),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Retry {
    Allowed,
    Never,
}

enum Next {
    Done,
    /// After this number of seconds, before the time scale.
    Wait(f64),
    RecordUndelivered(Undelivered),
}

impl Bus {
    /// The deliveries of an event.
    pub(super) fn deliveries(&self, event: &Value) -> Vec<Delivery> {
        let rules = self.read_rules();
        let matching = rules.values().filter(|rule| rule.record.state == State::Enabled && rule.pattern.matches(event));
        matching
            .flat_map(|rule| {
                rule.record.targets.iter().map(|target| Delivery {
                    id: uuid::Uuid::new_v4().to_string(),
                    rule: rule.record.name.clone(),
                    target: target.clone(),
                    event: event.clone(),
                    retries: 0,
                    function_retries: 0,
                    waited: 0.0,
                })
            })
            .collect()
    }

    /// Starts a delivery, immediately or later, and counts it.
    pub(super) fn spawn_new(self: Arc<Self>, delivery: Delivery, start: Start) {
        self.store_pending(&delivery);
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        self.pending.send_modify(|pending| *pending += 1);
        tokio::spawn(async move {
            let id = delivery.id.clone();
            let target = delivery.target.arn.clone();
            let work = async {
                self.wait(start, &target, number).await;
                self.deliver(delivery).await;
            };
            let delivered = self.closing.run_until_cancelled(work).await;
            if delivered.is_none() {
                return;
            }
            if let Err(error) = self.store.delete(PENDING, &id) {
                tracing::error!(%error, "a finished delivery could not be removed from the store and will be repeated");
            }
            self.waiting.arrived(&target, number);
            self.pending.send_modify(|pending| *pending -= 1);
        });
    }

    fn store_pending(&self, delivery: &Delivery) {
        if let Err(error) = self.store.put(PENDING, &delivery.id, delivery) {
            tracing::error!(%error, rule = delivery.rule, "a delivery was not written and would be lost in a restart");
        }
    }

    async fn deliver(&self, mut delivery: Delivery) {
        let targets = self.targets.wait().await;
        loop {
            let outcome = self.attempt(targets, &delivery).await;
            match delivery.next(outcome, &self.rule_arn(&delivery.rule)) {
                Next::Done => return,
                Next::Wait(seconds) => {
                    self.store_pending(&delivery);
                    // At most a day, so the product is a valid duration for every time scale.
                    let wait = (seconds * self.time_scale).clamp(0.0, 86_400.0);
                    tokio::time::sleep(Duration::from_secs_f64(wait)).await;
                }
                Next::RecordUndelivered(undelivered) => return self.record_undelivered(&delivery, &undelivered),
            }
        }
    }

    async fn attempt(&self, targets: &Targets, delivery: &Delivery) -> Outcome {
        let target = &delivery.target;
        let rule = RuleName { name: &delivery.rule, arn: &self.rule_arn(&delivery.rule) };
        let input = match target.input().render(&rule, &delivery.event) {
            Ok(input) => input,
            Err(message) => return Outcome::Refused { code: "INVALID_JSON", message, retry: Retry::Never },
        };
        match target.kind() {
            Some(Kind::StateMachine) => {
                let start = ExecutionStart {
                    role_arn: target.role_arn(),
                    state_machine_arn: &target.arn,
                    name: Some(delivery.execution_name()),
                    input,
                };
                match targets.start.start_execution(start).await {
                    // An earlier attempt, whose answer was lost, started the execution.
                    Err(error) if error.code == "ExecutionAlreadyExists" => Outcome::Arrived,
                    Err(error) => Outcome::from_error(&error),
                    Ok(_) => Outcome::Arrived,
                }
            }
            Some(Kind::Function) => match targets.invoke.invoke(&target.arn, Bytes::from(input.to_string())).await {
                Ok(Invocation::Answered(_)) => Outcome::Arrived,
                Ok(Invocation::Failed(payload)) => {
                    Outcome::FunctionFailed(String::from_utf8_lossy(&payload).into_owned())
                }
                Err(error) => Outcome::from_error(&error),
            },
            None => Outcome::Refused {
                code: "NO_RESOURCE",
                message: format!("{} is neither a state machine nor a function", target.arn),
                retry: Retry::Never,
            },
        }
    }

    fn record_undelivered(&self, delivery: &Delivery, undelivered: &Undelivered) {
        tracing::error!(
            rule = delivery.rule,
            target = delivery.target.arn,
            queue = undelivered.queue_arn.as_deref().unwrap_or("none: the event is dropped"),
            error = undelivered.attributes.get("ERROR_MESSAGE"),
            "an event could not be delivered"
        );
        let key = format!("{:020}-{}", time::OffsetDateTime::now_utc().unix_timestamp_nanos(), delivery.id);
        if let Err(error) = self.store.put(UNDELIVERED, &key, undelivered) {
            tracing::error!(%error, "an undelivered event was not written to the store");
        }
    }
}

impl Delivery {
    /// Another delivery of the same event.
    pub(super) fn duplicate(&self) -> Self {
        Self { id: uuid::Uuid::new_v4().to_string(), ..self.clone() }
    }

    /// All attempts use the same name, so only one execution starts.
    fn execution_name(&self) -> String {
        match self.event["id"].as_str().and_then(|id| uuid::Uuid::parse_str(id).ok()) {
            Some(event) => format!("{event}_{}", self.id),
            None => self.id.clone(),
        }
    }

    /// The next step after an attempt.
    fn next(&mut self, outcome: Outcome, rule_arn: &str) -> Next {
        let target = &self.target;
        match outcome {
            Outcome::Arrived => Next::Done,
            Outcome::FunctionFailed(message) => match FUNCTION_RETRIES.get(self.function_retries) {
                Some(wait) => {
                    self.function_retries += 1;
                    Next::Wait(*wait)
                }
                None => Next::RecordUndelivered(self.undelivered(None, rule_arn, ("FUNCTION_ERROR", message), None)),
            },
            Outcome::Refused { code, message, retry } => {
                let queue = target.dead_letter_queue();
                let wait = (FIRST_DELAY * 2_f64.powi(self.retries.try_into().unwrap_or(i32::MAX))).min(MAXIMUM_DELAY)
                    * rand::random_range(0.5..=1.0);
                let exhausted = if retry == Retry::Never {
                    None
                } else if self.retries >= target.maximum_retries() {
                    Some("MaximumRetryAttempts")
                } else if self.waited + wait > f64::from(target.maximum_age()) {
                    Some("MaximumEventAgeInSeconds")
                } else {
                    self.retries += 1;
                    self.waited += wait;
                    return Next::Wait(wait);
                };
                Next::RecordUndelivered(self.undelivered(queue, rule_arn, (code, message), exhausted))
            }
        }
    }

    fn undelivered(
        &self,
        queue: Option<&str>,
        rule_arn: &str,
        (code, message): (&str, String),
        exhausted: Option<&str>,
    ) -> Undelivered {
        let retries = self.retries as usize + self.function_retries;
        let mut attributes = BTreeMap::from([
            ("RULE_ARN".to_owned(), rule_arn.to_owned()),
            ("TARGET_ARN".to_owned(), self.target.arn.clone()),
            ("ERROR_CODE".to_owned(), code.to_owned()),
            ("ERROR_MESSAGE".to_owned(), message),
            ("RETRY_ATTEMPTS".to_owned(), retries.to_string()),
        ]);
        if let Some(condition) = exhausted {
            attributes.insert("EXHAUSTED_RETRY_CONDITION".to_owned(), condition.to_owned());
        }
        Undelivered { queue_arn: queue.map(str::to_owned), body: self.event.clone(), attributes }
    }
}

impl Outcome {
    /// Converts an error to the error code of dead-letter queues. Only errors that a later attempt can resolve are
    /// retried.
    fn from_error(error: &ApiError) -> Self {
        let (code, retry) = match error.code.as_str() {
            "StateMachineDoesNotExist" | "StateMachineDeleting" | "ResourceNotFoundException" => {
                ("NO_RESOURCE", Retry::Never)
            }
            "AccessDeniedException" => ("NO_PERMISSIONS", Retry::Never),
            "ExecutionLimitExceeded" | "ThrottlingException" | "TooManyRequestsException" => {
                ("THROTTLING", Retry::Allowed)
            }
            "InvalidArn"
            | "InvalidName"
            | "InvalidExecutionInput"
            | "ValidationException"
            | "InvalidParameterValueException"
            | "InvalidRequestContentException"
            | "RequestTooLargeException" => ("INVALID_PARAMETER", Retry::Never),
            _ if error.is_no_answer() => ("SDK_CLIENT_ERROR", Retry::Allowed),
            _ if error.status == 429 => ("THROTTLING", Retry::Allowed),
            _ if error.status >= 500 => ("ERROR_FROM_TARGET", Retry::Allowed),
            _ => ("SDK_CLIENT_ERROR", Retry::Never),
        };
        Self::Refused { code, message: error.to_string(), retry }
    }
}
