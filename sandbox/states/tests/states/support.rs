//! A service with a scripted runner of Tasks, and helpers that run machines on it.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use sandbox_core::{
    ports::{EventSink, TaskCall, TaskError, TaskRunner},
    store::Store,
};
use sandbox_states::{Options, States};
use serde_json::{Value, json};

pub(crate) const REGION: &str = "eu-central-1";
/// The role of every machine.
pub(crate) const ROLE: &str = "arn:aws:iam::000000000000:role/machine";

/// The answer of a Task.
#[derive(Clone)]
pub(crate) enum Answer {
    /// This value.
    Value(Value),
    /// Its arguments.
    Arguments,
    /// This error.
    Error(&'static str, &'static str),
    /// Its arguments, after a delay.
    After(Duration),
    /// No answer.
    Never,
}

type Answering = dyn Fn(&TaskCall, usize) -> Answer + Send + Sync;

/// Answers calls by a function of the call, and records them.
pub(crate) struct Script {
    answer: Box<Answering>,
    /// The action that no role may perform.
    forbidden: Option<&'static str>,
    calls: Mutex<Vec<TaskCall>>,
    now: AtomicUsize,
    /// The maximum number of concurrent calls.
    pub(crate) most: AtomicUsize,
}

impl Script {
    /// A runner; the function receives the call and the number of earlier calls.
    pub(crate) fn new(answer: impl Fn(&TaskCall, usize) -> Answer + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self::with(Box::new(answer), None))
    }

    /// A runner that answers every call with its arguments and permits everything except one action.
    pub(crate) fn forbidding(action: &'static str) -> Arc<Self> {
        Arc::new(Self::with(Box::new(|_, _| Answer::Arguments), Some(action)))
    }

    fn with(answer: Box<Answering>, forbidden: Option<&'static str>) -> Self {
        Self { answer, forbidden, calls: Mutex::default(), now: AtomicUsize::new(0), most: AtomicUsize::new(0) }
    }

    /// A runner that gives these answers in turn, then its arguments.
    pub(crate) fn answers(answers: impl IntoIterator<Item = Answer>) -> Arc<Self> {
        let answers = Mutex::new(VecDeque::from_iter(answers));
        Self::new(move |_, _| answers.lock().unwrap().pop_front().unwrap_or(Answer::Arguments))
    }

    pub(crate) fn calls(&self) -> Vec<TaskCall> {
        self.calls.lock().unwrap().clone()
    }

    /// The arguments of every call.
    pub(crate) fn arguments(&self) -> Vec<Value> {
        self.calls().into_iter().map(|call| call.arguments).collect()
    }

    /// The number of calls.
    pub(crate) fn count(&self) -> usize {
        self.calls.lock().unwrap().len()
    }
}

#[async_trait]
impl TaskRunner for Script {
    async fn run(&self, call: TaskCall) -> Result<Value, TaskError> {
        let before = {
            let mut calls = self.calls.lock().unwrap();
            calls.push(call.clone());
            calls.len() - 1
        };
        self.most.fetch_max(self.now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        let answer = match (self.answer)(&call, before) {
            Answer::Value(value) => Ok(value),
            Answer::Arguments => Ok(call.arguments),
            Answer::Error(error, cause) => Err(TaskError { error: error.to_owned(), cause: cause.to_owned() }),
            Answer::After(time) => {
                tokio::time::sleep(time).await;
                Ok(call.arguments)
            }
            Answer::Never => std::future::pending().await,
        };
        self.now.fetch_sub(1, Ordering::SeqCst);
        answer
    }

    fn permit(&self, role_arn: &str, action: &str, resource: &str) -> Result<(), TaskError> {
        if self.forbidden != Some(action) {
            return Ok(());
        }
        let cause = format!("{role_arn} may not {action} {resource}");
        Err(TaskError { error: "States.Permissions".to_owned(), cause })
    }
}

/// Records events.
#[derive(Default)]
pub(crate) struct Events(pub(crate) Mutex<Vec<Value>>);

#[async_trait]
impl EventSink for Events {
    async fn put_event(&self, envelope: Value) {
        self.0.lock().unwrap().push(envelope);
    }
}

/// A service with its store, runner and events.
pub(crate) struct Fixture {
    pub(crate) states: States,
    pub(crate) store: Arc<Store>,
    pub(crate) events: Arc<Events>,
}

impl Fixture {
    /// A service with an empty store.
    pub(crate) fn new(runner: &Arc<Script>) -> Self {
        Self::over(Arc::new(Store::in_memory().unwrap()), runner)
    }

    /// A service with shortened Waits and back-off.
    pub(crate) fn scaled(time_scale: f64, runner: &Arc<Script>) -> Self {
        Self::with(Arc::new(Store::in_memory().unwrap()), runner, Options { time_scale, ..Options::default() })
    }

