//! Evaluates the JSONata of the state machine with outputs that a test provides instead of the functions, and records
//! every visited state. It has no time, retriers or concurrency; the engine of the sandbox does.

use jsonata_core::{
    evaluator::{Context, Evaluator},
    parser,
    value::JValue,
};
use serde_json::{Map, Value, json};

use crate::machine::{Machine, State};

/// The result of a function by state and payload: the output, or the name of an error.
pub(crate) type Results<'a> = dyn FnMut(&str, &Value) -> Result<Value, &'static str> + 'a;

/// An entered state.
pub(crate) struct Visit {
    pub(crate) state: String,
    /// The payload of a Task.
    pub(crate) payload: Option<Value>,
    /// The largest of input, arguments, result, output and assigned variables, in bytes of JSON.
    pub(crate) largest: usize,
}

/// The end of an execution.
#[derive(Debug, PartialEq)]
pub(crate) enum WalkEnd {
    Succeeded(Value),
    Failed { state: String, error: &'static str },
}

/// A running execution.
pub(crate) struct Walk<'a> {
    machine: &'a Machine,
    results: &'a mut Results<'a>,
    variables: Map<String, Value>,
    context: Value,
    pub(crate) visits: Vec<Visit>,
}

/// The bytes that the service adds to an output in the history: status, headers, version.
const RESULT_OVERHEAD: usize = 4096;

impl<'a> Walk<'a> {
    /// Starts an execution with this event.
    pub(crate) fn new(machine: &'a Machine, event: &Value, results: &'a mut Results<'a>) -> Self {
        let execution = json!({
            "Id": "arn:aws:states:eu-west-1:000000000000:execution:holdfast-backup:run", "Input": event,
            "StartTime": "2026-11-22T14:03:18.123Z", "Name": "run"
        });
        let context = json!({"Execution": execution, "StateMachine": {"Name": "holdfast-backup"}});
        Self { machine, results, variables: Map::new(), context, visits: Vec::new() }
    }

    /// Runs the execution to its end.
    pub(crate) fn run(&mut self) -> WalkEnd {
        let input = self.context["Execution"]["Input"].clone();
        let start = self.machine.definition["StartAt"].as_str().unwrap().to_owned();
        self.from(&start, input)
    }

    fn from(&mut self, start: &str, mut input: Value) -> WalkEnd {
        let mut name = start.to_owned();
        loop {
            assert!(self.visits.len() < 5000, "the walk does not end");
            let state = self.machine.state(&name);
            let (output, next) = match self.enter(state, input) {
                Ok(result) => result,
                Err(failed) => return failed,
            };
            match next {
                Some(next) => (name, input) = (next, output),
                None => return WalkEnd::Succeeded(output),
            }
        }
    }

    fn enter(&mut self, state: &State, input: Value) -> Result<(Value, Option<String>), WalkEnd> {
        self.visits.push(Visit { state: state.name.clone(), payload: None, largest: input.to_string().len() });
        let visit = self.visits.len() - 1;
        let next = state.definition["Next"].as_str().map(str::to_owned);
        let states = json!({"input": input, "context": self.context});
        let outcome = match state.kind() {
            "Choice" => return Ok((input, Some(self.choose(state, &states)))),
            "Succeed" => return Ok((input, None)),
            "Task" => self.run_task(state, &states, visit),
            "Map" => self.run_map(state, &states),
            other => panic!("{} is a {other}, which this walk does not support", state.name),
        };
        let result = match outcome {
            Ok(result) => result,
            Err(error) => return self.catch(state, &input, error),
        };
        let states = json!({"input": input, "context": self.context, "result": result});
        let output = self.evaluate(&state.definition["Output"], &states);
        self.record_size(visit, &output);
        let assigned = state.definition["Assign"].as_object().cloned().unwrap_or_default();
        let assigned: Vec<_> =
            assigned.into_iter().map(|(name, template)| (name, self.evaluate(&template, &states))).collect();
        for (name, value) in assigned {
            self.record_size(visit, &value);
            self.variables.insert(name, value);
        }
        Ok((output, next))
    }

