//! The six functions inside this process: the same handlers as in the binaries, without starting any.

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

use crate::zeros::{Troubles, Zeros};

/// How long the SDK waits at most before it makes a request again for the first time. Nothing recovers in a sandbox
/// while it waits.
const FIRST_WAIT: Duration = Duration::from_millis(5);

/// What the store of the backups tells about what it stores.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Store {
    /// The checksum that it computed, as S3 does.
    #[default]
    TellsChecksums,
    /// None when an upload is completed, as some S3-compatible stores.
    TellsNone,
}

/// How checksum-verify reads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Reading {
    /// Byte by byte.
    #[default]
    Real,
    /// Not at all, as long as that would take on AWS: see [`zeros`](crate::zeros).
    OfZeros {
        /// The errors that each digest of a slice meets before it works, and every time that it goes on.
        failing: Vec<String>,
    },
}

/// Makes handlers that share one HTTP client.
#[derive(Debug)]
pub struct InProcess {
    base: SdkConfig,
    store: Store,
    /// What digests fail with, where nothing is read.
    zeros: Option<Arc<Troubles>>,
}

impl InProcess {
    /// With a client for plain HTTP, which is all that a sandbox on loopback speaks.
    pub async fn new() -> Self {
        let http = aws_smithy_http_client::Builder::new().build_http();
        Self {
            store: Store::default(),
            zeros: None,
            base: aws_config::defaults(BehaviorVersion::latest())
                .http_client(http)
                .retry_config(RetryConfig::standard().with_initial_backoff(FIRST_WAIT))
                .empty_test_environment()
                .load()
                .await,
        }
    }

    /// The same on another store.
    #[must_use]
    pub fn on(self, store: Store) -> Self {
        Self { store, ..self }
    }

    /// The same with another way of reading.
    #[must_use]
    pub fn reading(self, reading: Reading) -> Self {
        let zeros = match reading {
            Reading::Real => None,
            Reading::OfZeros { failing } => Some(Arc::new(Troubles::new(failing))),
        };
        Self { zeros, ..self }
    }

    /// The configuration of a client that calls an endpoint with a key of its own.
    pub fn config(&self, endpoint: &str, region: &str, access_key_id: &str, secret_access_key: &str) -> SdkConfig {
        let credentials = Credentials::new(access_key_id, secret_access_key, None, None, "sandbox");
        self.base
            .to_builder()
            .endpoint_url(endpoint)
            .region(Region::new(region.to_owned()))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build()
    }

    fn ready<F: Function>(&self, environment: &BTreeMap<String, String>) -> Arc<dyn Handler> {
        let variable = |name: &str| environment.get(name).map(String::as_str).unwrap_or_default();
        let config = self.config(
            variable("AWS_ENDPOINT_URL"),
            variable("AWS_REGION"),
            variable("AWS_ACCESS_KEY_ID"),
            variable("AWS_SECRET_ACCESS_KEY"),
        );
        let environment: Environment = environment.clone().into_iter().collect();
        Arc::new(Ready(F::new(&environment, Aws::new(config))))
    }

    fn zeros(
        &self,
        environment: &BTreeMap<String, String>,
        troubles: Arc<Troubles>,
    ) -> Result<Arc<dyn Handler>, ConfigError> {
        let mode = VerifyMode::of(&environment.clone().into_iter().collect())?;
        let mut environment = environment.clone();
        environment.remove(VerifyMode::VARIABLE);
        Ok(Arc::new(Zeros { troubles, mode, function: self.ready::<ChecksumVerify>(&environment) }))
    }
}

impl HandlerSet for InProcess {
    fn handler(&self, function: &str, environment: &BTreeMap<String, String>) -> Result<Arc<dyn Handler>, String> {
        match function {
            Validate::NAME => Ok(self.ready::<Validate>(environment)),
            CopyPart::NAME => Ok(self.ready::<CopyPart>(environment)),
            CompleteMultipart::NAME if self.store == Store::TellsNone => {
                Ok(Arc::new(WithoutChecksum(self.ready::<CompleteMultipart>(environment))))
            }
            CompleteMultipart::NAME => Ok(self.ready::<CompleteMultipart>(environment)),
            ChecksumVerify::NAME => match &self.zeros {
                None => Ok(self.ready::<ChecksumVerify>(environment)),
                Some(troubles) => self.zeros(environment, Arc::clone(troubles)).map_err(|error| error.to_string()),
            },
            CrossRegionReplicate::NAME => Ok(self.ready::<CrossRegionReplicate>(environment)),
            Notify::NAME => Ok(self.ready::<Notify>(environment)),
            other => Err(format!("there is no function {other:?}")),
        }
    }
}

struct Ready<F>(Result<F, ConfigError>);

#[async_trait]
impl<F: Function> Handler for Ready<F> {
    async fn call(&self, payload: Bytes, deadline: SystemTime) -> Invocation {
        let left = deadline.duration_since(SystemTime::now()).unwrap_or(Duration::ZERO);
        match respond(&self.0, &payload, Deadline::after(left)).await {
            Ok(output) => Invocation::Answered(output.to_string().into()),
            Err(report) => Invocation::Failed(json!(report).to_string().into()),
        }
    }
}

/// Answers what complete-multipart does, as if S3 had told it no checksum.
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
