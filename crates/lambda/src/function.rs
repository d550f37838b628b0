//! A function as the state machine sees it: JSON in, JSON or a named error out.

use std::{future::Future, panic::AssertUnwindSafe};

use futures::FutureExt;
use holdfast_core::{ErrorName, Fact, Recovery, event::parse, failure, payload::Payload};
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde::Serialize;
use serde_json::{Value, value::RawValue};
use tracing::Instrument;

use crate::{Aws, ConfigError, Deadline, Environment};

/// One of the six functions.
pub trait Function: Sized + Send + Sync + 'static {
    /// The name of the function, which is also the name of its crate.
    const NAME: &'static str;
    /// The environment variables that the configuration reads. `template.yaml` sets them.
    const ENVIRONMENT: &'static [&'static str];
    /// The errors that the function can raise. A contract test compares them with the state machine.
    const RAISES: &'static [ErrorName];
    /// The payload.
    type Input: Payload + Send;
    /// The result.
    type Output: Serialize;
    /// The facts that make the function fail.
    type Error: Fact;

    /// Reads the configuration and makes the clients, once for each process.
    fn new(environment: &Environment, aws: Aws) -> Result<Self, ConfigError>;

    /// Processes one payload.
    fn call(
        &self,
        input: Self::Input,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Self::Output, Self::Error>> + Send;
}

/// A failure as Lambda reports it to Step Functions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The name of the error, which Retry and Catch match.
    pub error_type: ErrorName,
    /// What happened, and what to do about it.
    pub error_message: String,
}

impl Report {
    /// The report of a fact. It is also the only entry in the log about this failure: a warning if the state machine
    /// recovers by itself, otherwise an error.
    fn of(fact: &dyn Fact) -> Self {
        let (name, remedy) = (fact.name(), fact.remedy());
        match name.recovery() {
            Recovery::Retry | Recovery::Replan => {
                tracing::warn!(error = %name, fact = %fact, remedy = %remedy, "the function failed");
            }
            Recovery::Redrive => {
                tracing::error!(error = %name, fact = %fact, remedy = %remedy, "the function failed");
            }
        }
        Self { error_type: name, error_message: failure::report(fact) }
    }
}

/// A defect of the function.
#[derive(Debug, thiserror::Error)]
enum Defect {
    #[error("The function {function} panicked. Its log has the location.")]
    Panic { function: &'static str },
    #[error("The result cannot be written as JSON: {0}.")]
    Result(#[from] serde_json::Error),
}

impl Fact for Defect {
    fn name(&self) -> ErrorName {
        ErrorName::Internal
    }
}

/// Processes one payload, which is JSON text. A function with an invalid configuration answers every payload with
/// `Config.Invalid`, so that the reason is visible in the failed execution and not only in a log.
pub async fn respond<F: Function>(
    function: &Result<F, ConfigError>,
    payload: &[u8],
    deadline: Deadline,
) -> Result<Value, Report> {
    let function = function.as_ref().map_err(|error| Report::of(error))?;
    let input = parse(payload).and_then(|json| F::Input::read(&json)).map_err(|error| Report::of(&error))?;
    // A panic is a defect, but it must not reach the state machine under a name that the state machine does not know.
    // Boxed, because the type of a call that nests several requests of the SDK is too deep for the compiler otherwise.
    let outcome = AssertUnwindSafe(Box::pin(function.call(input, deadline))).catch_unwind().await;
    let output =
        outcome.map_err(|_| Report::of(&Defect::Panic { function: F::NAME }))?.map_err(|error| Report::of(&error))?;
    serde_json::to_value(output).map_err(|error| Report::of(&Defect::Result(error)))
}

/// Runs the function under the Lambda Runtime API. A function's `main` does nothing else.
pub async fn serve<F: Function>() -> Result<(), lambda_runtime::Error> {
    start_tracing();
    let environment = Environment::of_process();
    let function = F::new(&environment, Aws::from_environment(&environment));
    let function = &function;
    // Raw, because the runtime reports a payload that it cannot decode under a name that the state machine does not
    // know.
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Box<RawValue>>| {
        let span = tracing::info_span!("invocation", function = F::NAME, request_id = %event.context.request_id);
        async move {
            let deadline = Deadline::at_epoch_ms(event.context.deadline);
            respond(function, event.payload.get().as_bytes(), deadline).await.map_err(|report| Diagnostic {
                error_type: report.error_type.to_string(),
                error_message: report.error_message,
            })
        }
        .instrument(span)
    }))
    .await
}

/// What the runtime logs about every failed invocation: a second entry, in the form of a Rust value.
const ENTRY_OF_THE_RUNTIME: &str = "lambda_runtime::layers::panic=off";

