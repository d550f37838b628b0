//! The values of `!Ref` and `!GetAtt` for resources: names and ARNs as `CloudFormation` and SAM create them.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Settings, TemplateError, scope::Scope};

/// The types of resources that other parts of the template can refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Function,
    StateMachine,
    Bucket,
    Topic,
    Queue,
    Rule,
    Role,
    LogGroup,
    Key,
    KeyAlias,
    /// A resource that the sandbox does not run, or that only configures another one.
    Other,
}

/// Every supported resource type, with its kind and its name property.
const TYPES: [(&str, Kind, &str); 20] = [
    ("AWS::Serverless::Function", Kind::Function, "FunctionName"),
    ("AWS::Serverless::StateMachine", Kind::StateMachine, "Name"),
    ("AWS::S3::Bucket", Kind::Bucket, "BucketName"),
    ("AWS::SNS::Topic", Kind::Topic, "TopicName"),
    ("AWS::SQS::Queue", Kind::Queue, "QueueName"),
    ("AWS::Events::Rule", Kind::Rule, "Name"),
    ("AWS::IAM::Role", Kind::Role, "RoleName"),
    ("AWS::Logs::LogGroup", Kind::LogGroup, "LogGroupName"),
    ("AWS::KMS::Key", Kind::Key, ""),
    ("AWS::KMS::Alias", Kind::KeyAlias, "AliasName"),
    ("AWS::S3::BucketPolicy", Kind::Other, ""),
    ("AWS::SNS::Subscription", Kind::Other, ""),
    ("AWS::SNS::TopicPolicy", Kind::Other, ""),
    ("AWS::SQS::QueuePolicy", Kind::Other, ""),
    ("AWS::Lambda::Permission", Kind::Other, ""),
    ("AWS::Lambda::EventInvokeConfig", Kind::Other, ""),
    ("AWS::IAM::Policy", Kind::Other, ""),
    ("AWS::IAM::ManagedPolicy", Kind::Other, ""),
    ("AWS::CloudWatch::Alarm", Kind::Other, "AlarmName"),
    ("AWS::CloudWatch::Dashboard", Kind::Other, "DashboardName"),
];

/// The kind of a resource. The error lists the supported types.
pub(super) fn kind(scope: &Scope, logical_id: &str) -> Result<Kind, TemplateError> {
    type_of(scope, logical_id).map(|(kind, _)| kind)
}

/// The value of `!Ref` for a resource.
pub(super) fn reference(scope: &Scope, logical_id: &str, path: &str) -> Result<String, TemplateError> {
    if scope.document.get(&["Resources", logical_id]).is_none() {
        return match made_by_sam(scope, logical_id) {
            Some(_) => Ok(default_name(scope.settings, logical_id)),
            None => Err(scope.document.error(
                path,
                format!("{logical_id} is neither a parameter nor a resource nor a pseudo parameter of this template"),
            )),
        };
    }
    let kind = present(scope, logical_id, path)?;
    let name = name(scope, logical_id)?;
    Ok(match kind {
        Kind::StateMachine | Kind::Topic => arn(scope.settings, kind, &name),
        Kind::Queue => queue_url(scope.settings, &name),
        _ => name,
    })
}

/// The value of `!GetAtt` for a resource.
pub(super) fn attribute(scope: &Scope, logical_id: &str, attribute: &str, path: &str) -> Result<String, TemplateError> {
    let unknown = |supported: &str| {
        let message = format!("{logical_id} has no attribute {attribute} in the sandbox; it has {supported}");
        scope.document.error(path, message)
    };
    if scope.document.get(&["Resources", logical_id]).is_none() {
        let made = made_by_sam(scope, logical_id)
            .ok_or_else(|| scope.document.error(path, format!("there is no resource {logical_id} in this template")))?;
        let name = default_name(scope.settings, logical_id);
        return if attribute == "Arn" { Ok(arn(scope.settings, made, &name)) } else { Err(unknown("Arn")) };
    }
    let kind = present(scope, logical_id, path)?;
    let name = name(scope, logical_id)?;
    let settings = scope.settings;
    match (kind, attribute) {
        (Kind::Topic, "TopicArn") => Ok(arn(settings, kind, &name)),
        (Kind::Topic, "TopicName")
        | (Kind::StateMachine, "Name")
        | (Kind::Queue, "QueueName")
        | (Kind::Key, "KeyId") => Ok(name),
        (Kind::Queue, "QueueUrl") => Ok(queue_url(settings, &name)),
        (Kind::Bucket, "DomainName") => Ok(format!("{name}.s3.amazonaws.com")),
        (Kind::Bucket, "RegionalDomainName") => Ok(format!("{name}.s3.{}.amazonaws.com", settings.region)),
        (Kind::LogGroup, "Arn") => Ok(format!("{}:*", arn(settings, kind, &name))),
        (Kind::Topic, _) => Err(unknown("TopicArn and TopicName")),
        (Kind::KeyAlias | Kind::Other, _) => Err(unknown("none")),
        (_, "Arn") => Ok(arn(settings, kind, &name)),
        _ => Err(unknown("Arn")),
    }
}

