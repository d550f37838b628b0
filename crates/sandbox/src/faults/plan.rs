//! What the rules have in store for one call, and how a call is made under it.

use std::{sync::Arc, time::Duration};

use super::{
    Call, Faults, RuleId,
    rule::{Effect, ErrorAnswer, Life, Moment},
    working::Working,
};
use crate::ports::ApiError;

/// What the rules have in store for one call.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) latency: Duration,
    /// Which byte of what it stores is to be another one.
    pub(crate) flip: Option<u64>,
    pub(crate) ending: Ending,
}

/// How a call ends.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) enum Ending {
    #[default]
    AsUsual,
    Error(ErrorAnswer),
    Drop(Moment),
    Kill(Life),
    FunctionError {
        error_type: String,
        message: String,
        at: Moment,
    },
    Delivery(Way),
}

/// Another way of delivering an event than at once and once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Way {
    Repeated {
        copies: u32,
    },
    Late(Duration),
    /// After so many later ones, or when the rule is lifted.
    Overtaken {
        by: u64,
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
            Effect::Repeat { copies } => Ending::Delivery(Way::Repeated { copies: *copies }),
            Effect::Delay { millis } => Ending::Delivery(Way::Late(Duration::from_millis(*millis))),
            Effect::Reorder { after } => Ending::Delivery(Way::Overtaken { by: *after, rule: rule.clone() }),
        };
    }

    pub(super) fn is_settled(&self) -> bool {
        self.ending != Ending::AsUsual
    }
}

/// Says, among the extensions of a response, that its client is to see a broken connection instead.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NoAnswer;

impl Faults {
    /// What the rules have in store for a call by whoever works with a key, if anybody does. An invocation that is to die
    /// with its first call dies with this one.
    pub(crate) fn plan_for(&self, call: &Call<'_>, working: Option<&Arc<Working>>) -> Plan {
        let mut plan = self.plan(call);
        if plan.ending == Ending::AsUsual && working.is_some_and(|working| working.dies_with_its_next_call()) {
            plan.ending = Ending::Kill(Life::After);
        }
        plan
    }

    /// Makes a call, of a service other than S3 and Lambda's Invoke, under the rules.
    pub(crate) async fn under<T>(
        &self,
        call: Call<'_>,
        working: Option<Arc<Working>>,
        work: impl Future<Output = Result<T, ApiError>>,
    ) -> Result<T, ApiError> {
        let call = match &working {
            Some(working) => working.makes(call),
            None => call,
        };
        let Plan { latency, ending, .. } = self.plan_for(&call, working.as_ref());
        tokio::time::sleep(latency).await;
        let killed = |working: Option<Arc<Working>>| {
            if let Some(working) = working {
                working.kill();
            }
            Err(ApiError::no_answer())
        };
        match ending {
            Ending::Error(answer) => Err(answer.complete()),
            Ending::Drop(Moment::Before) => Err(ApiError::no_answer()),
            Ending::Kill(Life::Before) => killed(working),
            Ending::Drop(Moment::After) => {
                let _ = work.await;
                Err(ApiError::no_answer())
            }
            Ending::Kill(Life::During | Life::After) => {
                let _ = work.await;
                killed(working)
            }
            Ending::AsUsual | Ending::FunctionError { .. } | Ending::Delivery(_) => work.await,
        }
    }
}
