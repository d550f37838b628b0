//! The sandbox's S3: the protocol and signatures by `s3s`, the backend ours, because versions, conditions, checksums
//! and copies that share bytes are what matters here.
//!
//! One endpoint serves the buckets of every region; the region a request is signed for selects the regional endpoint
//! it would have been sent to. Paths and `bucket.localhost` hosts both address buckets.

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
        lock::{DefaultRetention, ObjectLock, RetentionMode, RetentionPeriod},
    },
    state::OpenError,
};

/// A bucket as a template describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketSettings {
    /// By the bucket naming rules of S3.
    pub name: String,
    /// Where it is, for example `eu-west-1`.
    pub region: String,
    /// Whether it keeps old versions.
    pub versioning: Versioning,
    /// Whether it tells `EventBridge` about its objects.
    pub event_bridge: bool,
    /// Its Object Lock, which keeps versions in any case. One that a bucket has is never taken off it.
    pub object_lock: Option<ObjectLock>,
}

impl BucketSettings {
    fn versioning_with(&self, lock: Option<ObjectLock>) -> Versioning {
        if lock.is_some() { Versioning::Enabled } else { self.versioning }
    }
}

/// The service: made once, shared by reference.
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
    /// Opens the S3 whose bytes lie in `folder` (made if it is missing) and whose metadata is in `store`. Callers are
    /// known by the keyring and may do what `iam` says.
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

    /// The same S3, whose calls pass these fault rules.
    #[must_use]
    pub fn with_faults(self, faults: Faults) -> Self {
        Self { faults, ..self }
    }

    /// What answers HTTP requests.
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

    /// How many requests were made since this S3 was opened, by the operation's name, for example `CopyObject`. Counted
    /// is every signed request, whatever it is answered; not counted are those that never reach an operation: unsigned
    /// ones, wrongly signed ones, and those that are sent to another region than their bucket's.
    pub fn requests(&self) -> BTreeMap<String, u64> {
        self.requests.snapshot()
    }

    /// Makes sure that a bucket exists with these settings. One that is there keeps its objects; it cannot change its
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

    /// Lets time pass for S3 at once, and for S3 alone: what it does by the day can then be seen in a test.
    pub fn pass_time(&self, time: Duration) {
        self.backend.clock.pass(time);
    }

    /// Runs what is due by the buckets' lifecycle rules, as S3 does once a day.
    pub fn run_lifecycle(&self) -> Result<Vec<AbortedUpload>, ApiError> {
        self.backend.run_lifecycle()
    }

    /// Puts the lifecycle rules that the properties of an `AWS::S3::Bucket` name.
    pub fn put_lifecycle(&self, bucket: &str, properties: &Value) -> Result<(), ApiError> {
        self.backend.put_lifecycle(bucket, properties)
    }

    /// Waits until the restore of an archived object is in progress; at once if one is. For one caller.
    pub async fn restoring(&self) {
        self.backend.restoring().await;
    }

    /// Sends the events of the restores that are complete by now.
    pub async fn complete_restores(&self) -> Result<(), ApiError> {
        self.backend.complete_restores().await
    }

    /// Puts parts of zeros into an open multipart upload, numbered from 1, as `UploadPart` would, and returns their
    /// ETags. No request to S3 can do this; tests need it for objects of up to 48.8 TiB.
    ///
    /// The checksums are correct and of the kind that the upload declares, which must be a CRC. The ETags are not MD5s:
    /// an MD5 needs every byte. Parts of equal length have equal ETags.
    pub fn put_sparse_parts(
        &self,
        bucket: &str,
        key: &str,
        upload_id: &str,
        lengths: &[u64],
    ) -> Result<Vec<String>, ApiError> {
        self.backend.put_sparse_parts(bucket, key, upload_id, lengths)
    }

    /// Whether there is a bucket of this name, in any region.
    pub fn has_bucket(&self, name: &str) -> bool {
        self.backend.state().buckets().any(|bucket| bucket.record.name == name)
    }

    /// Makes an object one without any stored checksum, as those are that were uploaded without one before S3 began to
    /// compute checksums by itself in December 2024. No request to S3 can do this; tests and demos need it.
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
