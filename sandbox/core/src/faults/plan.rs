//! The faults to inject into one call, and how a call runs with them.

use std::{sync::Arc, time::Duration};

use super::{
    Call, Faults, RuleId,
    effect::{Effect, ErrorAnswer, Life, Moment},
    origin::CallOrigin,
};
use crate::ports::ApiError;

/// The faults to inject into one call.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// How long the call waits before it starts.
    pub latency: Duration,
    /// The offset of the stored byte that changes.
    pub flip: Option<u64>,
    /// How the call ends.
    pub ending: Ending,
}

/// How a call ends.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub enum Ending {
    #[default]
    /// Without a fault.
    AsUsual,
    /// The service refuses it.
    Error(ErrorAnswer),
    /// The connection closes without an answer.
    Drop(Moment),
    /// The function that makes the call dies.
    Kill(Life),
    /// The function fails.
    FunctionError {
        /// The name of the error.
        error_type: String,
        /// The message of the error.
        message: String,
        /// Whether the fault occurs before or after the function's work.
        at: Moment,
    },
    /// The event is delivered more than once, late or out of order.
    Delivery(DeliveryChange),
}

/// How the delivery of an event deviates from a single, immediate one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryChange {
    /// More than once.
    Repeated {
        /// How many additional deliveries.
        copies: u32,
    },
    /// After a delay.
    Late(Duration),
    /// After later events, or when the rule is removed.
    Overtaken {
        /// How many later events come first.
        by: u64,
        /// The rule that delays it.
        rule: RuleId,
    },
}

impl Plan {
    pub(super) fn add(&mut self, effect: &Effect, rule: &RuleId) {
        self.ending = match effect {
            Effect::Latency { millis } => {
                self.latency += Duration::from_millis(*millis);
                return;
            }
            Effect::Flip { offset } => {
                self.flip = Some(*offset);
                return;
            }
            Effect::Error(answer) => Ending::Error(answer.clone()),
            Effect::Drop(moment) => Ending::Drop(*moment),
            Effect::Kill(life) => Ending::Kill(*life),
            Effect::FunctionError { error_type, error_message, at } => {
                Ending::FunctionError { error_type: error_type.clone(), message: error_message.clone(), at: *at }
            }
            Effect::Repeat { copies } => Ending::Delivery(DeliveryChange::Repeated { copies: *copies }),
            Effect::Delay { millis } => Ending::Delivery(DeliveryChange::Late(Duration::from_millis(*millis))),
            Effect::Reorder { after } => Ending::Delivery(DeliveryChange::Overtaken { by: *after, rule: rule.clone() }),
        };
    }

    pub(super) fn is_settled(&self) -> bool {
        self.ending != Ending::AsUsual
    }
}

/// A response extension: the client sees a broken connection instead of the response.
#[derive(Debug, Clone, Copy)]
pub struct NoAnswer;

impl Faults {
    /// The faults for a call by an optional caller. If the caller must die with its next call, it dies with this one.
    pub fn plan_for(&self, call: &Call<'_>, origin: Option<&Arc<CallOrigin>>) -> Plan {
        let mut plan = self.plan(call);
        if plan.ending == Ending::AsUsual && origin.is_some_and(|origin| origin.take_kill_at_next_call()) {
            plan.ending = Ending::Kill(Life::After);
        }
        plan
    }

    /// Makes a call with its faults. For services other than S3 and Lambda's Invoke.
    pub async fn apply<T>(
        &self,
        call: Call<'_>,
        origin: Option<Arc<CallOrigin>>,
        work: impl Future<Output = Result<T, ApiError>>,
    ) -> Result<T, ApiError> {
        let call = match &origin {
            Some(origin) => origin.attach_to(call),
            None => call,
        };
        let Plan { latency, ending, .. } = self.plan_for(&call, origin.as_ref());
        tokio::time::sleep(latency).await;
        let killed = |origin: Option<Arc<CallOrigin>>| {
            if let Some(origin) = origin {
                origin.kill();
            }
            Err(ApiError::no_answer())
        };
        match ending {
            Ending::Error(answer) => Err(answer.complete()),
            Ending::Drop(Moment::Before) => Err(ApiError::no_answer()),
            Ending::Kill(Life::Before) => killed(origin),
            Ending::Drop(Moment::After) => {
                let _ = work.await;
                Err(ApiError::no_answer())
            }
            Ending::Kill(Life::During | Life::After) => {
                let _ = work.await;
                killed(origin)
            }
            Ending::AsUsual | Ending::FunctionError { .. } | Ending::Delivery(_) => work.await,
        }
    }
}
