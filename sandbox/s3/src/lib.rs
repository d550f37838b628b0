//! The sandbox's S3. `s3s` implements the protocol and signatures. The backend is the sandbox's own, because versions,
//! conditions, checksums and copies that share bytes are its purpose.
//!
//! One endpoint serves the buckets of every region. The region in a request's signature selects the regional endpoint.
//! Paths and `bucket.localhost` hosts both address buckets.

mod backend;
mod buckets;
mod checksum;
mod clock;
mod convert;
mod copy;
mod endpoint;
mod errors;
mod events;
mod listing;
mod lock;
mod model;
mod objects;
mod permissions;
mod request;
mod restore;
mod state;
mod storage;
mod uploads;

use std::{
    collections::BTreeMap,
    fmt,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use s3s::service::S3ServiceBuilder;
use sandbox_core::{
    faults::Faults,
    identity::Keyring,
    ports::{ApiError, EventSink},
    store::Store,
};
use sandbox_iam::Iam;
use serde_json::Value;
use tokio::sync::Notify;

use self::{
    backend::Backend,
    clock::Clock,
    endpoint::{access::PolicyAccess, auth, operations::Operations, requests::Requests},
    model::{bucket::BucketRecord, object::Object},
    state::State,
    storage::blobs::Blobs,
};
pub use self::{
    buckets::lifecycle::AbortedUpload,
    endpoint::{parameters::operations, service::Service},
    model::{
        bucket::Versioning,
        lock::ObjectLock,
        retention::{DefaultRetention, RetentionMode, RetentionPeriod},
    },
    state::OpenError,
};

/// A bucket as a template describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketSettings {
    /// The name, by S3's naming rules for buckets.
    pub name: String,
    /// The region, for example `eu-west-1`.
    pub region: String,
    /// Whether the bucket keeps old versions.
    pub versioning: Versioning,
    /// Whether the bucket sends events to `EventBridge`.
    pub event_bridge: bool,
    /// Object Lock, which also keeps versions. It cannot be removed from a bucket.
    pub object_lock: Option<ObjectLock>,
}

impl BucketSettings {
    fn versioning_with(&self, lock: Option<ObjectLock>) -> Versioning {
        if lock.is_some() { Versioning::Enabled } else { self.versioning }
    }
}

/// The service: created once, shared by reference.
#[derive(Clone)]
pub struct S3 {
    backend: Arc<Backend>,
    keyring: Arc<Keyring>,
    requests: Arc<Requests>,
    iam: Arc<Iam>,
    faults: Faults,
}

impl fmt::Debug for S3 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3").finish_non_exhaustive()
    }
}

impl S3 {
    /// Opens the S3 with its bytes in `folder`, which is created if it is missing, and its metadata in `store`. The
    /// keyring knows the callers; `iam` decides their permissions.
    pub fn open(
        folder: &Path,
        store: Arc<Store>,
        events: Arc<dyn EventSink>,
        keyring: Arc<Keyring>,
        iam: Arc<Iam>,
    ) -> Result<Self, OpenError> {
        let failed = |source| OpenError::Folder { path: folder.display().to_string(), source };
        let blobs = Blobs::open(folder.to_owned()).map_err(failed)?;
        let clock = Arc::new(Clock::default());
        let state = State::load(store, Arc::clone(&blobs), Arc::clone(&clock))?;
        blobs.sweep().map_err(failed)?;
        let backend =
            Arc::new(Backend { state: Mutex::new(state), blobs, events, clock, restore_began: Notify::new() });
        Ok(Self { backend, keyring, requests: Arc::default(), iam, faults: Faults::default() })
    }

    /// The same S3, with fault rules for its calls.
    #[must_use]
    pub fn with_faults(self, faults: Faults) -> Self {
        Self { faults, ..self }
    }

