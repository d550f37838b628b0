//! The states that call no service and contain no graph: Pass, Succeed, Choice, Wait, Fail.

use std::time::Duration;

use serde_json::Value;

use super::{
    Exit, Failure, Run,
    environment::{ActiveState, Extra, executing},
};
use crate::{
    clock,
    definition::{Rule, State},
    jsonata, limits,
};

impl Run {
    /// Returns the Output, or the input if the state has no Output.
    pub(super) fn pass(&self, active: ActiveState<'_>, state: &State) -> Result<Exit, Failure> {
        let assigned = self.assign(active, Extra::Nothing, state.assign.as_ref(), "Assign")?;
        let output = self.output(active, state.output.as_ref(), "Output")?;
        Ok(Exit { output, assigned, next: state.next.clone() })
    }

    fn output(&self, active: ActiveState<'_>, template: Option<&Value>, location: &str) -> Result<Value, Failure> {
        let output = match template {
            Some(template) => self.fill(active, Extra::Nothing, template, location)?,
            None => active.frame.input.clone(),
        };
        Self::checked(active, output)
    }

    /// Takes the first rule whose condition is true.
    ///
    /// The state's own Assign always applies, and a rule's Assign overrides it (Developer Guide, `state-choice.html`).
    /// A rule's Output replaces that of the state.
    pub(super) fn choose(
        &self,
        active: ActiveState<'_>,
        state: &State,
        rules: &[Rule],
        default: Option<&str>,
    ) -> Result<Exit, Failure> {
        for (index, rule) in rules.iter().enumerate() {
            if !self.is_true(active, &rule.condition, &format!("Choices[{index}]/Condition"))? {
                continue;
            }
            let mut assigned = self.assign(active, Extra::Nothing, state.assign.as_ref(), "Assign")?;
            let own = self.assign(active, Extra::Nothing, rule.assign.as_ref(), &format!("Choices[{index}]/Assign"))?;
            let output = match &rule.output {
                Some(output) => self.output(active, Some(output), &format!("Choices[{index}]/Output"))?,
                None => self.output(active, state.output.as_ref(), "Output")?,
            };
            assigned.extend(own);
            return Ok(Exit { output, assigned, next: Some(rule.next.clone()) });
        }
        let Some(default) = default else {
            let what = "Failed to transition out of the state. The state does not point to a next state.";
            return Err(Failure::new("States.NoChoiceMatched", executing(active, what)));
        };
        Ok(Exit { next: Some(default.to_owned()), ..self.pass(active, state)? })
    }

    fn is_true(&self, active: ActiveState<'_>, condition: &Value, location: &str) -> Result<bool, Failure> {
        let value = self.fill(active, Extra::Nothing, condition, location)?;
        value
            .as_bool()
            .ok_or_else(|| self.evaluation_failed(active, &jsonata::unexpected(condition, location, "boolean", &value)))
    }

    /// Waits for the remaining time since the state was entered, so a restart does not prolong the wait.
    pub(super) async fn wait(
        &self,
        active: ActiveState<'_>,
        seconds: Option<&Value>,
        timestamp: Option<&Value>,
    ) -> Result<(), Failure> {
        let entered = active.frame.entered;
        let until = if let Some(template) = timestamp {
            let value = self.fill(active, Extra::Nothing, template, "Timestamp")?;
            value.as_str().and_then(clock::parse).ok_or_else(|| {
                self.evaluation_failed(active, &jsonata::unexpected(template, "Timestamp", "timestamp", &value))
            })?
        } else {
            let template = seconds.unwrap_or(&Value::Null);
            let value = self.fill(active, Extra::Nothing, template, "Seconds")?;
            let seconds = self.whole_seconds(active, template, "Seconds", &value)?;
            entered + i64::try_from(seconds * 1000).unwrap_or(i64::MAX)
        };
        let whole = Duration::from_millis(u64::try_from(until - entered).unwrap_or(0));
        let passed = Duration::from_millis(u64::try_from(clock::now() - entered).unwrap_or(0));
        tokio::time::sleep(self.inner.scaled(whole).saturating_sub(passed)).await;
        Ok(())
    }

    /// A number of seconds or the result of an expression.
    pub(super) fn whole_seconds(
        &self,
        active: ActiveState<'_>,
        template: &Value,
        location: &str,
        value: &Value,
    ) -> Result<u64, Failure> {
        value
            .as_u64()
            .filter(|seconds| *seconds <= limits::SECONDS)
            .ok_or_else(|| self.evaluation_failed(active, &jsonata::unexpected(template, location, "number", value)))
    }

    /// The error of a Fail state. If an expression cannot be evaluated, its error is returned instead.
    pub(super) fn fail(&self, active: ActiveState<'_>, error: Option<&str>, cause: Option<&str>) -> Failure {
        let declared = || -> Result<Failure, Failure> {
            let error = self.fail_text(active, error, "Error")?;
            Ok(Failure::declared(error, self.fail_text(active, cause, "Cause")?))
        };
        declared().unwrap_or_else(|failure| failure)
    }

    fn fail_text(
        &self,
        active: ActiveState<'_>,
        template: Option<&str>,
        location: &str,
    ) -> Result<Option<String>, Failure> {
        let Some(template) = template.map(|template| Value::String(template.to_owned())) else { return Ok(None) };
        match self.fill(active, Extra::Nothing, &template, location)? {
            Value::String(text) => Ok(Some(text)),
            other => Err(self.evaluation_failed(active, &jsonata::unexpected(&template, location, "string", &other))),
        }
    }
}
