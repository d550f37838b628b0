//! SDK clients for a sandbox, and AWS's refusals as sentences.

use std::{error::Error, fmt::Display};

use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_http_client::Builder;
use aws_smithy_types::error::{display::DisplayErrorContext, metadata::ProvideErrorMetadata};

use crate::stack::Stack;

/// Clients for one sandbox.
#[derive(Debug, Clone)]
pub(crate) struct Clients {
    /// S3 in the region of the stack.
    pub(crate) s3: aws_sdk_s3::Client,
    /// S3 in the region of the replica.
    pub(crate) replica_s3: aws_sdk_s3::Client,
    /// Step Functions.
    pub(crate) states: aws_sdk_sfn::Client,
}

impl Clients {
    /// Clients for the endpoint and the key that the sandbox gave out.
    pub(crate) fn new(stack: &Stack) -> Self {
        // The endpoint is plain HTTP on this machine; there is no TLS to choose.
        let http = Builder::new().build_http();
        let credentials = Credentials::new(&stack.access_key_id, &stack.secret_access_key, None, None, "sandbox");
        let s3 = |region: &str| {
            let config = aws_sdk_s3::Config::builder()
                .behavior_version(BehaviorVersion::latest())
                .http_client(http.clone())
                .endpoint_url(&stack.endpoint_url)
                .credentials_provider(credentials.clone())
                .region(Region::new(region.to_owned()))
                .force_path_style(true);
            aws_sdk_s3::Client::from_conf(config.build())
        };
        let states = aws_sdk_sfn::Config::builder()
            .behavior_version(aws_sdk_sfn::config::BehaviorVersion::latest())
            .http_client(http.clone())
            .endpoint_url(&stack.endpoint_url)
            .credentials_provider(credentials.clone())
            .region(aws_sdk_sfn::config::Region::new(stack.region.clone()));
        Self {
            s3: s3(&stack.region),
            replica_s3: s3(&stack.replica_region),
            states: aws_sdk_sfn::Client::from_conf(states.build()),
        }
    }
}

/// A call to AWS that failed: what was wanted, and why it did not happen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{wanted}: {reason}")]
pub(crate) struct AwsError {
    wanted: String,
    reason: String,
}

impl AwsError {
    /// The failure of a call.
    pub(crate) fn new(wanted: impl Into<String>, error: impl ProvideErrorMetadata + Error) -> Self {
        let reason = match (error.code(), error.message()) {
            (Some(code), Some(message)) => format!("{code}: {message}"),
            (Some(code), None) => code.to_owned(),
            _ => DisplayErrorContext(error).to_string(),
        };
        Self { wanted: wanted.into(), reason }
    }

    /// A failure that AWS did not report: an answer that is not what it should be.
    pub(crate) fn other(wanted: impl Into<String>, reason: impl Display) -> Self {
        Self { wanted: wanted.into(), reason: reason.to_string() }
    }
}
