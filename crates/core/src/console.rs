//! Links to the AWS console.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::contract::{Destination, Stored};

/// The characters that are not encoded in the query of a link.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

/// The page of an execution. Its ARN has the partition and the region
/// (`arn:<partition>:states:<region>:<account>:execution:<machine>:<name>`).
pub fn execution(arn: &str) -> String {
    states(arn, "v2/executions/details")
}

/// The page of a state machine with its executions.
pub fn state_machine(arn: &str) -> String {
    states(arn, "statemachines/view")
}

/// The page of an object version.
pub fn object(destination: &Destination, stored: &Stored, execution_arn: &str) -> String {
    let Destination { bucket, key, region } = destination;
    let key = utf8_percent_encode(key.as_str(), QUERY);
    let version = stored
        .version_id
        .as_ref()
        .map(|version| format!("&versionId={}", utf8_percent_encode(version.as_str(), QUERY)));
    let console = console(execution_arn);
    format!("https://{region}.{console}/s3/object/{bucket}?region={region}&prefix={key}{}", version.unwrap_or_default())
}

/// The region in an ARN.
pub fn region(arn: &str) -> &str {
    arn.split(':').nth(3).unwrap_or_default()
}

fn states(arn: &str, page: &str) -> String {
    let region = region(arn);
    format!("https://{region}.{}/states/home?region={region}#/{page}/{arn}", console(arn))
}

fn console(arn: &str) -> &'static str {
    match arn.split(':').nth(1) {
        Some("aws-cn") => "console.amazonaws.cn",
        Some("aws-us-gov") => "console.amazonaws-us-gov.com",
        _ => "console.aws.amazon.com",
    }
}
