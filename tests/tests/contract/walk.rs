//! Walks through the state machine's JSONata with answers that a test gives in place of the functions, and writes down
//! what every state takes and gives. It knows no time, no retriers and no concurrency: the sandbox's engine does.

use jsonata_core::{
    evaluator::{Context, Evaluator},
    parser,
    value::JValue,
};
use serde_json::{Map, Value, json};

use crate::machine::{Machine, State};

/// What a function answers in a state, told by the state's name and the payload: a value, or an error's name.
pub(crate) type Answers<'a> = dyn FnMut(&str, &Value) -> Result<Value, &'static str> + 'a;

/// One state that was entered.
pub(crate) struct Visit {
    pub(crate) state: String,
    /// What the function was sent, for a Task.
    pub(crate) payload: Option<Value>,
    /// The largest of input, arguments, result, output and assigned variables, in bytes of JSON.
    pub(crate) largest: usize,
}

/// How an execution ended.
#[derive(Debug, PartialEq)]
pub(crate) enum End {
    Succeeded(Value),
    Failed { state: String, error: &'static str },
}

/// An execution that runs.
pub(crate) struct Walk<'a> {
    machine: &'a Machine,
    answers: &'a mut Answers<'a>,
    variables: Map<String, Value>,
    context: Value,
    pub(crate) visits: Vec<Visit>,
}

/// What the service adds to a payload when it writes a result into the history: status, headers, version.
const RESULT_OVERHEAD: usize = 4096;

impl<'a> Walk<'a> {
    /// An execution that was started with this event.
    pub(crate) fn new(machine: &'a Machine, event: &Value, answers: &'a mut Answers<'a>) -> Self {
        let execution = json!({
            "Id": "arn:aws:states:eu-west-1:000000000000:execution:holdfast-backup:run", "Input": event,
            "StartTime": "2026-11-22T14:03:18.123Z", "Name": "run"
        });
        let context = json!({"Execution": execution, "StateMachine": {"Name": "holdfast-backup"}});
        Self { machine, answers, variables: Map::new(), context, visits: Vec::new() }
    }

    /// Runs to the end.
    pub(crate) fn run(&mut self) -> End {
        let input = self.context["Execution"]["Input"].clone();
        let start = self.machine.definition["StartAt"].as_str().unwrap().to_owned();
        self.from(&start, input)
    }

    fn from(&mut self, start: &str, mut input: Value) -> End {
        let mut name = start.to_owned();
        loop {
            assert!(self.visits.len() < 5000, "the walk does not end");
            let state = self.machine.state(&name);
            let (output, next) = match self.enter(state, input) {
                Ok(left) => left,
                Err(failed) => return failed,
            };
            match next {
                Some(next) => (name, input) = (next, output),
                None => return End::Succeeded(output),
            }
        }
    }

    fn enter(&mut self, state: &State, input: Value) -> Result<(Value, Option<String>), End> {
        self.visits.push(Visit { state: state.name.clone(), payload: None, largest: input.to_string().len() });
        let visit = self.visits.len() - 1;
        let next = state.definition["Next"].as_str().map(str::to_owned);
        let states = json!({"input": input, "context": self.context});
        let outcome = match state.kind() {
            "Choice" => return Ok((input, Some(self.chosen(state, &states)))),
            "Succeed" => return Ok((input, None)),
            "Task" => self.invoked(state, &states, visit),
            "Map" => self.iterated(state, &states),
            other => panic!("{} is a {other}, which this walk does not know", state.name),
        };
        let result = match outcome {
            Ok(result) => result,
            Err(error) => return self.caught(state, &input, error),
        };
        let states = json!({"input": input, "context": self.context, "result": result});
        let output = self.filled(&state.definition["Output"], &states);
        self.weigh(visit, &output);
        let assigned = state.definition["Assign"].as_object().cloned().unwrap_or_default();
        let assigned: Vec<_> =
            assigned.into_iter().map(|(name, template)| (name, self.filled(&template, &states))).collect();
        for (name, value) in assigned {
            self.weigh(visit, &value);
            self.variables.insert(name, value);
        }
        Ok((output, next))
    }

    fn invoked(&mut self, state: &State, states: &Value, visit: usize) -> Result<Value, (String, &'static str)> {
        let payload = self.filled(&state.definition["Arguments"]["Payload"], states);
        self.weigh(visit, &payload);
        let answer = (self.answers)(&state.name, &payload);
        self.visits[visit].payload = Some(payload);
        let answer = answer.map_err(|error| (state.name.clone(), error))?;
        self.visits[visit].largest = self.visits[visit].largest.max(answer.to_string().len() + RESULT_OVERHEAD);
        Ok(json!({"Payload": answer, "StatusCode": 200, "ExecutedVersion": "$LATEST"}))
    }

    fn iterated(&mut self, state: &State, states: &Value) -> Result<Value, (String, &'static str)> {
        let items = self.filled(&state.definition["Items"], states);
        let start = state.definition["ItemProcessor"]["StartAt"].as_str().unwrap();
        let mut results = Vec::new();
        for (index, item) in items.as_array().expect("Items is a list").iter().enumerate() {
            self.context["Map"] = json!({"Item": {"Index": index, "Value": item}});
            match self.from(start, item.clone()) {
                End::Succeeded(output) => results.push(output),
                End::Failed { state, error } => return Err((state, error)),
            }
        }
        self.context.as_object_mut().unwrap().remove("Map");
        Ok(Value::Array(results))
    }

    fn caught(
        &mut self,
        state: &State,
        input: &Value,
        (origin, error): (String, &'static str),
    ) -> Result<(Value, Option<String>), End> {
        let Some(catcher) = state.rules("Catch").into_iter().find(|catcher| catcher.names(error)) else {
            return Err(End::Failed { state: origin, error });
        };
        self.context.as_object_mut().unwrap().remove("Map");
        let states = json!({
            "input": input, "context": self.context, "errorOutput": {"Error": error, "Cause": "{}"}
        });
        let output = self.filled(&catcher.definition["Output"], &states);
        Ok((output, catcher.definition["Next"].as_str().map(str::to_owned)))
    }

    fn chosen(&self, state: &State, states: &Value) -> String {
        let choices = state.definition["Choices"].as_array().into_iter().flatten();
        let mut next = state.definition["Default"].as_str();
        for choice in choices {
            match self.filled(&choice["Condition"], states) {
                Value::Bool(true) => {
                    next = choice["Next"].as_str();
                    break;
                }
                Value::Bool(false) => {}
                other => panic!("{} answers {other} where true or false is needed", choice["Condition"]),
            }
        }
        next.unwrap_or_else(|| panic!("{} leads nowhere", state.name)).to_owned()
    }

    fn weigh(&mut self, visit: usize, value: &Value) {
        let visit = &mut self.visits[visit];
        visit.largest = visit.largest.max(value.to_string().len());
    }

    /// The value of a field that is one expression.
    fn filled(&self, template: &Value, states: &Value) -> Value {
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
        assert!(!value.is_undefined(), "{text} answers nothing, which AWS takes for an error");
        serde_json::from_str(&value.to_json_string().unwrap()).unwrap()
    }
}
