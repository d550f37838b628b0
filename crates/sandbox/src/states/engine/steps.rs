//! The states that do no work elsewhere: Pass, Succeed, Choice, Wait, Fail.

use std::time::Duration;

use serde_json::{Map, Value};

use super::{
    Exit, Failure, Run,
    environment::{Extra, Here, executing},
};
use crate::states::{
    clock,
    definition::{Rule, State},
    jsonata, limits,
};

impl Run {
    /// Hands on the Output, or the input where there is none.
    pub(super) fn pass(&self, here: Here<'_>, state: &State) -> Result<Exit, Failure> {
        self.exit_with(here, (state.output.as_ref(), state.assign.as_ref()), "", state.next.clone())
    }

    fn exit_with(
        &self,
        here: Here<'_>,
        (output, assign): (Option<&Value>, Option<&Map<String, Value>>),
        prefix: &str,
        next: Option<String>,
    ) -> Result<Exit, Failure> {
        let assigned = self.fill_object(here, Extra::Nothing, assign, &format!("{prefix}Assign"))?;
        let output = match output {
            Some(output) => self.fill(here, Extra::Nothing, output, &format!("{prefix}Output"))?,
            None => here.frame.input.clone(),
        };
        Ok(Exit { output: Self::checked(here, output)?, assigned, next })
    }

    /// Takes the first rule whose condition is true.
    pub(super) fn choose(
        &self,
        here: Here<'_>,
        state: &State,
        rules: &[Rule],
        default: Option<&str>,
    ) -> Result<Exit, Failure> {
        for (index, rule) in rules.iter().enumerate() {
            let prefix = format!("Choices[{index}]/");
            let location = format!("{prefix}Condition");
            match self.fill(here, Extra::Nothing, &rule.condition, &location)? {
                Value::Bool(true) => {
                    let output = rule.output.as_ref().or(state.output.as_ref());
                    let fields = (output, rule.assign.as_ref());
                    return self.exit_with(here, fields, &prefix, Some(rule.next.clone()));
                }
                Value::Bool(false) => {}
                other => {
                    let error = jsonata::unexpected(&rule.condition, &location, "boolean", &other);
                    return Err(self.evaluation_failed(here, &error));
                }
            }
        }
        let Some(default) = default else {
            let what = "Failed to transition out of the state. The state does not point to a next state.";
            return Err(Failure::new("States.NoChoiceMatched", executing(here, what)));
        };
        self.exit_with(here, (state.output.as_ref(), state.assign.as_ref()), "", Some(default.to_owned()))
    }

    /// Waits for what is left of the time since the state was entered, so that a restart does not wait anew.
    pub(super) async fn wait(
        &self,
        here: Here<'_>,
        seconds: Option<&Value>,
        timestamp: Option<&Value>,
    ) -> Result<(), Failure> {
        let entered = here.frame.entered;
        let until = if let Some(template) = timestamp {
            let value = self.fill(here, Extra::Nothing, template, "Timestamp")?;
            value.as_str().and_then(clock::parse).ok_or_else(|| {
                self.evaluation_failed(here, &jsonata::unexpected(template, "Timestamp", "timestamp", &value))
            })?
        } else {
            let template = seconds.unwrap_or(&Value::Null);
            let value = self.fill(here, Extra::Nothing, template, "Seconds")?;
            let seconds = self.whole_seconds(here, template, "Seconds", &value)?;
            entered + i64::try_from(seconds * 1000).unwrap_or(i64::MAX)
        };
        let whole = Duration::from_millis(u64::try_from(until - entered).unwrap_or(0));
        let passed = Duration::from_millis(u64::try_from(clock::now() - entered).unwrap_or(0));
        tokio::time::sleep(self.inner.scaled(whole).saturating_sub(passed)).await;
        Ok(())
    }

    /// A number of seconds that may have come out of an expression.
    pub(super) fn whole_seconds(
        &self,
        here: Here<'_>,
        template: &Value,
        location: &str,
        value: &Value,
    ) -> Result<u64, Failure> {
        value
            .as_u64()
            .filter(|seconds| *seconds <= limits::SECONDS)
            .ok_or_else(|| self.evaluation_failed(here, &jsonata::unexpected(template, location, "number", value)))
    }

    /// What a Fail state says; an expression that cannot be evaluated is what failed then.
    pub(super) fn fail(&self, here: Here<'_>, error: Option<&str>, cause: Option<&str>) -> Failure {
        let text = |template: Option<&str>, location: &str| -> Result<Option<String>, Failure> {
            let Some(template) = template.map(|template| Value::String(template.to_owned())) else { return Ok(None) };
            match self.fill(here, Extra::Nothing, &template, location)? {
                Value::String(text) => Ok(Some(text)),
                other => {
                    let error = jsonata::unexpected(&template, location, "string", &other);
                    Err(self.evaluation_failed(here, &error))
                }
            }
        };
        match (text(error, "Error"), text(cause, "Cause")) {
            (Ok(error), Ok(cause)) => Failure::declared(error, cause),
            (Err(failure), _) | (_, Err(failure)) => failure,
        }
    }
}
