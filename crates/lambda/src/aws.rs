//! SDK clients: built once, kept warm, one for each region.

use std::{
    collections::HashMap,
    sync::{Mutex, OnceLock, PoisonError},
    time::Duration,
};

use aws_config::{
    BehaviorVersion, Region, SdkConfig, environment::EnvironmentVariableCredentialsProvider, retry::RetryConfig,
    timeout::TimeoutConfig,
};
use aws_sdk_s3::config::SharedCredentialsProvider;
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};

use crate::Environment;

/// Access to AWS for one function.
#[derive(Debug)]
pub struct Aws {
    config: SdkConfig,
    /// The clients that exist, by region.
    s3: Mutex<HashMap<String, aws_sdk_s3::Client>>,
    #[cfg(any(test, feature = "testing"))]
    fixed_s3: Option<aws_sdk_s3::Client>,
    // Created at the first use. A function that does not use them does not link them.
    sns: OnceLock<aws_sdk_sns::Client>,
    states: OnceLock<aws_sdk_sfn::Client>,
}

impl Aws {
    /// Reads the region and the endpoint from this environment. The credentials come from the variables that Lambda
    /// sets for the process.
    ///
    /// The SDK's default chain also searches profiles, containers and identity providers. Lambda has none of them, and
    /// the code of these providers adds a megabyte to each zip.
    pub fn from_environment(environment: &Environment) -> Self {
        // *ring* halves build time and function size compared with the SDK's default, and needs no CMake.
        let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
        let mut config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(environment.text("AWS_REGION").map(|region| Region::new(region.to_owned())))
            .credentials_provider(SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()))
            .http_client(http)
            .retry_config(RetryConfig::standard().with_max_attempts(3))
            .timeout_config(TimeoutConfig::builder().connect_timeout(Duration::from_secs(5)).build());
        config.set_endpoint_url(environment.text("AWS_ENDPOINT_URL").map(str::to_owned));
        Self::new(config.build())
    }

    /// Uses an existing configuration, for example that of a sandbox.
    pub fn new(config: SdkConfig) -> Self {
        Self {
            config,
            s3: Mutex::default(),
            #[cfg(any(test, feature = "testing"))]
            fixed_s3: None,
            sns: OnceLock::new(),
            states: OnceLock::new(),
        }
    }

    /// The region that the function runs in, which is the source's and the backup's.
    pub fn region(&self) -> &str {
        self.config.region().map_or("", Region::as_ref)
    }

    /// The S3 client for a region. S3 in another region is called at that region's endpoint.
    pub fn s3(&self, region: &str) -> aws_sdk_s3::Client {
        #[cfg(any(test, feature = "testing"))]
        if let Some(client) = &self.fixed_s3 {
            return client.clone();
        }
        let mut clients = self.s3.lock().unwrap_or_else(PoisonError::into_inner);
        clients
            .entry(region.to_owned())
            .or_insert_with(|| {
                let config = aws_sdk_s3::config::Builder::from(&self.config).region(Region::new(region.to_owned()));
                aws_sdk_s3::Client::from_conf(config.build())
            })
            .clone()
    }

    /// The SNS client.
    pub fn sns(&self) -> &aws_sdk_sns::Client {
        self.sns.get_or_init(|| aws_sdk_sns::Client::new(&self.config))
    }

    /// The Step Functions client.
    pub fn states(&self) -> &aws_sdk_sfn::Client {
        self.states.get_or_init(|| aws_sdk_sfn::Client::new(&self.config))
    }
}

/// Clients for tests.
#[cfg(any(test, feature = "testing"))]
impl Aws {
    /// Uses one S3 client, a mock, for every region. SNS and Step Functions clients are created from the configuration.
    pub fn with_s3(client: aws_sdk_s3::Client) -> Self {
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("eu-west-1"))
            .build();
        Self { fixed_s3: Some(client), ..Self::new(config) }
    }

    /// Uses this SNS client.
    #[must_use]
    pub fn with_sns(self, client: aws_sdk_sns::Client) -> Self {
        Self { sns: client.into(), ..self }
    }

    /// Uses this Step Functions client.
    #[must_use]
    pub fn with_states(self, client: aws_sdk_sfn::Client) -> Self {
        Self { states: client.into(), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn region_and_endpoint_come_from_the_environment() {
        let aws = |variables: [(&str, &str); 2]| Aws::from_environment(&variables.into_iter().collect());
        let here = aws([("AWS_REGION", "eu-north-1"), ("AWS_ENDPOINT_URL", "http://127.0.0.1:9")]);
        assert_eq!((here.region(), here.config.endpoint_url()), ("eu-north-1", Some("http://127.0.0.1:9")));
        let lambda = aws([("AWS_REGION", "eu-west-1"), ("AWS_ENDPOINT_URL", "")]);
        assert_eq!((lambda.region(), lambda.config.endpoint_url()), ("eu-west-1", None));
    }
}