    /// The service that answers HTTP requests.
    pub fn service(&self) -> Service {
        let mut builder = S3ServiceBuilder::new(Operations { backend: Arc::clone(&self.backend) });
        builder.set_auth(auth::KeyringAuth { keyring: Arc::clone(&self.keyring) });
        builder.set_access(PolicyAccess {
            backend: Arc::clone(&self.backend),
            keyring: Arc::clone(&self.keyring),
            requests: Arc::clone(&self.requests),
            iam: Arc::clone(&self.iam),
            faults: self.faults.clone(),
        });
        builder.set_host(auth::LocalHost);
        Service::new(builder.build(), Arc::clone(&self.backend), Arc::clone(&self.keyring))
    }

    /// The number of requests since this S3 was opened, by operation name, for example `CopyObject`. Every signed
    /// request counts, even if it fails. Requests that reach no operation do not: unsigned ones, those with a wrong
    /// signature, and those to another region than their bucket's.
    pub fn requests(&self) -> BTreeMap<String, u64> {
        self.requests.snapshot()
    }

    /// Creates a bucket with these settings, or updates it. An existing bucket keeps its objects; it cannot change its
    /// region.
    pub fn ensure_bucket(&self, settings: &BucketSettings) -> Result<(), ApiError> {
        let BucketSettings { name, region, event_bridge, .. } = settings;
        if !s3s::path::check_bucket_name(name) {
            return Err(ApiError::new("InvalidBucketName", format!("The specified bucket is not valid: {name:?}")));
        }
        let mut state = self.backend.state();
        let there = state.buckets().find(|bucket| bucket.record.name == *name).map(|bucket| bucket.record.clone());
        let record = match there {
            Some(record) if record.region != *region => {
                let message = format!("Bucket {name} is in {} and cannot be moved to {region}", record.region);
                return Err(ApiError::new("BucketAlreadyOwnedByYou", message).with_status(409));
            }
            Some(record) => {
                let object_lock = settings.object_lock.or(record.object_lock);
                let versioning = settings.versioning_with(object_lock);
                BucketRecord { versioning, event_bridge: *event_bridge, object_lock, ..record }
            }
            None => BucketRecord {
                name: name.clone(),
                region: region.clone(),
                created: state.tick(),
                versioning: settings.versioning_with(settings.object_lock),
                event_bridge: *event_bridge,
                encryption: None,
                public_access_block: None,
                tagging: None,
                lifecycle: None,
                object_lock: settings.object_lock,
            },
        };
        state.put_bucket(record).map_err(|error| ApiError::new("InternalError", error.to_string()).with_status(500))
    }

    /// Advances the clock of this S3 only, so that tests can observe periods of days.
    pub fn pass_time(&self, time: Duration) {
        self.backend.clock.pass(time);
    }

    /// Applies the buckets' lifecycle rules, as S3 does once a day.
    pub fn run_lifecycle(&self) -> Result<Vec<AbortedUpload>, ApiError> {
        self.backend.run_lifecycle()
    }

    /// Sets the lifecycle rules in the properties of an `AWS::S3::Bucket`.
    pub fn put_lifecycle(&self, bucket: &str, properties: &Value) -> Result<(), ApiError> {
        self.backend.put_lifecycle(bucket, properties)
    }

    /// Waits until the restore of an archived object is in progress; at once if one is. For one caller.
    pub async fn restoring(&self) {
        self.backend.restoring().await;
    }

    /// Sends the events of completed restores.
    pub async fn complete_restores(&self) -> Result<(), ApiError> {
        self.backend.complete_restores().await
    }

    /// Whether a bucket of this name exists, in any region.
    pub fn has_bucket(&self, name: &str) -> bool {
        self.backend.state().buckets().any(|bucket| bucket.record.name == name)
    }

    /// Removes the stored checksum of an object. Objects that were uploaded without one before December 2024, when S3
    /// began to compute checksums itself, have none. No request to S3 can do this; tests and demos need it.
    pub fn forget_checksum(&self, bucket: &str, key: &str, version_id: Option<&str>) -> Result<(), ApiError> {
        let forget = |object: &mut Object| {
            object.checksum = None;
            for part in &mut object.parts {
                part.checksum = None;
            }
        };
        let changed = self.backend.state().change_object(bucket, key, version_id, forget);
        changed.map(drop).map_err(|error| errors::answer(&error))
    }
}
