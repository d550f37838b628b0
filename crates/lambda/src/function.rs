//! A function as the state machine sees it: JSON in, JSON or a named error out.

use std::{fmt::Display, future::Future, panic::AssertUnwindSafe};

use futures::FutureExt;
use holdfast_core::{ErrorName, Named, event::parse, payload::Payload};
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde::Serialize;
use serde_json::{Value, value::RawValue};
use tracing::Instrument;

use crate::{Aws, ConfigError, Deadline, Environment};

/// One of the six functions.
pub trait Function: Sized + Send + Sync + 'static {
    /// Its name, which is its crate's.
    const NAME: &'static str;
    /// The variables that its configuration reads, as `template.yaml` sets them.
    const ENVIRONMENT: &'static [&'static str];
    /// The errors it can raise. A contract test holds the state machine to them.
    const RAISES: &'static [ErrorName];
    /// What it is asked.
    type Input: Payload + Send;
    /// What it answers.
    type Output: Serialize;
    /// How it fails.
    type Error: Named;

    /// Builds it, once for each process: reads the configuration and makes the clients.
    fn new(environment: &Environment, aws: Aws) -> Result<Self, ConfigError>;

    /// Does its work.
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
    /// The error's name, which Retry and Catch match.
    pub error_type: ErrorName,
    /// What happened, and what to do.
    pub error_message: String,
}

impl Report {
    fn new(name: ErrorName, message: impl Display) -> Self {
        Self { error_type: name, error_message: message.to_string() }
    }
}

/// Answers one payload, JSON text. A function that could not be configured answers every payload with `Config.Invalid`: so the
/// reason stands in the execution that failed, not only in a log.
pub async fn respond<F: Function>(
    function: &Result<F, ConfigError>,
    payload: &[u8],
    deadline: Deadline,
) -> Result<Value, Report> {
    let function = function.as_ref().map_err(|error| Report::new(ErrorName::ConfigInvalid, error))?;
    let input = parse(payload)
        .and_then(|json| F::Input::read(&json))
        .map_err(|error| Report::new(ErrorName::InputInvalid, error))?;
    // A panic is a defect, but it must not reach the state machine under a name that nobody knows.
    // Boxed, because the type of a call that nests several requests of the SDK is too deep for the compiler otherwise.
    let outcome = AssertUnwindSafe(Box::pin(function.call(input, deadline))).catch_unwind().await;
    let output = outcome
        .map_err(|_| Report::new(ErrorName::Internal, format!("{} panicked; its log says where", F::NAME)))?
        .map_err(|error| Report::new(error.name(), &error))?;
    serde_json::to_value(output).map_err(|error| Report::new(ErrorName::Internal, error))
}

/// Runs the function under the Lambda Runtime API: all that a function's `main` does.
pub async fn serve<F: Function>() -> Result<(), lambda_runtime::Error> {
    start_tracing();
    let environment = Environment::of_process();
    let function = F::new(&environment, Aws::from_environment(&environment));
    if let Err(error) = &function {
        tracing::error!(%error, function = F::NAME, "the configuration is not usable");
    }
    let function = &function;
    // Raw, because what the runtime itself cannot read it reports under a name that the state machine does not know.
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Box<RawValue>>| {
        let span = tracing::info_span!("invocation", function = F::NAME, request_id = %event.context.request_id);
        async move {
            let deadline = Deadline::at_epoch_ms(event.context.deadline);
            respond(function, event.payload.get().as_bytes(), deadline).await.map_err(|report| {
                tracing::error!(error = %report.error_type, cause = %report.error_message, "failed");
                Diagnostic { error_type: report.error_type.to_string(), error_message: report.error_message }
            })
        }
        .instrument(span)
    }))
    .await
}

fn start_tracing() {
    use tracing_subscriber::{EnvFilter, fmt};

    let level = std::env::var("AWS_LAMBDA_LOG_LEVEL").unwrap_or_default();
    let filter = EnvFilter::builder().parse_lossy(if level.is_empty() { "info" } else { &level });
    // CloudWatch stamps every line with the time; a second time would only cost.
    fmt().json().with_env_filter(filter).without_time().with_current_span(true).init();
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use holdfast_core::{
        Failure,
        event::{InvalidInput, decode},
    };
    use serde_json::json;

    use super::*;

    struct Number(u8);

    impl Payload for Number {
        fn read(json: &Value) -> Result<Self, InvalidInput> {
            decode(json).map(Self)
        }
    }

    /// Answers its input, panics at 13, and fails at 14.
    struct Echo;

    impl Function for Echo {
        const NAME: &'static str = "echo";
        const ENVIRONMENT: &'static [&'static str] = &[];
        const RAISES: &'static [ErrorName] = &[ErrorName::SourceGone];
        type Input = Number;
        type Output = u8;
        type Error = Failure;

        fn new(_environment: &Environment, _aws: Aws) -> Result<Self, ConfigError> {
            Ok(Self)
        }

        async fn call(&self, Number(input): Number, _deadline: Deadline) -> Result<u8, Failure> {
            assert_ne!(input, 13, "an unlucky number");
            if input == 14 { Err(Failure::new(ErrorName::SourceGone, "it is gone")) } else { Ok(input) }
        }
    }

    async fn answer(function: Result<Echo, ConfigError>, payload: &str) -> Result<Value, (ErrorName, String)> {
        let deadline = Deadline::after(Duration::from_mins(1));
        let answer = respond(&function, payload.as_bytes(), deadline).await;
        answer.map_err(|report| (report.error_type, report.error_message))
    }

    #[tokio::test]
    async fn whatever_goes_wrong_reaches_the_state_machine_under_a_name_that_it_knows() {
        assert_eq!(answer(Ok(Echo), "1").await, Ok(json!(1)));
        let gone = (ErrorName::SourceGone, "it is gone".to_owned());
        assert_eq!(answer(Ok(Echo), "14").await, Err(gone));
        let panicked = (ErrorName::Internal, "echo panicked; its log says where".to_owned());
        assert_eq!(answer(Ok(Echo), "13").await, Err(panicked));
        for malformed in ["\"x\"", "{", "1 2", "\"\\ud800\"", &"[".repeat(200)] {
            let answered = answer(Ok(Echo), malformed).await.map_err(|(name, _)| name);
            assert_eq!(answered, Err(ErrorName::InputInvalid), "{malformed}");
        }
        let problem = ConfigError { variable: "SIZE", problem: "is missing".to_owned(), expected: "a number" };
        let sentence = "environment variable SIZE is missing; set it to a number".to_owned();
        assert_eq!(answer(Err(problem), "1").await, Err((ErrorName::ConfigInvalid, sentence)));
    }

    #[test]
    fn the_runtime_hands_on_what_it_cannot_read_itself() -> Result<(), Box<dyn std::error::Error>> {
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
    fn a_report_reads_as_lambda_reports_errors() {
        let report = serde_json::to_value(Report::new(ErrorName::SourceGone, "it is gone")).ok();
        assert_eq!(report, Some(json!({"errorType": "Source.Gone", "errorMessage": "it is gone"})));
    }
}
