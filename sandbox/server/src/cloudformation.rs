//! CloudFormation: `DescribeStacks`, so that a client finds the stack and its outputs as on AWS.
//!
//! Source: <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html>.

use std::collections::BTreeMap;

use sandbox_core::{
    operations::{self, Service},
    ports::ApiError,
    query::{self, Members},
    store::{Store, StoreError},
};
use sandbox_template::Stack;
use serde::Serialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// The XML namespace of the answers.
pub(crate) const NAMESPACE: &str = "http://cloudformation.amazonaws.com/doc/2010-05-15/";

/// The creation time of each stack, by name.
const TABLE: &str = "cloudformation.stacks";

/// The service, with its one stack.
#[derive(Debug)]
pub(crate) struct CloudFormation {
    stack: Description,
}

/// A stack as the API describes it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Description {
    stack_id: String,
    stack_name: String,
    creation_time: String,
    stack_status: &'static str,
    disable_rollback: bool,
    parameters: Members<Parameter>,
    outputs: Members<Output>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Parameter {
    parameter_key: String,
    parameter_value: String,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Output {
    output_key: String,
    output_value: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Stacks<'a> {
    stacks: Members<&'a Description>,
}

impl CloudFormation {
    /// The service for a stack. The store keeps the creation time across restarts.
    pub(crate) fn new(store: &Store, stack: &Stack) -> Result<Self, StoreError> {
        let parameter =
            |(key, value): (&String, &String)| Parameter { parameter_key: key.clone(), parameter_value: value.clone() };
        let output = |(key, value): (&String, &String)| Output { output_key: key.clone(), output_value: value.clone() };
        let stack = Description {
            stack_id: stack.id(),
            stack_name: stack.settings.stack.clone(),
            creation_time: creation_time(store, &stack.settings.stack)?,
            stack_status: "CREATE_COMPLETE",
            disable_rollback: false,
            parameters: stack.parameters.iter().map(parameter).collect::<Vec<_>>().into(),
            outputs: stack.outputs.iter().map(output).collect::<Vec<_>>().into(),
        };
        Ok(Self { stack })
    }

    /// Performs an operation, given as a form. Returns the `<DescribeStacksResult>` element.
    pub(crate) fn handle(&self, operation: &str, form: &BTreeMap<String, String>) -> Result<String, ApiError> {
        if !operations::has(Service::CloudFormation, operation) {
            let message = format!(
                "Could not find operation {operation} for version 2010-05-15: the sandbox has DescribeStacks alone"
            );
            return Err(ApiError::new("InvalidAction", message));
        }
        if let Some(name) = form.get("StackName")
            && ![&self.stack.stack_name, &self.stack.stack_id].contains(&name)
        {
            return Err(ApiError::new("ValidationError", format!("Stack with id {name} does not exist")));
        }
        query::result(operation, &Stacks { stacks: vec![&self.stack].into() })
    }
}

fn creation_time(store: &Store, stack: &str) -> Result<String, StoreError> {
    let stored = store.load::<String>(TABLE)?.into_iter().find(|(name, _)| name == stack);
    if let Some((_, time)) = stored {
        return Ok(time);
    }
    let time = OffsetDateTime::now_utc().replace_nanosecond(0).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let time = time.format(&Rfc3339).unwrap_or_default();
    store.put(TABLE, stack, &time)?;
    Ok(time)
}
