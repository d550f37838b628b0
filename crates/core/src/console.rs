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

/// The domain of the console in the partition of an ARN (<https://docs.aws.amazon.com/general/latest/gr/mgmt-console.html>,
/// <https://docs.amazonaws.cn/en_us/aws/latest/userguide/endpoints-arns.html>, and for `aws-eusc`
/// <https://docs.aws.eu/general/latest/gr/endpoints.html>).
fn console(arn: &str) -> &'static str {
    match arn.split(':').nth(1) {
        Some("aws-cn") => "console.amazonaws.cn",
        Some("aws-us-gov") => "console.amazonaws-us-gov.com",
        Some("aws-eusc") => "console.amazonaws-eusc.eu",
        _ => "console.aws.amazon.com",
    }
}

#[cfg(test)]
mod tests {
    use super::execution;

    #[test]
    fn a_link_leads_to_the_console_of_the_partition() {
        for (partition, region, host) in [
            ("aws", "ap-southeast-7", "ap-southeast-7.console.aws.amazon.com"),
            ("aws-cn", "cn-north-1", "cn-north-1.console.amazonaws.cn"),
            ("aws-us-gov", "us-gov-west-1", "us-gov-west-1.console.amazonaws-us-gov.com"),
            ("aws-eusc", "eusc-de-east-1", "eusc-de-east-1.console.amazonaws-eusc.eu"),
        ] {
            let arn = format!("arn:{partition}:states:{region}:111122223333:execution:holdfast-backup:e-1");
            let expected = format!("https://{host}/states/home?region={region}#/v2/executions/details/{arn}");
            assert_eq!(execution(&arn), expected);
        }
    }
}
