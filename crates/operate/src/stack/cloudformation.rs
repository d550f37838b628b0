//! Finds a stack by its CloudFormation outputs.

use std::collections::BTreeMap;

use aws_sdk_cloudformation::{Client, error::ProvideErrorMetadata};

use super::{Connection, FindStackError, Stack};
use crate::{AwsError, clients};

impl Stack {
    /// The CloudFormation stack of this name (or ARN), with the region and the credentials of the environment.
    pub async fn find(name: &str) -> Result<Self, FindStackError> {
        let config = clients::from_environment().await;
        let region = config.region().ok_or(FindStackError::NoRegion)?;
        Self::describe(&Client::new(&config), region.as_ref(), name).await
    }

    pub(super) async fn describe(client: &Client, region: &str, name: &str) -> Result<Self, FindStackError> {
        let no_such_stack = || FindStackError::NoSuchStack { name: name.to_owned(), region: region.to_owned() };
        let output = client.describe_stacks().stack_name(name).send().await.map_err(|error| {
            let error = error.into_service_error();
            // DescribeStacks has no error type for a missing stack.
            let message = error.message().unwrap_or_default();
            if error.code() == Some("ValidationError") && message.contains("does not exist") {
                return no_such_stack();
            }
            FindStackError::Aws(AwsError::new(format!("the stack {name} in {region} cannot be described"), &error))
        })?;
        let stack = output.stacks().first().ok_or_else(no_such_stack)?;
        let outputs: BTreeMap<String, String> = stack
            .outputs()
            .iter()
            .filter_map(|output| Some((output.output_key()?.to_owned(), output.output_value()?.to_owned())))
            .collect();
        Self::from_outputs(stack.stack_name().unwrap_or(name), region, Connection::Environment, &outputs)
    }
}
