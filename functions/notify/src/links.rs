//! Links to the AWS console, for readers of a mail without a command line.

use holdfast_core::contract::{Destination, Stored};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The characters that a link's query escapes.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

/// The page of an execution. Partition and region are in its ARN
/// (`arn:<partition>:states:<region>:<account>:execution:<machine>:<name>`).
pub(crate) fn execution(arn: &str) -> String {
    let region = region(arn);
    format!("https://{region}.{}/states/home?region={region}#/v2/executions/details/{arn}", console(arn))
}

/// The page of an object version.
pub(crate) fn object(destination: &Destination, stored: &Stored, execution_arn: &str) -> String {
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
pub(crate) fn region(arn: &str) -> &str {
    arn.split(':').nth(3).unwrap_or_default()
}

fn console(arn: &str) -> &'static str {
    match arn.split(':').nth(1) {
        Some("aws-cn") => "console.amazonaws.cn",
        Some("aws-us-gov") => "console.amazonaws-us-gov.com",
        _ => "console.aws.amazon.com",
    }
}
