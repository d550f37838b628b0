//! The requests of the S3 calls, and how the responses are read.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod copy;
mod head;
mod upload;

use aws_sdk_s3::Client;
use aws_smithy_mocks::{Rule, RuleMode, mock_client};

fn client(rules: &[&Rule]) -> Client {
    mock_client!(aws_sdk_s3, RuleMode::MatchAny, rules)
}