    /// A service on a store.
    pub(crate) fn over(store: Arc<Store>, runner: &Arc<Script>) -> Self {
        Self::with(store, runner, Options::default())
    }

    fn with(store: Arc<Store>, runner: &Arc<Script>, options: Options) -> Self {
        let events = Arc::new(Events::default());
        let runner: Arc<dyn TaskRunner> = Arc::<Script>::clone(runner);
        let sink: Arc<dyn EventSink> = Arc::<Events>::clone(&events);
        let states = States::new(Arc::clone(&store), runner, sink, REGION, options).unwrap();
        Self { states, store, events }
    }

    /// Performs an operation that must succeed.
    pub(crate) async fn ask(&self, operation: &str, body: Value) -> Value {
        match self.states.handle(operation, body).await {
            Ok(answer) => answer,
            Err(error) => panic!("{operation} was refused: {error}"),
        }
    }

    /// Performs an operation that must fail. Returns the error's code and message.
    pub(crate) async fn refused(&self, operation: &str, body: Value) -> (String, String) {
        let error = self.states.handle(operation, body).await.expect_err("the operation should be refused");
        (error.code, error.message)
    }

    /// Creates a machine. Returns its ARN.
    pub(crate) async fn create(&self, name: &str, definition: &Value) -> String {
        let body = json!({"name": name, "definition": definition.to_string(), "roleArn": ROLE});
        text(&self.ask("CreateStateMachine", body).await["stateMachineArn"])
    }

    /// Starts an execution. Returns its ARN.
    pub(crate) async fn start(&self, machine: &str, input: &Value) -> String {
        let body = json!({"stateMachineArn": machine, "input": input.to_string()});
        text(&self.ask("StartExecution", body).await["executionArn"])
    }

    /// Waits until an execution has ended.
    pub(crate) async fn end(&self, execution: &str) -> Value {
        loop {
            let described = self.ask("DescribeExecution", json!({"executionArn": execution})).await;
            if described["status"] != "RUNNING" {
                return described;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// The complete history.
    pub(crate) async fn history(&self, execution: &str) -> Vec<Value> {
        let body = json!({"executionArn": execution, "maxResults": 1000});
        self.ask("GetExecutionHistory", body).await["events"].as_array().unwrap().clone()
    }

    /// Redrives an execution and waits for its next end.
    pub(crate) async fn redrive(&self, ended: &Ended) -> Ended {
        let arn = text(&ended.described["executionArn"]);
        self.ask("RedriveExecution", json!({"executionArn": arn})).await;
        let described = self.end(&arn).await;
        Ended { history: self.history(&arn).await, described }
    }

    /// Runs a machine to its end.
    pub(crate) async fn run(&self, definition: &Value, input: &Value) -> Ended {
        let machine = self.create("machine", definition).await;
        let arn = self.start(&machine, input).await;
        let described = self.end(&arn).await;
        let history = self.history(&arn).await;
        Ended { described, history }
    }
}

/// An execution that has ended.
pub(crate) struct Ended {
    pub(crate) described: Value,
    pub(crate) history: Vec<Value>,
}

impl Ended {
    pub(crate) fn status(&self) -> &str {
        self.described["status"].as_str().unwrap()
    }

    /// The output as a value.
    pub(crate) fn output(&self) -> Value {
        assert_eq!(self.status(), "SUCCEEDED", "{}", self.described);
        serde_json::from_str(self.described["output"].as_str().unwrap()).unwrap()
    }

    pub(crate) fn error(&self) -> &str {
        self.described["error"].as_str().unwrap_or_default()
    }

    pub(crate) fn cause(&self) -> &str {
        self.described["cause"].as_str().unwrap_or_default()
    }

    /// The types of the events.
    pub(crate) fn types(&self) -> Vec<&str> {
        self.history.iter().map(|event| event["type"].as_str().unwrap()).collect()
    }

    /// The events of one type.
    pub(crate) fn of(&self, kind: &str) -> Vec<&Value> {
        self.history.iter().filter(|event| event["type"] == kind).collect()
    }
}

/// Runs a machine whose Tasks give these answers in turn.
pub(crate) async fn run(definition: &Value, input: &Value, answers: impl IntoIterator<Item = Answer>) -> Ended {
    Fixture::new(&Script::answers(answers)).run(definition, input).await
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// A machine with these states.
pub(crate) fn machine(start: &str, states: Value) -> Value {
    json!({"QueryLanguage": "JSONata", "StartAt": start, "States": states})
}

/// A Task that invokes a function, with additional fields.
pub(crate) fn task(more: Value) -> Value {
    let mut task = json!({
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {"FunctionName": "f", "Payload": "{% $states.input %}"},
    });
    task.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    task
}
