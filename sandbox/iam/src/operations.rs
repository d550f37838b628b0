//! The permissions for operations of Step Functions, `EventBridge`, SNS and CloudFormation. Each operation needs the
//! action with its own name. The resources are those of
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsstepfunctions.html>,
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridge.html>,
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsns.html>,
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudformation.html>.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Permission;
use sandbox_core::ports::ACCOUNT;

/// The permission for an operation of Step Functions, on the execution, state machine or Map Run of the request.
pub fn states_permission(operation: &str, body: &Value, region: &str) -> Permission {
    let named = ["executionArn", "stateMachineArn", "mapRunArn", "resourceArn"];
    let arn = named.iter().find_map(|name| body.get(name)?.as_str()).map(str::to_owned);
    let made = || {
        let name = body.get("name").filter(|_| operation == "CreateStateMachine")?.as_str()?;
        Some(format!("arn:aws:states:{region}:{ACCOUNT}:stateMachine:{name}"))
    };
    Permission::new(format!("states:{operation}"), arn.or_else(made).unwrap_or_else(|| "*".to_owned()))
}

/// The permission for an operation of `EventBridge`, on the bus of `PutEvents` or on the rule of the request.
pub fn events_permission(operation: &str, body: &Value, region: &str) -> Permission {
    let rule = ["Rule", "Name"].iter().find_map(|name| body.get(name)?.as_str());
    let resource = match (operation, rule) {
        ("PutEvents", _) => format!("arn:aws:events:{region}:{ACCOUNT}:event-bus/default"),
        (_, Some(rule)) => format!("arn:aws:events:{region}:{ACCOUNT}:rule/{rule}"),
        (_, None) => "*".to_owned(),
    };
    Permission::new(format!("events:{operation}"), resource)
}

/// The permission for an operation of SNS, on the topic of the request. `PublishBatch` needs `Publish`.
pub fn sns_permission(operation: &str, form: &BTreeMap<String, String>, region: &str) -> Permission {
    let named = ["TopicArn", "TargetArn"].iter().find_map(|name| form.get(*name)).cloned();
    // The ARN of a subscription is that of its topic, followed by an ID.
    let subscribed = || Some(form.get("SubscriptionArn")?.rsplit_once(':')?.0.to_owned());
    let made = || Some(format!("arn:aws:sns:{region}:{ACCOUNT}:{}", form.get("Name")?));
    let operation = if operation == "PublishBatch" { "Publish" } else { operation };
    let resource = named.or_else(subscribed).or_else(made).unwrap_or_else(|| "*".to_owned());
    Permission::new(format!("sns:{operation}"), resource)
}

/// The permissions for an operation of CloudFormation, on the stack of the request. A request for all stacks also needs
/// `ListStacks` (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html>).
pub fn cloudformation_permissions(operation: &str, form: &BTreeMap<String, String>, region: &str) -> Vec<Permission> {
    let permission =
        |operation: &str, resource: String| Permission::new(format!("cloudformation:{operation}"), resource);
    match form.get("StackName") {
        Some(arn) if arn.starts_with("arn:") => vec![permission(operation, arn.clone())],
        Some(name) => vec![permission(operation, format!("arn:aws:cloudformation:{region}:{ACCOUNT}:stack/{name}/*"))],
        None => vec![permission(operation, "*".to_owned()), permission("ListStacks", "*".to_owned())],
    }
}