    fn run_task(&mut self, state: &State, states: &Value, visit: usize) -> Result<Value, (String, &'static str)> {
        let payload = self.evaluate(&state.definition["Arguments"]["Payload"], states);
        self.record_size(visit, &payload);
        let output = (self.results)(&state.name, &payload);
        self.visits[visit].payload = Some(payload);
        let output = output.map_err(|error| (state.name.clone(), error))?;
        self.visits[visit].largest = self.visits[visit].largest.max(output.to_string().len() + RESULT_OVERHEAD);
        Ok(json!({"Payload": output, "StatusCode": 200, "ExecutedVersion": "$LATEST"}))
    }

    fn run_map(&mut self, state: &State, states: &Value) -> Result<Value, (String, &'static str)> {
        let items = self.evaluate(&state.definition["Items"], states);
        let start = state.definition["ItemProcessor"]["StartAt"].as_str().unwrap();
        let mut outputs = Vec::new();
        for (index, item) in items.as_array().expect("Items is a list").iter().enumerate() {
            self.context["Map"] = json!({"Item": {"Index": index, "Value": item}});
            match self.from(start, item.clone()) {
                WalkEnd::Succeeded(output) => outputs.push(output),
                WalkEnd::Failed { state, error } => return Err((state, error)),
            }
        }
        self.context.as_object_mut().unwrap().remove("Map");
        Ok(Value::Array(outputs))
    }

    fn catch(
        &mut self,
        state: &State,
        input: &Value,
        (origin, error): (String, &'static str),
    ) -> Result<(Value, Option<String>), WalkEnd> {
        let Some(catcher) = state.rules("Catch").into_iter().find(|catcher| catcher.names(error)) else {
            return Err(WalkEnd::Failed { state: origin, error });
        };
        self.context.as_object_mut().unwrap().remove("Map");
        let states = json!({
            "input": input, "context": self.context, "errorOutput": {"Error": error, "Cause": "{}"}
        });
        let output = self.evaluate(&catcher.definition["Output"], &states);
        Ok((output, catcher.definition["Next"].as_str().map(str::to_owned)))
    }

    fn choose(&self, state: &State, states: &Value) -> String {
        let choices = state.definition["Choices"].as_array().into_iter().flatten();
        let mut next = state.definition["Default"].as_str();
        for choice in choices {
            match self.evaluate(&choice["Condition"], states) {
                Value::Bool(true) => {
                    next = choice["Next"].as_str();
                    break;
                }
                Value::Bool(false) => {}
                other => panic!("{} is {other}, not true or false", choice["Condition"]),
            }
        }
        next.unwrap_or_else(|| panic!("{} has no next state", state.name)).to_owned()
    }

    fn record_size(&mut self, visit: usize, value: &Value) {
        let visit = &mut self.visits[visit];
        visit.largest = visit.largest.max(value.to_string().len());
    }

    /// Evaluates a field, which must be one expression.
    fn evaluate(&self, template: &Value, states: &Value) -> Value {
        let text = template.as_str().unwrap_or_else(|| panic!("{template} is not an expression"));
        let expression = text.strip_prefix("{%").and_then(|rest| rest.strip_suffix("%}"));
        let expression = expression.unwrap_or_else(|| panic!("{text} is not an expression"));
        let mut context = Context::new();
        context.bind("states".to_owned(), JValue::from(states.clone()));
        for (name, value) in self.variables.iter().filter(|(name, _)| expression.contains(&format!("${name}"))) {
            context.bind(name.clone(), JValue::from(value.clone()));
        }
        let tree = parser::parse(expression.trim()).unwrap_or_else(|error| panic!("{text}: {error}"));
        let value = Evaluator::with_context(context).evaluate(&tree, &JValue::Null);
        let value = value.unwrap_or_else(|error| panic!("{text}: {error}"));
        assert!(!value.is_undefined(), "{text} has no value, which is an error on AWS");
        serde_json::from_str(&value.to_json_string().unwrap()).unwrap()
    }
}
