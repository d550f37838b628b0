//! The operations of Object Lock: a bucket's configuration, a version's retention and its legal hold.

use s3s::{S3Error, S3ErrorCode, S3Response, S3Result, dto, s3_error};

use crate::{
    backend::Backend,
    lock::documents::{legal_hold_of, retention_of},
    model::{
        bucket::Versioning,
        lock::{Governance, Lock, ObjectLock, bucket_without_lock},
    },
    state::State,
};

type Answer<T> = S3Result<S3Response<T>>;

impl State {
    /// The lock of a version in a bucket that has Object Lock.
    fn lock_of(&self, bucket: &str, key: &str, id: Option<&str>) -> S3Result<Lock> {
        self.bucket(bucket)?.record.object_lock.ok_or_else(bucket_without_lock)?;
        let version = self.find_named(bucket, key, id)?;
        Ok(version.object().map(|object| object.lock).unwrap_or_default())
    }
}

impl Backend {
    pub(crate) fn get_object_lock_configuration(&self, bucket: &str) -> Answer<dto::GetObjectLockConfigurationOutput> {
        let configured = self.state().bucket(bucket)?.record.object_lock;
        let configured = configured.ok_or_else(|| {
            s3_error!(ObjectLockConfigurationNotFoundError, "Object Lock configuration does not exist for this bucket")
        })?;
        Ok(S3Response::new(dto::GetObjectLockConfigurationOutput {
            object_lock_configuration: Some(configured.document()),
        }))
    }

    pub(crate) fn put_object_lock_configuration(
        &self,
        input: dto::PutObjectLockConfigurationInput,
    ) -> Answer<dto::PutObjectLockConfigurationOutput> {
        let wanted = ObjectLock::parse(input.object_lock_configuration)?;
        let mut state = self.state();
        if state.bucket(&input.bucket)?.record.versioning != Versioning::Enabled {
            let message = "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration";
            return Err(S3Error::with_message(S3ErrorCode::InvalidBucketState, message));
        }
        state.change_bucket(&input.bucket, |record| record.object_lock = Some(wanted))?;
        Ok(S3Response::new(dto::PutObjectLockConfigurationOutput::default()))
    }

    fn lock_of(&self, bucket: &str, key: &str, id: Option<&str>) -> S3Result<Lock> {
        self.state().lock_of(bucket, key, id)
    }

    fn change_lock(
        &self,
        bucket: &str,
        key: &str,
        id: Option<&str>,
        change: impl FnOnce(&mut Lock) -> S3Result<()>,
    ) -> S3Result<()> {
        let mut state = self.state();
        let mut lock = state.lock_of(bucket, key, id)?;
        change(&mut lock)?;
        state.change_object(bucket, key, id, |object| object.lock = lock)?;
        Ok(())
    }

    pub(crate) fn get_object_retention(
        &self,
        input: &dto::GetObjectRetentionInput,
    ) -> Answer<dto::GetObjectRetentionOutput> {
        let lock = self.lock_of(&input.bucket, &input.key, input.version_id.as_deref())?;
        let retention = lock.retention.ok_or_else(not_locked)?;
        Ok(S3Response::new(dto::GetObjectRetentionOutput {
            retention: Some(dto::ObjectLockRetention {
                mode: Some(dto::ObjectLockRetentionMode::from_static(retention.mode.name())),
                retain_until_date: Some(retention.until.into()),
            }),
        }))
    }

    pub(crate) fn put_object_retention(
        &self,
        input: dto::PutObjectRetentionInput,
    ) -> Answer<dto::PutObjectRetentionOutput> {
        let governance = Governance::of(input.bypass_governance_retention);
        let wanted = retention_of(input.retention)?;
        let now = self.now();
        self.change_lock(&input.bucket, &input.key, input.version_id.as_deref(), |lock| {
            lock.retain(wanted, governance, now)
        })?;
        Ok(S3Response::new(dto::PutObjectRetentionOutput::default()))
    }

    pub(crate) fn get_object_legal_hold(
        &self,
        input: &dto::GetObjectLegalHoldInput,
    ) -> Answer<dto::GetObjectLegalHoldOutput> {
        let lock = self.lock_of(&input.bucket, &input.key, input.version_id.as_deref())?;
        let hold = lock.legal_hold.ok_or_else(not_locked)?;
        let status = Some(dto::ObjectLockLegalHoldStatus::from_static(hold.name()));
        Ok(S3Response::new(dto::GetObjectLegalHoldOutput { legal_hold: Some(dto::ObjectLockLegalHold { status }) }))
    }

    pub(crate) fn put_object_legal_hold(
        &self,
        input: dto::PutObjectLegalHoldInput,
    ) -> Answer<dto::PutObjectLegalHoldOutput> {
        let wanted = legal_hold_of(input.legal_hold)?;
        self.change_lock(&input.bucket, &input.key, input.version_id.as_deref(), |lock| {
            lock.legal_hold = Some(wanted);
            Ok(())
        })?;
        Ok(S3Response::new(dto::PutObjectLegalHoldOutput::default()))
    }
}

fn not_locked() -> S3Error {
    s3_error!(NoSuchObjectLockConfiguration, "The specified object does not have a ObjectLock configuration")
}
