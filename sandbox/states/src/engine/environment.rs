//! The input of expressions: `$states` and the variables.

use serde_json::{Map, Value, json};

use super::{Failure, Run, Scope};
use crate::{
    clock,
    frame::Frame,
    history,
    jsonata::{self, Environment, QueryError},
    limits,
};

/// The optional members of `$states`.
#[derive(Debug, Clone, Copy)]
pub(super) enum Extra<'a> {
    /// Neither of the two.
    Nothing,
    /// `$states.result`.
    Result(&'a Value),
    /// `$states.errorOutput`.
    Error(&'a Value),
}

/// The state that is executed.
#[derive(Clone, Copy)]
pub(super) struct ActiveState<'a> {
    /// The flow of the state.
    pub(super) scope: &'a Scope,
    /// The frame as of the entry into the state.
    pub(super) frame: &'a Frame,
    /// The number of retries.
    pub(super) retries: u32,
}

impl ActiveState<'_> {
    /// The variables that are visible to the state.
    pub(super) fn variables(&self) -> Map<String, Value> {
        let mut variables = self.scope.outer.clone();
        variables.extend(self.frame.variables.clone());
        variables
    }
}

impl Run {
    /// `$states` and the variables for one state.
    pub(super) fn environment(&self, active: ActiveState<'_>, extra: Extra<'_>) -> Environment {
        let mut states = json!({"input": active.frame.input, "context": self.context(active)});
        match extra {
            Extra::Nothing => {}
            Extra::Result(result) => states["result"] = result.clone(),
            Extra::Error(error) => states["errorOutput"] = error.clone(),
        }
        Environment { states, variables: active.variables() }
    }

    /// The context object. Only states that can be retried have a `RetryCount`.
    fn context(&self, active: ActiveState<'_>) -> Value {
        let record = self.execution.record();
        let mut state = json!({"Name": active.frame.state, "EnteredTime": clock::rfc3339(active.frame.entered)});
        if matches!(active.frame.kind.as_str(), "Task" | "Map" | "Parallel") {
            state["RetryCount"] = json!(active.retries);
        }
        let mut context = json!({
            "Execution": {
                "Id": record.arn,
                "Input": self.input,
                "StartTime": clock::rfc3339(record.started),
                "Name": record.name,
                "RoleArn": self.revision.role,
                "RedriveCount": record.redrives,
            },
            "StateMachine": {"Id": record.machine, "Name": self.revision.name},
            "State": state,
        });
        if let Some(redriven) = record.redriven {
            context["Execution"]["RedriveTime"] = json!(clock::rfc3339(redriven));
        }
        if let Some(item) = &active.scope.item {
            let mut shown = json!({"Index": item.index, "Value": item.value});
            for (name, text) in [("Key", &item.key), ("Source", &item.source)] {
                if let Some(text) = text {
                    shown[name] = json!(text);
                }
            }
            context["Map"] = json!({"Item": shown});
        }
        context
    }

    /// Evaluates a template. On failure adds an `EvaluationFailed` event and fails with `States.QueryEvaluationError`,
    /// as AWS does.
    pub(super) fn fill(
        &self,
        active: ActiveState<'_>,
        extra: Extra<'_>,
        template: &Value,
        location: &str,
    ) -> Result<Value, Failure> {
        if jsonata::is_plain(template) {
            return Ok(template.clone());
        }
        let environment = self.environment(active, extra);
        jsonata::fill(template, location, &environment).map_err(|error| self.evaluation_failed(active, &error))
    }

    /// The same for an object of templates.
    pub(super) fn fill_object(
        &self,
        active: ActiveState<'_>,
        extra: Extra<'_>,
        templates: &Map<String, Value>,
        location: &str,
    ) -> Result<Map<String, Value>, Failure> {
        let environment = self.environment(active, extra);
        jsonata::fill_object(templates, location, &environment).map_err(|error| self.evaluation_failed(active, &error))
    }

    /// The same for an `Assign`, whose variables have their own quotas.
    pub(super) fn assign(
        &self,
        active: ActiveState<'_>,
        extra: Extra<'_>,
        templates: Option<&Map<String, Value>>,
        location: &str,
    ) -> Result<Map<String, Value>, Failure> {
        let Some(templates) = templates else { return Ok(Map::new()) };
        let assigned = self.fill_object(active, extra, templates, location)?;
        let own: usize = assigned.values().map(limits::length).sum();
        let visible = active.variables();
        // Each variable is within the quota of one Assign, so this few of them cannot exceed the total quota.
        let are_few = visible.len() + assigned.len() <= limits::VARIABLES / limits::PAYLOAD;
        let kept = || visible.iter().filter(|(name, _)| !assigned.contains_key(*name));
        let all = || own + kept().map(|(_, value)| limits::length(value)).sum::<usize>();
        if own > limits::PAYLOAD || (!are_few && all() > limits::VARIABLES) {
            return Err(Failure::variables_too_large(&active.frame.state));
        }
        Ok(assigned)
    }

    /// Records a failed evaluation.
    pub(super) fn evaluation_failed(&self, active: ActiveState<'_>, error: &QueryError) -> Failure {
        let failure = Failure::new("States.QueryEvaluationError", executing(active, &error.cause));
        let details = history::details(
            "EvaluationFailed",
            json!({
                "state": active.frame.state,
                "error": failure.error,
                "cause": failure.cause,
                "location": error.location,
            }),
        );
        match self.execution.append(&active.scope.path, "EvaluationFailed", details) {
            Ok(_) => failure,
            Err(full) => full.into(),
        }
    }
}

/// AWS's message for the state and event of an error.
pub(super) fn executing(active: ActiveState<'_>, what: &str) -> String {
    format!(
        "An error occurred while executing the state '{}' (entered at the event id #{}). {what}",
        active.frame.state, active.frame.entered_event
    )
}
