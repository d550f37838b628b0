//! Buckets and their configuration.

use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result, dto, s3_error};

use crate::{
    backend::Backend,
    buckets::lifecycle,
    convert::owner,
    errors,
    model::{
        bucket::{BucketRecord, Versioning},
        lock::ObjectLock,
    },
};

type Answer<T> = S3Result<S3Response<T>>;

impl Backend {
    pub(crate) fn create_bucket(&self, req: S3Request<dto::CreateBucketInput>) -> Answer<dto::CreateBucketOutput> {
        let signed = req.region.as_ref().map_or("us-east-1", |region| region.as_str()).to_owned();
        let input = req.input;
        let constraint = input.create_bucket_configuration.and_then(|configuration| configuration.location_constraint);
        let region = match constraint.as_ref().map(dto::BucketLocationConstraint::as_str) {
            // The endpoint of us-east-1 is global: it creates buckets in any region, and in us-east-1 by default.
            Some("us-east-1") => {
                return Err(s3_error!(InvalidLocationConstraint, "The specified location-constraint is not valid"));
            }
            Some("EU") => "eu-west-1".to_owned(),
            Some(constraint) if signed == "us-east-1" || constraint == signed => constraint.to_owned(),
            None if signed == "us-east-1" => signed,
            other => {
                let message = format!(
                    "The {} location constraint is incompatible for the region specific endpoint this request was sent \
                     to.",
                    other.unwrap_or("unspecified")
                );
                let status = http::StatusCode::BAD_REQUEST;
                return Err(errors::custom("IllegalLocationConstraintException", message, status));
            }
        };
        // Object Lock also enables versioning: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
        let object_lock = (input.object_lock_enabled_for_bucket == Some(true)).then(ObjectLock::default);
        let mut state = self.state();
        if state.region(&input.bucket).is_some() {
            return Err(s3_error!(
                BucketAlreadyOwnedByYou,
                "Your previous request to create the named bucket succeeded and you already own it."
            ));
        }
        let location = format!("/{}", input.bucket);
        let record = BucketRecord {
            name: input.bucket,
            region,
            created: state.tick(),
            versioning: if object_lock.is_some() { Versioning::Enabled } else { Versioning::Never },
            event_bridge: false,
            encryption: None,
            public_access_block: None,
            tagging: None,
            lifecycle: None,
            object_lock,
        };
        state.put_bucket(record).map_err(S3Error::internal_error)?;
        Ok(S3Response::new(dto::CreateBucketOutput { location: Some(location) }))
    }

    pub(crate) fn delete_bucket(&self, bucket: &str) -> Answer<dto::DeleteBucketOutput> {
        self.state().delete_bucket(bucket)?;
        let output = dto::DeleteBucketOutput::default();
        Ok(S3Response::with_status(output, http::StatusCode::NO_CONTENT))
    }

    pub(crate) fn list_buckets(&self, input: &dto::ListBucketsInput) -> S3Response<dto::ListBucketsOutput> {
        let state = self.state();
        let after = input.continuation_token.as_deref().unwrap_or_default();
        let prefix = input.prefix.as_deref().unwrap_or_default();
        let mut matching = state
            .buckets()
            .map(|bucket| &bucket.record)
            .filter(|record| record.name.starts_with(prefix) && record.name.as_str() > after)
            .filter(|record| input.bucket_region.as_ref().is_none_or(|region| *region == record.region));
        let limit = usize::try_from(input.max_buckets.unwrap_or(10_000)).unwrap_or(0).clamp(1, 10_000);
        let buckets: Vec<dto::Bucket> = matching
            .by_ref()
            .take(limit)
            .map(|record| dto::Bucket {
                bucket_region: Some(record.region.clone()),
                creation_date: Some(record.created.timestamp()),
                name: Some(record.name.clone()),
            })
            .collect();
        let more = matching.next().is_some();
        S3Response::new(dto::ListBucketsOutput {
            continuation_token: if more { buckets.last().and_then(|bucket| bucket.name.clone()) } else { None },
            buckets: Some(buckets),
            owner: Some(owner()),
            prefix: input.prefix.clone(),
        })
    }

