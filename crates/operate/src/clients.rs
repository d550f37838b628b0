//! SDK clients for a stack.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};

use crate::stack::{Connection, Stack};

/// Clients for the services of one stack.
#[derive(Debug, Clone)]
pub struct Clients {
    /// S3 in the region of the stack.
    pub s3: aws_sdk_s3::Client,
    /// S3 in the region of the replica; the stack's region if there is no replica.
    pub replica_s3: aws_sdk_s3::Client,
    /// Step Functions.
    pub states: aws_sdk_sfn::Client,
    /// SNS.
    pub sns: aws_sdk_sns::Client,
}

impl Clients {
    /// Clients with the credentials and the endpoint of the stack's connection.
    pub async fn connect(stack: &Stack) -> Self {
        let config = sdk_config(stack).await;
        let s3 = |region: &str| {
            let builder = aws_sdk_s3::config::Builder::from(&config)
                .region(Region::new(region.to_owned()))
                // A custom endpoint has no host name for each bucket.
                .force_path_style(config.endpoint_url().is_some());
            aws_sdk_s3::Client::from_conf(builder.build())
        };
        let replica_region = stack.replica.as_ref().map_or(&stack.region, |replica| &replica.region);
        Self {
            s3: s3(&stack.region),
            replica_s3: s3(replica_region),
            states: aws_sdk_sfn::Client::new(&config),
            sns: aws_sdk_sns::Client::new(&config),
        }
    }
}

async fn sdk_config(stack: &Stack) -> SdkConfig {
    let region = Region::new(stack.region.clone());
    match &stack.connection {
        Connection::Environment => from_environment().await.into_builder().region(region).build(),
        Connection::Sandbox(sandbox) => {
            let credentials =
                Credentials::new(&sandbox.access_key_id, &sandbox.secret_access_key, None, None, "sandbox");
            SdkConfig::builder()
                .behavior_version(BehaviorVersion::latest())
                .region(region)
                .endpoint_url(&sandbox.endpoint_url)
                .credentials_provider(SharedCredentialsProvider::new(credentials))
                // The endpoint is plain HTTP on this machine.
                .http_client(Builder::new().build_http())
                .build()
        }
    }
}

/// Region, credentials and endpoint from the environment and the profile, as for the AWS CLI.
pub(crate) async fn from_environment() -> SdkConfig {
    // *ring*, as in the functions: the SDK's default needs CMake.
    let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    aws_config::defaults(BehaviorVersion::latest()).http_client(http).load().await
}