fn start_tracing() {
    use tracing_subscriber::{EnvFilter, fmt};

    let level = std::env::var("AWS_LAMBDA_LOG_LEVEL").unwrap_or_default();
    let level = if level.is_empty() { "info" } else { &level };
    let filter = EnvFilter::builder().parse_lossy(format!("{level},{ENTRY_OF_THE_RUNTIME}"));
    // CloudWatch adds the time to every line.
    fmt().json().with_env_filter(filter).without_time().with_current_span(true).init();
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
        time::Duration,
    };

    use holdfast_core::event::{InvalidInput, decode};
    use serde_json::json;

    use super::*;

    struct Number(u8);

    impl Payload for Number {
        fn read(json: &Value) -> Result<Self, InvalidInput> {
            decode(json).map(Self)
        }
    }

    #[derive(Debug, thiserror::Error)]
    enum Problem {
        #[error("The topic is missing")]
        Missing,
        #[error("S3 is busy")]
        Busy,
    }

    impl Fact for Problem {
        fn name(&self) -> ErrorName {
            match self {
                Self::Missing => ErrorName::TopicNotFound,
                Self::Busy => ErrorName::S3Throttled,
            }
        }
    }

    /// Returns its input, panics at 13, and fails at 14 and 15.
    struct Echo;

    impl Function for Echo {
        const NAME: &'static str = "echo";
        const ENVIRONMENT: &'static [&'static str] = &[];
        const RAISES: &'static [ErrorName] = &[ErrorName::TopicNotFound, ErrorName::S3Throttled];
        type Input = Number;
        type Output = u8;
        type Error = Problem;

        fn new(_environment: &Environment, _aws: Aws) -> Result<Self, ConfigError> {
            Ok(Self)
        }

        async fn call(&self, Number(input): Number, _deadline: Deadline) -> Result<u8, Problem> {
            assert_ne!(input, 13, "an unlucky number");
            match input {
                14 => Err(Problem::Missing),
                15 => Err(Problem::Busy),
                _ => Ok(input),
            }
        }
    }

    async fn answer(function: Result<Echo, ConfigError>, payload: &str) -> Result<Value, (ErrorName, String)> {
        let deadline = Deadline::after(Duration::from_mins(1));
        let answer = respond(&function, payload.as_bytes(), deadline).await;
        answer.map_err(|report| (report.error_type, report.error_message))
    }

    #[tokio::test]
    async fn every_failure_has_a_known_name_and_a_report_with_fact_and_remedy_once() {
        assert_eq!(answer(Ok(Echo), "1").await, Ok(json!(1)));
        let missing = "The topic is missing. Create the topic, or correct SNS_TOPIC_ARN. Then redrive.";
        assert_eq!(answer(Ok(Echo), "14").await, Err((ErrorName::TopicNotFound, missing.to_owned())));
        let panicked = "The function echo panicked. Its log has the location. This is a defect of Holdfast. Please report it \
                        with this message; a redrive is safe.";
        assert_eq!(answer(Ok(Echo), "13").await, Err((ErrorName::Internal, panicked.to_owned())));
        for malformed in ["\"x\"", "{", "1 2", "\"\\ud800\"", &"[".repeat(200)] {
            let answered = answer(Ok(Echo), malformed).await;
            let (name, message) = answered.err().unwrap_or((ErrorName::Internal, String::new()));
            assert_eq!(name, ErrorName::InputInvalid, "{malformed}");
            assert!(
                message.ends_with("Send a corrected event. A redrive has the same input and fails again."),
                "{message}"
            );
        }
        let problem = ConfigError { variable: "SIZE", problem: "is missing".to_owned(), expected: "a number" };
        let sentence =
            "The environment variable SIZE is missing. Set SIZE to a number, deploy, then redrive.".to_owned();
        assert_eq!(answer(Err(problem), "1").await, Err((ErrorName::ConfigInvalid, sentence)));
    }

    /// A log in memory.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().map_err(|_| io::ErrorKind::Other)?.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_failure_has_one_log_entry_with_its_fields() -> Result<(), Box<dyn std::error::Error>> {
        for (input, level, error, fact) in
            [("14", "ERROR", "Topic.NotFound", "The topic is missing"), ("15", "WARN", "S3.Throttled", "S3 is busy")]
        {
            let log = Log::default();
            let writer = log.clone();
            let subscriber = tracing_subscriber::fmt().json().with_writer(move || writer.clone()).finish();
            let guard = tracing::subscriber::set_default(subscriber);
            let report = answer(Ok(Echo), input).await;
            drop(guard);
            let text = String::from_utf8(log.0.lock().map_err(|error| error.to_string())?.clone())?;
            let entry: Value = serde_json::from_str(&text)?;
            assert_eq!((&entry["level"], &entry["fields"]["error"]), (&json!(level), &json!(error)), "{text}");
            assert_eq!(entry["fields"]["fact"], fact, "{text}");
            let remedy = entry["fields"]["remedy"].as_str().unwrap_or_default();
            assert!(report.err().is_some_and(|(_, message)| message.ends_with(remedy)), "{text}");
        }
        Ok(())
    }

    #[test]
    fn the_runtime_passes_payloads_that_it_cannot_read_itself() -> Result<(), Box<dyn std::error::Error>> {
        for text in ["{\"a\": \"\\ud800\"}", "{\"a\": 1e999}", &format!("{}{}", "[".repeat(200), "]".repeat(200))] {
            // As lambda_runtime 1.5 decodes an invocation.
            let mut json = serde_json::Deserializer::from_slice(text.as_bytes());
            let raw: Box<RawValue> = serde_path_to_error::deserialize(&mut json)?;
            assert_eq!(raw.get(), text);
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
        Ok(())
    }

    #[test]
    fn a_report_has_the_form_of_an_error_of_lambda() {
        let report = Report { error_type: ErrorName::SourceGone, error_message: "it is gone".to_owned() };
        let expected = json!({"errorType": "Source.Gone", "errorMessage": "it is gone"});
        assert_eq!(serde_json::to_value(report).ok(), Some(expected));
    }
}