    pub(crate) fn head_bucket(&self, bucket: &str) -> Answer<dto::HeadBucketOutput> {
        let region = self.state().bucket(bucket)?.record.region.clone();
        Ok(S3Response::new(dto::HeadBucketOutput { bucket_region: Some(region), ..Default::default() }))
    }

    pub(crate) fn get_bucket_location(&self, bucket: &str) -> Answer<dto::GetBucketLocationOutput> {
        let region = self.state().bucket(bucket)?.record.region.clone();
        // S3 shows us-east-1 as an empty constraint.
        let location_constraint = (region != "us-east-1").then(|| region.into());
        Ok(S3Response::new(dto::GetBucketLocationOutput { location_constraint }))
    }

    pub(crate) fn get_bucket_versioning(&self, bucket: &str) -> Answer<dto::GetBucketVersioningOutput> {
        let status = match self.state().bucket(bucket)?.record.versioning {
            Versioning::Never => None,
            Versioning::Enabled => Some(dto::BucketVersioningStatus::from_static("Enabled")),
            Versioning::Suspended => Some(dto::BucketVersioningStatus::from_static("Suspended")),
        };
        Ok(S3Response::new(dto::GetBucketVersioningOutput { status, mfa_delete: None }))
    }

    pub(crate) fn put_bucket_versioning(
        &self,
        input: &dto::PutBucketVersioningInput,
    ) -> Answer<dto::PutBucketVersioningOutput> {
        let status = input.versioning_configuration.status.as_ref();
        let versioning = match status.map(dto::BucketVersioningStatus::as_str) {
            Some("Enabled") => Versioning::Enabled,
            Some("Suspended") => Versioning::Suspended,
            _ => {
                return Err(s3_error!(
                    IllegalVersioningConfigurationException,
                    "The Versioning element must be specified, as Enabled or Suspended"
                ));
            }
        };
        let mut state = self.state();
        if versioning != Versioning::Enabled && state.bucket(&input.bucket)?.record.object_lock.is_some() {
            return Err(S3Error::with_message(
                S3ErrorCode::InvalidBucketState,
                "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.",
            ));
        }
        state.change_bucket(&input.bucket, |record| record.versioning = versioning)?;
        Ok(S3Response::new(dto::PutBucketVersioningOutput::default()))
    }

    pub(crate) fn get_bucket_notification(
        &self,
        bucket: &str,
    ) -> Answer<dto::GetBucketNotificationConfigurationOutput> {
        let on = self.state().bucket(bucket)?.record.event_bridge;
        Ok(S3Response::new(dto::GetBucketNotificationConfigurationOutput {
            event_bridge_configuration: on.then(dto::EventBridgeConfiguration::default),
            ..Default::default()
        }))
    }

    pub(crate) fn put_bucket_notification(
        &self,
        input: &dto::PutBucketNotificationConfigurationInput,
    ) -> Answer<dto::PutBucketNotificationConfigurationOutput> {
        let wanted = &input.notification_configuration;
        let others = [
            wanted.lambda_function_configurations.as_ref().is_some_and(|list| !list.is_empty()),
            wanted.queue_configurations.as_ref().is_some_and(|list| !list.is_empty()),
            wanted.topic_configurations.as_ref().is_some_and(|list| !list.is_empty()),
        ];
        if others.contains(&true) {
            return Err(s3_error!(NotImplemented, "Only notifications to EventBridge are supported"));
        }
        let on = wanted.event_bridge_configuration.is_some();
        self.state().change_bucket(&input.bucket, |record| record.event_bridge = on)?;
        Ok(S3Response::new(dto::PutBucketNotificationConfigurationOutput::default()))
    }

