//! A function's configuration: the template's values, the changes by `UpdateFunctionConfiguration`, and the API's
//! format.

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;
use serde_json::{Value, json};
use time::{OffsetDateTime, macros::format_description};
use uuid::Uuid;

use sandbox_core::{faults::Names, identity::Identity, ports::ApiError};
use sandbox_template::Function;

/// The current configuration of a function. Each change starts a new generation; workers of an older one are not
/// reused.
#[derive(Debug, Clone)]
pub(super) struct Configuration {
    pub(super) function: Function,
    pub(super) generation: u64,
    modified: OffsetDateTime,
    revision: Uuid,
}

/// The supported fields of `UpdateFunctionConfiguration`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Update {
    environment: Option<Environment>,
    timeout: Option<u32>,
    memory_size: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Environment {
    #[serde(default)]
    variables: BTreeMap<String, String>,
}

impl Configuration {
    pub(super) fn new(function: Function) -> Self {
        Self { function, generation: 0, modified: OffsetDateTime::now_utc(), revision: Uuid::new_v4() }
    }

    pub(super) fn names(&self) -> Names<'_> {
        Names { name: &self.function.name, crate_name: &self.function.crate_name }
    }

    pub(super) fn timeout(&self) -> Duration {
        Duration::from_secs(self.function.timeout_seconds.into())
    }

    /// Applies a change, unless a value is outside Lambda's limits.
    pub(super) fn update(&mut self, update: Update) -> Result<(), ApiError> {
        let refused = |message: String| ApiError::new("InvalidParameterValueException", message);
        if let Some(seconds) = update.timeout.filter(|seconds| !(1..=900).contains(seconds)) {
            return Err(refused(format!("Timeout {seconds} is outside of 1 to 900 seconds")));
        }
        if let Some(mib) = update.memory_size.filter(|mib| !(128..=10_240).contains(mib)) {
            return Err(refused(format!("MemorySize {mib} is outside of 128 to 10240 MB")));
        }
        self.function.timeout_seconds = update.timeout.unwrap_or(self.function.timeout_seconds);
        self.function.memory_mib = update.memory_size.unwrap_or(self.function.memory_mib);
        if let Some(environment) = update.environment {
            self.function.environment = environment.variables;
        }
        self.generation += 1;
        self.modified = OffsetDateTime::now_utc();
        self.revision = Uuid::new_v4();
        Ok(())
    }

    /// The environment of a worker: the function's own variables, and those that Lambda sets for every function.
    pub(super) fn worker_environment(
        &self,
        identity: &Identity,
        region: &str,
        endpoint_url: &str,
        path: &str,
    ) -> BTreeMap<String, String> {
        let function = &self.function;
        let stream = format!("{}/[$LATEST]{}", self.modified.date(), self.revision.simple());
        let mut environment = function.environment.clone();
        environment.extend(
            [
                ("AWS_ACCESS_KEY_ID", identity.access_key_id.as_str()),
                ("AWS_SECRET_ACCESS_KEY", &identity.secret_access_key),
                ("AWS_REGION", region),
                ("AWS_DEFAULT_REGION", region),
                ("AWS_ENDPOINT_URL", endpoint_url),
                ("AWS_EXECUTION_ENV", &format!("AWS_Lambda_{}", function.runtime)),
                ("AWS_LAMBDA_FUNCTION_NAME", &function.name),
                ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
                ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &function.memory_mib.to_string()),
                ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
                ("AWS_LAMBDA_LOG_FORMAT", &function.logging.format),
                ("AWS_LAMBDA_LOG_GROUP_NAME", &function.logging.group),
                ("AWS_LAMBDA_LOG_STREAM_NAME", &stream),
                ("_HANDLER", &function.handler),
                ("PATH", path),
                ("LANG", "en_US.UTF-8"),
                ("TZ", ":UTC"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        let level = function.logging.level.clone();
        environment.extend(level.map(|level| ("AWS_LAMBDA_LOG_LEVEL".to_owned(), level)));
        environment
    }

    /// The format of the API.
    pub(super) fn shown(&self) -> Value {
        let function = &self.function;
        let form = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]+0000");
        json!({
            "FunctionName": function.name,
            "FunctionArn": function.arn,
            "Runtime": function.runtime,
            "Role": function.role_arn,
            "Handler": function.handler,
            "CodeSize": 0,
            "Description": "",
            "Timeout": function.timeout_seconds,
            "MemorySize": function.memory_mib,
            "LastModified": self.modified.format(&form).unwrap_or_default(),
            "Version": "$LATEST",
            "Environment": { "Variables": function.environment },
            "TracingConfig": { "Mode": "PassThrough" },
            "RevisionId": self.revision.to_string(),
            "State": "Active",
            "LastUpdateStatus": "Successful",
            "PackageType": "Zip",
            "Architectures": [function.architecture],
        })
    }
}