/// The physical name of a resource: its name property, or a name derived from that of the stack.
pub(super) fn name(scope: &Scope, logical_id: &str) -> Result<String, TemplateError> {
    let (kind, property) = type_of(scope, logical_id)?;
    if let Some(given) = scope.document.get(&["Resources", logical_id, "Properties", property]) {
        return scope.guarded(&format!("Resources.{logical_id}.Properties.{property}"), |path| scope.text(given, path));
    }
    let made = default_name(scope.settings, logical_id);
    Ok(match kind {
        Kind::Bucket => made.to_lowercase(),
        // CloudFormation does not prefix a state machine's name with that of the stack.
        Kind::StateMachine => format!("{logical_id}-{}", suffix(scope.settings, logical_id)),
        Kind::Key => key_id(scope.settings, logical_id),
        _ => made,
    })
}

/// The ARN of a resource by its physical name.
pub(super) fn arn(settings: &Settings, kind: Kind, name: &str) -> String {
    let (region, account) = (&settings.region, &settings.account);
    match kind {
        Kind::Function => format!("arn:aws:lambda:{region}:{account}:function:{name}"),
        Kind::StateMachine => format!("arn:aws:states:{region}:{account}:stateMachine:{name}"),
        Kind::Bucket => format!("arn:aws:s3:::{name}"),
        Kind::Topic => format!("arn:aws:sns:{region}:{account}:{name}"),
        Kind::Queue => format!("arn:aws:sqs:{region}:{account}:{name}"),
        Kind::Rule => format!("arn:aws:events:{region}:{account}:rule/{name}"),
        Kind::Role => format!("arn:aws:iam::{account}:role/{name}"),
        Kind::LogGroup => format!("arn:aws:logs:{region}:{account}:log-group:{name}"),
        Kind::Key => format!("arn:aws:kms:{region}:{account}:key/{name}"),
        Kind::KeyAlias => format!("arn:aws:kms:{region}:{account}:{name}"),
        Kind::Other => name.to_owned(),
    }
}

/// A name in `CloudFormation`'s format: stack, logical ID and twelve characters. The characters depend only on the
/// other two, so a restarted sandbox finds its resources.
pub(super) fn default_name(settings: &Settings, logical_id: &str) -> String {
    format!("{}-{logical_id}-{}", settings.stack, suffix(settings, logical_id))
}

/// The stack's own ARN.
pub(super) fn stack_id(settings: &Settings) -> String {
    let Settings { region, account, stack, .. } = settings;
    format!("arn:aws:cloudformation:{region}:{account}:stack/{stack}/{}", key_id(settings, ""))
}

fn type_of(scope: &Scope, logical_id: &str) -> Result<(Kind, &'static str), TemplateError> {
    let path = format!("Resources.{logical_id}.Type");
    let written = scope.document.get(&["Resources", logical_id, "Type"]).and_then(Value::as_str).unwrap_or_default();
    let found = TYPES.iter().find(|(name, ..)| *name == written);
    found.map(|(_, kind, property)| (*kind, *property)).ok_or_else(|| {
        let known: Vec<&str> = TYPES.iter().map(|(name, ..)| *name).collect();
        let message = format!("the sandbox cannot read resources of type {written:?}; it reads {}", known.join(", "));
        scope.document.error(&path, message)
    })
}

/// The kind of a resource whose condition is true.
fn present(scope: &Scope, logical_id: &str, path: &str) -> Result<Kind, TemplateError> {
    if !is_wanted(scope, logical_id)? {
        let message = format!("{logical_id} does not exist because its condition does not hold");
        return Err(scope.document.error(path, message));
    }
    kind(scope, logical_id)
}

/// Whether a resource's condition is true; a resource without a condition always exists.
pub(super) fn is_wanted(scope: &Scope, logical_id: &str) -> Result<bool, TemplateError> {
    match scope.document.get(&["Resources", logical_id, "Condition"]) {
        None => Ok(true),
        Some(Value::String(condition)) => scope.condition(condition, &format!("Resources.{logical_id}.Condition")),
        Some(_) => {
            Err(scope.document.error(&format!("Resources.{logical_id}.Condition"), "the name of a condition goes here"))
        }
    }
}

/// The kind of a resource that SAM adds to the template, namely `<Function>Role`.
fn made_by_sam(scope: &Scope, logical_id: &str) -> Option<Kind> {
    let owner = logical_id.strip_suffix("Role")?;
    scope.document.get(&["Resources", owner])?;
    let owner_kind = kind(scope, owner).ok()?;
    matches!(owner_kind, Kind::Function | Kind::StateMachine).then_some(Kind::Role)
}

fn queue_url(settings: &Settings, name: &str) -> String {
    format!("https://sqs.{}.amazonaws.com/{}/{name}", settings.region, settings.account)
}

fn suffix(settings: &Settings, logical_id: &str) -> String {
    hex::encode_upper(digest(settings, logical_id)).chars().take(12).collect()
}

fn key_id(settings: &Settings, logical_id: &str) -> String {
    uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, &digest(settings, logical_id)).to_string()
}

fn digest(settings: &Settings, logical_id: &str) -> Vec<u8> {
    Sha256::digest(format!("{}/{}/{logical_id}", settings.region, settings.stack)).to_vec()
}