    pub(crate) fn get_bucket_encryption(&self, bucket: &str) -> Answer<dto::GetBucketEncryptionOutput> {
        let stored = self.state().bucket(bucket)?.record.encryption.clone();
        // Every bucket has default encryption since January 2023.
        let configuration = stored.unwrap_or_else(|| dto::ServerSideEncryptionConfiguration {
            rules: vec![dto::ServerSideEncryptionRule {
                apply_server_side_encryption_by_default: Some(dto::ServerSideEncryptionByDefault {
                    kms_master_key_id: None,
                    sse_algorithm: dto::ServerSideEncryption::from_static(dto::ServerSideEncryption::AES256),
                }),
                bucket_key_enabled: Some(false),
            }],
        });
        Ok(S3Response::new(dto::GetBucketEncryptionOutput {
            server_side_encryption_configuration: Some(configuration),
        }))
    }

    pub(crate) fn put_bucket_encryption(
        &self,
        input: dto::PutBucketEncryptionInput,
    ) -> Answer<dto::PutBucketEncryptionOutput> {
        let wanted = input.server_side_encryption_configuration;
        self.state().change_bucket(&input.bucket, |record| record.encryption = Some(wanted))?;
        Ok(S3Response::new(dto::PutBucketEncryptionOutput::default()))
    }

    pub(crate) fn get_public_access_block(&self, bucket: &str) -> Answer<dto::GetPublicAccessBlockOutput> {
        let stored = self.state().bucket(bucket)?.record.public_access_block.clone();
        let stored = stored.ok_or_else(|| {
            errors::not_found(
                "NoSuchPublicAccessBlockConfiguration",
                "The public access block configuration was not found",
            )
        })?;
        Ok(S3Response::new(dto::GetPublicAccessBlockOutput { public_access_block_configuration: Some(stored) }))
    }

    pub(crate) fn put_public_access_block(
        &self,
        input: dto::PutPublicAccessBlockInput,
    ) -> Answer<dto::PutPublicAccessBlockOutput> {
        let wanted = input.public_access_block_configuration;
        self.state().change_bucket(&input.bucket, |record| record.public_access_block = Some(wanted))?;
        Ok(S3Response::new(dto::PutPublicAccessBlockOutput::default()))
    }

    pub(crate) fn get_bucket_tagging(&self, bucket: &str) -> Answer<dto::GetBucketTaggingOutput> {
        let stored = self.state().bucket(bucket)?.record.tagging.clone();
        let stored = stored.ok_or_else(|| errors::not_found("NoSuchTagSet", "The TagSet does not exist"))?;
        Ok(S3Response::new(dto::GetBucketTaggingOutput { tag_set: stored.tag_set }))
    }

    pub(crate) fn put_bucket_tagging(&self, input: dto::PutBucketTaggingInput) -> Answer<dto::PutBucketTaggingOutput> {
        let wanted = input.tagging;
        self.state().change_bucket(&input.bucket, |record| record.tagging = Some(wanted))?;
        Ok(S3Response::with_status(dto::PutBucketTaggingOutput::default(), http::StatusCode::NO_CONTENT))
    }

    pub(crate) fn get_bucket_lifecycle(&self, bucket: &str) -> Answer<dto::GetBucketLifecycleConfigurationOutput> {
        let stored = self.state().bucket(bucket)?.record.lifecycle.clone();
        let stored = stored.ok_or_else(|| {
            errors::not_found("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist")
        })?;
        Ok(S3Response::new(dto::GetBucketLifecycleConfigurationOutput {
            rules: Some(stored.rules),
            ..Default::default()
        }))
    }

    pub(crate) fn put_bucket_lifecycle(
        &self,
        input: dto::PutBucketLifecycleConfigurationInput,
    ) -> Answer<dto::PutBucketLifecycleConfigurationOutput> {
        let wanted = input.lifecycle_configuration;
        lifecycle::check(wanted.as_ref().map_or(&[][..], |wanted| &wanted.rules))?;
        self.state().change_bucket(&input.bucket, |record| record.lifecycle = wanted)?;
        Ok(S3Response::new(dto::PutBucketLifecycleConfigurationOutput::default()))
    }
}
