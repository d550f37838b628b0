//! Reads the facts about a deployment.

use aws_sdk_s3::{
    Client,
    operation::head_bucket::HeadBucketError,
    types::{BucketVersioningStatus, ExpirationStatus, LifecycleRule as S3Rule},
};
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use futures::future::join_all;

use super::{BucketFacts, Facts, LifecycleRule, Role, Subscription, TopicFacts, Versioning};
use crate::{AwsError, Clients, Stack};

/// Reads the facts of a stack. A fact that cannot be read does not prevent the others.
pub async fn gather(clients: &Clients, stack: &Stack) -> Facts {
    let mut buckets = vec![
        (Role::Source, stack.source_bucket.as_str(), &stack.region, &clients.s3),
        (Role::Backup, stack.backup_bucket.as_str(), &stack.region, &clients.s3),
    ];
    if let Some(replica) = &stack.replica {
        buckets.push((Role::Replica, replica.bucket.as_str(), &replica.region, &clients.replica_s3));
    }
    if stack.receipts.bucket != stack.backup_bucket {
        buckets.push((Role::Receipts, stack.receipts.bucket.as_str(), &stack.region, &clients.s3));
    }
    let buckets = buckets.into_iter().map(|(role, name, region, s3)| Box::pin(bucket(s3, role, name, region)));
    let (buckets, subscriptions, state_machine) =
        tokio::join!(join_all(buckets), subscriptions(clients, &stack.topic_arn), state_machine(clients, stack));
    Facts {
        buckets,
        topic: TopicFacts { arn: stack.topic_arn.clone(), subscriptions },
        state_machine,
        state_machine_arn: stack.state_machine_arn.clone(),
    }
}

async fn bucket(s3: &Client, role: Role, name: &str, expected_region: &str) -> BucketFacts {
    let (region, versioning, sends_events, lifecycle) =
        tokio::join!(region(s3, name), versioning(s3, name), sends_events(s3, name), lifecycle(s3, name));
    BucketFacts {
        role,
        name: name.to_owned(),
        expected_region: expected_region.to_owned(),
        region,
        versioning,
        sends_events,
        lifecycle,
    }
}

async fn region(s3: &Client, name: &str) -> Result<String, AwsError> {
    let problem = || format!("the bucket {name} cannot be read");
    match s3.head_bucket().bucket(name).send().await {
        Ok(output) => output
            .bucket_region()
            .map(str::to_owned)
            .ok_or_else(|| AwsError::unexpected(problem(), "S3 did not name its region")),
        // A bucket in another region answers with a redirect that names the region.
        Err(error) => region_of_redirect(&error).ok_or_else(|| AwsError::new(problem(), &error.into_service_error())),
    }
}

fn region_of_redirect(error: &SdkError<HeadBucketError, HttpResponse>) -> Option<String> {
    let response = error.raw_response().filter(|response| response.status().as_u16() == 301)?;
    response.headers().get("x-amz-bucket-region").map(str::to_owned)
}

async fn versioning(s3: &Client, name: &str) -> Result<Versioning, AwsError> {
    let output = s3.get_bucket_versioning().bucket(name).send().await.map_err(|error| {
        AwsError::new(format!("the versioning of {name} cannot be read"), &error.into_service_error())
    })?;
    match output.status() {
        None => Ok(Versioning::Never),
        Some(BucketVersioningStatus::Enabled) => Ok(Versioning::Enabled),
        Some(BucketVersioningStatus::Suspended) => Ok(Versioning::Suspended),
        Some(other) => Err(AwsError::unexpected(format!("the versioning of {name} is unclear"), other.as_str())),
    }
}

async fn sends_events(s3: &Client, name: &str) -> Result<bool, AwsError> {
    let output = s3.get_bucket_notification_configuration().bucket(name).send().await.map_err(|error| {
        AwsError::new(format!("the notifications of {name} cannot be read"), &error.into_service_error())
    })?;
    Ok(output.event_bridge_configuration().is_some())
}

async fn lifecycle(s3: &Client, name: &str) -> Result<Vec<LifecycleRule>, AwsError> {
    match s3.get_bucket_lifecycle_configuration().bucket(name).send().await {
        Ok(output) => Ok(output.rules().iter().filter_map(removal_of_uploads).collect()),
        Err(error) => {
            let error = error.into_service_error();
            if error.code() == Some("NoSuchLifecycleConfiguration") {
                return Ok(Vec::new());
            }
            Err(AwsError::new(format!("the lifecycle of {name} cannot be read"), &error))
        }
    }
}

fn removal_of_uploads(rule: &S3Rule) -> Option<LifecycleRule> {
    if *rule.status() != ExpirationStatus::Enabled {
        return None;
    }
    let days = rule.abort_incomplete_multipart_upload()?.days_after_initiation()?;
    Some(LifecycleRule { days, is_for_all_keys: is_for_all_keys(rule) })
}

/// S3 does not allow other conditions than a prefix in a rule that removes uploads.
fn is_for_all_keys(rule: &S3Rule) -> bool {
    #[allow(deprecated, reason = "rules of before 2017 have the prefix here")]
    let old_prefix = rule.prefix();
    let prefix = rule.filter().and_then(|filter| filter.prefix()).or(old_prefix);
    let has_more = rule.filter().is_some_and(|filter| filter.and().is_some() || filter.tag().is_some());
    prefix.is_none_or(str::is_empty) && !has_more
}

async fn subscriptions(clients: &Clients, topic_arn: &str) -> Result<Vec<Subscription>, AwsError> {
    let mut pages = clients.sns.list_subscriptions_by_topic().topic_arn(topic_arn).into_paginator().items().send();
    let mut subscriptions = Vec::new();
    while let Some(subscription) = pages.next().await {
        let subscription = subscription.map_err(|error| {
            AwsError::new(format!("the subscriptions of {topic_arn} cannot be listed"), &error.into_service_error())
        })?;
        subscriptions.push(Subscription {
            endpoint: subscription.endpoint().unwrap_or("a subscription without an endpoint").to_owned(),
            // SNS writes PendingConfirmation in place of an ARN.
            is_confirmed: subscription.subscription_arn().is_some_and(|arn| arn.starts_with("arn:")),
        });
    }
    Ok(subscriptions)
}

async fn state_machine(clients: &Clients, stack: &Stack) -> Result<String, AwsError> {
    let arn = &stack.state_machine_arn;
    let problem = || format!("the state machine {arn} cannot be described");
    let response = clients.states.describe_state_machine().state_machine_arn(arn).send().await;
    let output = response.map_err(|error| AwsError::new(problem(), &error.into_service_error()))?;
    let status = output.status().ok_or_else(|| AwsError::unexpected(problem(), "the answer has no status"))?;
    Ok(status.as_str().to_owned())
}
