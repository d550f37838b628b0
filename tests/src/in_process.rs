//! The six functions in the process of the test: the same handlers as in the binaries.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig};
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use bytes::Bytes;
use checksum_verify::ChecksumVerify;
use complete_multipart::CompleteMultipart;
use copy_part::CopyPart;
use cross_region_replicate::CrossRegionReplicate;
use holdfast_lambda::{Aws, ConfigError, Deadline, Environment, Function, VerifyMode, respond};
use notify::Notify;
use sandbox::{Handler, HandlerSet, ports::Invocation};
use serde_json::{Map, Value, json};
use validate::Validate;

use crate::simulated_reads::{InjectedErrors, SimulatedVerify};

/// The SDK's first back-off. A longer one has no use: nothing recovers in a sandbox meanwhile.
const INITIAL_BACKOFF: Duration = Duration::from_millis(5);

/// Whether the response to CompleteMultipartUpload has a checksum.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CompletionChecksum {
    /// It has the CRC64NVME that the store computed, as S3's response.
    #[default]
    Reported,
    /// It has none, as the responses of some S3-compatible stores.
    Missing,
}

/// How checksum-verify reads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ReadMode {
    /// It reads every byte.
    #[default]
    Real,
    /// It waits as long as AWS would need, and reads nothing: see [`simulated_reads`](crate::simulated_reads).
    SimulatedZeros {
        /// The errors that each invocation for a slice raises before it succeeds.
        errors: Vec<String>,
    },
}

/// Creates handlers that share one HTTP client.
#[derive(Debug)]
pub struct InProcess {
    base: SdkConfig,
    completion_checksum: CompletionChecksum,
    /// The errors of simulated reads; absent if checksum-verify reads every byte.
    simulated: Option<Arc<InjectedErrors>>,
}

impl InProcess {
    /// Uses plain HTTP: a sandbox on the loopback interface has no TLS.
    pub async fn new() -> Self {
        let http = aws_smithy_http_client::Builder::new().build_http();
        Self {
            completion_checksum: CompletionChecksum::default(),
            simulated: None,
            base: aws_config::defaults(BehaviorVersion::latest())
                .http_client(http)
                .retry_config(RetryConfig::standard().with_initial_backoff(INITIAL_BACKOFF))
                .empty_test_environment()
                .load()
                .await,
        }
    }

    /// Sets whether the response to CompleteMultipartUpload has a checksum.
    #[must_use]
    pub fn with_completion_checksum(self, completion_checksum: CompletionChecksum) -> Self {
        Self { completion_checksum, ..self }
    }

    /// Sets how checksum-verify reads.
    #[must_use]
    pub fn with_read_mode(self, read_mode: ReadMode) -> Self {
        let simulated = match read_mode {
            ReadMode::Real => None,
            ReadMode::SimulatedZeros { errors } => Some(Arc::new(InjectedErrors::new(errors))),
        };
        Self { simulated, ..self }
    }

    /// The configuration of a client for this endpoint and access key.
    pub fn config(&self, endpoint: &str, region: &str, access_key_id: &str, secret_access_key: &str) -> SdkConfig {
        let credentials = Credentials::new(access_key_id, secret_access_key, None, None, "sandbox");
        self.base
            .to_builder()
            .endpoint_url(endpoint)
            .region(Region::new(region.to_owned()))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build()
    }

    fn handler_for<F: Function>(&self, environment: &BTreeMap<String, String>) -> Arc<dyn Handler> {
        let variable = |name: &str| environment.get(name).map(String::as_str).unwrap_or_default();
        let config = self.config(
            variable("AWS_ENDPOINT_URL"),
            variable("AWS_REGION"),
            variable("AWS_ACCESS_KEY_ID"),
            variable("AWS_SECRET_ACCESS_KEY"),
        );
        let environment: Environment = environment.clone().into_iter().collect();
        Arc::new(FunctionHandler(F::new(&environment, Aws::new(config))))
    }

    fn simulated_verify(
        &self,
        environment: &BTreeMap<String, String>,
        errors: Arc<InjectedErrors>,
    ) -> Result<Arc<dyn Handler>, ConfigError> {
        let mode = VerifyMode::of(&environment.clone().into_iter().collect())?;
        let mut environment = environment.clone();
        environment.remove(VerifyMode::VARIABLE);
        Ok(Arc::new(SimulatedVerify { errors, mode, function: self.handler_for::<ChecksumVerify>(&environment) }))
    }
}

impl HandlerSet for InProcess {
    fn handler(&self, function: &str, environment: &BTreeMap<String, String>) -> Result<Arc<dyn Handler>, String> {
        match function {
            Validate::NAME => Ok(self.handler_for::<Validate>(environment)),
            CopyPart::NAME => Ok(self.handler_for::<CopyPart>(environment)),
            CompleteMultipart::NAME if self.completion_checksum == CompletionChecksum::Missing => {
                Ok(Arc::new(WithoutChecksum(self.handler_for::<CompleteMultipart>(environment))))
            }
            CompleteMultipart::NAME => Ok(self.handler_for::<CompleteMultipart>(environment)),
            ChecksumVerify::NAME => match &self.simulated {
                None => Ok(self.handler_for::<ChecksumVerify>(environment)),
                Some(errors) => {
                    self.simulated_verify(environment, Arc::clone(errors)).map_err(|error| error.to_string())
                }
            },
            CrossRegionReplicate::NAME => Ok(self.handler_for::<CrossRegionReplicate>(environment)),
            Notify::NAME => Ok(self.handler_for::<Notify>(environment)),
            other => Err(format!("there is no function {other:?}")),
        }
    }
}

/// A handler that runs a function in this process.
struct FunctionHandler<F>(Result<F, ConfigError>);

#[async_trait]
impl<F: Function> Handler for FunctionHandler<F> {
    async fn call(&self, payload: Bytes, deadline: SystemTime) -> Invocation {
        let left = deadline.duration_since(SystemTime::now()).unwrap_or(Duration::ZERO);
        match respond(&self.0, &payload, Deadline::after(left)).await {
            Ok(output) => Invocation::Answered(output.to_string().into()),
            Err(report) => Invocation::Failed(json!(report).to_string().into()),
        }
    }
}

/// Runs complete-multipart and removes the checksum from its output.
struct WithoutChecksum(Arc<dyn Handler>);

#[async_trait]
impl Handler for WithoutChecksum {
    async fn call(&self, payload: Bytes, deadline: SystemTime) -> Invocation {
        let outcome = self.0.call(payload, deadline).await;
        let Invocation::Answered(output) = &outcome else { return outcome };
        match serde_json::from_slice::<Map<String, Value>>(output) {
            Ok(mut stored) => {
                stored.remove("crc64nvme");
                Invocation::Answered(Value::Object(stored).to_string().into())
            }
            Err(_) => outcome,
        }
    }
}
