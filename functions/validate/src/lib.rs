//! validate: reads the event, the source and the destination, and returns a [`Plan`]: skip the upload, copy it, or prove
//! a copy that is already published.
//!
//! A small object costs three S3 requests, which run at the same time if the event names a version: HEAD of the source,
//! its tags, HEAD of the destination. A large object costs two more: HEAD of its first part, whose size the copy takes
//! so that the entity tags are equal, and the request that opens the upload.
//!
//! Only a receipt says that an upload is backed up, and only while the copy that it names exists ([`receipt`]). A
//! published copy without a receipt is proven and not copied again: the execution that published it may have failed, or
//! the response to its request was lost ([`resume`]). Two executions of one event may both prove the copy; the receipt is
//! written once.
//!
//! If this function is called again because its response was lost, it opens a second upload. The first is never
//! completed; the bucket's lifecycle rule removes it.

mod config;
mod error;
mod receipt;
mod resume;
mod skip;
mod target;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use holdfast_core::{
    ErrorName, Fact,
    contract::{Backup, Destination, Method, MultipartUpload, Plan, Source, Stored, ValidateInput},
    event::Upload,
    layout::{PartLayout, Slice, SourceParts, method_for},
    names::{ObjectKey, VersionId},
    order::Stamp,
    planner::backup::{Facts, Pinned, pin, plan},
    source_checksum::HeadChecksum,
};
use holdfast_lambda::{Aws, ConfigError, Deadline, Environment, Function, VerifyMode};
use holdfast_s3::{
    self as s3, Head, ObjectRef, S3Error,
    failure::Side,
    replan::{self, Leg},
};

pub use crate::error::Error;
use crate::{
    config::Config,
    target::{Found, Work},
};

/// The function.
#[derive(Debug)]
pub struct Validate {
    config: Config,
    aws: Aws,
}

impl Function for Validate {
    const NAME: &'static str = "validate";
    const ENVIRONMENT: &'static [&'static str] = Config::ENVIRONMENT;
    const RAISES: &'static [ErrorName] = &[
        ErrorName::S3Throttled,
        ErrorName::S3Unavailable,
        ErrorName::SourceGone,
        ErrorName::SourceDenied,
        ErrorName::SourceArchived,
        ErrorName::SourceUnreadable,
        ErrorName::SourceTooLarge,
        ErrorName::DestinationDenied,
        ErrorName::DestinationContended,
        ErrorName::KmsDenied,
        ErrorName::ConfigInvalid,
        ErrorName::ConfigLoop,
        ErrorName::InputInvalid,
        ErrorName::Internal,
    ];
    type Input = ValidateInput;
    type Output = Plan;
    type Error = Error;

    fn new(environment: &Environment, aws: Aws) -> Result<Self, ConfigError> {
        Ok(Self { config: Config::read(environment)?, aws })
    }

    async fn call(&self, input: ValidateInput, _deadline: Deadline) -> Result<Plan, Error> {
        Box::pin(self.plan(&input)).await
    }
}

/// The facts about source and destination.
struct Observed {
    source: Option<Head>,
    /// The current object at the source's key in the backup bucket.
    current: Option<Head>,
    /// The source's tags; absent if the event names no version, because the version is not known yet.
    tags: Option<Result<BTreeMap<String, String>, S3Error>>,
}

/// The steps of a plan that remain for a copy.
#[derive(Default)]
struct Steps {
    slices: Vec<Slice>,
    digest_slices: bool,
    stored: Option<Stored>,
}

impl Steps {
    /// The steps of a copy that is published already.
    fn prove(stored: Stored) -> Self {
        Self { stored: Some(stored), ..Self::default() }
    }
}

impl Validate {
    async fn plan(&self, input: &ValidateInput) -> Result<Plan, Error> {
        let upload = Upload::from_event(&input.event)?;
        self.config.check_loop(&upload)?;
        if let Some(replan) = &input.replan {
            let leg =
                Leg { event: &upload.event.id, from: (&upload.bucket, &upload.key), to: &self.config.backup_bucket };
            let client = self.aws.s3(&replan.given_up.copy.destination.region);
            replan::give_up(&client, replan, input.redrives, leg).await?;
        }
        if let Some(prefix) = self.config.excluded_by(&upload.key) {
            return Ok(skip::excluded(&upload, prefix));
        }
        let observed = Box::pin(self.observe(&upload)).await?;
        let mut rejected_versions = Vec::new();
        if let Some(replan) = &input.replan {
            let client = self.aws.s3(&replan.given_up.copy.destination.region);
            rejected_versions = replan::rejected_versions(&client, replan).await?;
            if let Some(plan) = Box::pin(self.resume(replan, &observed, &rejected_versions)).await? {
                return Ok(plan);
            }
        }
        let Some(head) = &observed.source else {
            // An upload event always has an entity tag. A request without one may name an object that never existed.
            if upload.etag.is_none() && input.replan.is_none() {
                return Err(Error::requested_object_missing(&upload));
            }
            let current = observed.current.as_ref().filter(|_| input.replan.is_none());
            return Box::pin(self.source_gone(&upload, current)).await;
        };
        let (source, stamp) = match pin(&upload, head) {
            Pinned::Source { source, stamp } => (*source, *stamp),
            Pinned::Superseded => return Ok(skip::superseded(&upload, &head.etag)),
            Pinned::OtherVersion => return Err(Error::other_version(&upload, &head.etag)),
        };
        match self.find_target(&source, &stamp, observed.current, input.replan.is_some()).await? {
            Found::BackedUp(plan) => Ok(plan),
            Found::Target { target, work } => {
                check_copyable(&source, head)?;
                let tags = match observed.tags {
                    Some(tags) => tags?,
                    None => s3::read_tags(&self.aws.s3(&source.region), ObjectRef::source(&source)).await?,
                };
                let settings = self.config.planner_settings();
                let target = &target;
                let parts = self.parts(&source, head).await?;
                let facts = Facts { upload, source, stamp, head, parts, tags, target, rejected_versions, settings };
                let attempt = input.replan.as_ref().map_or(1, |replan| replan.attempt);
                self.start(attempt, plan(facts), work, parts).await
            }
        }
    }

    /// Reads source and destination at the same time, and the tags too if the event names the source version.
    async fn observe(&self, upload: &Upload) -> Result<Observed, Error> {
        let source = announced(upload);
        let client = self.aws.s3(&upload.region);
        let destination = self.destination(&upload.key);
        let backup = self.aws.s3(&destination.region);
        let tags = async {
            match upload.version_id {
                Some(_) => Some(s3::read_tags(&client, source).await),
                None => None,
            }
        };
        let (source, current, tags) =
            tokio::join!(s3::head(&client, source), s3::head(&backup, ObjectRef::current(&destination)), tags);
        Ok(Observed { source: source?, current: current?, tags })
    }

    async fn start(&self, attempt: u32, backup: Backup, work: Work, parts: Option<SourceParts>) -> Result<Plan, Error> {
        match (work, backup.copy.method) {
            (Work::Prove(stored), _) => Ok(self.copy_plan(attempt, backup, Steps::prove(stored))),
            (Work::Copy, Method::CopyObject) => Ok(self.copy_plan(attempt, backup, Steps::default())),
            (Work::Copy, Method::Multipart) => {
                let (backup, layout) = self.open(backup, parts).await?;
                // The proof of a multipart copy needs digests if the copy cannot have the checksum of the source.
                let is_kept = backup.copy.multipart_checksum().is_some();
                let digest_slices = !is_kept || self.config.verify_mode == VerifyMode::Streamed;
                let steps = Steps { slices: layout.slices(), digest_slices, stored: None };
                Ok(self.copy_plan(attempt, backup, steps))
            }
        }
    }

    /// The parts of the source. They are read if they decide the layout of the copy or the meaning of a composite checksum.
    async fn parts(&self, source: &Source, head: &Head) -> Result<Option<SourceParts>, Error> {
        let settings = self.config.planner_settings();
        let class = settings.storage_class.or(head.attributes.storage_class.as_deref());
        let needs_layout = method_for(source.size, settings.multipart_threshold, class);
        if needs_layout == Method::CopyObject && !matches!(head.checksum, HeadChecksum::Composite { .. }) {
            return Ok(None);
        }
        match s3::source_parts(&self.aws.s3(&source.region), ObjectRef::source(source), &source.etag).await {
            // The copy finds out that the source is gone.
            Err(error) if error.name() == ErrorName::SourceGone && needs_layout == Method::CopyObject => Ok(None),
            other => Ok(other?),
        }
    }

    /// Opens the upload of a multipart copy.
    async fn open(&self, mut backup: Backup, parts: Option<SourceParts>) -> Result<(Backup, PartLayout), Error> {
        let copy = &mut backup.copy;
        let source = ObjectRef::source(&copy.source);
        let layout = PartLayout::plan(copy.source.size, parts).map_err(|reason| Error::too_large(source, reason))?;
        // A composite checksum is that of the parts of the source.
        copy.other_checksum.take_if(|checksum| checksum.layout(copy.source.size).is_some_and(|own| own != layout));
        let client = self.aws.s3(&copy.destination.region);
        let upload_id = s3::open_upload(&client, copy, self.config.kms_key.as_deref()).await?;
        copy.upload =
            Some(MultipartUpload { upload_id, part_size: layout.part_size(), part_count: layout.part_count() });
        Ok((backup, layout))
    }

    fn copy_plan(&self, attempt: u32, backup: Backup, steps: Steps) -> Plan {
        let Steps { slices, digest_slices, stored } = steps;
        let replica = self.config.replica.clone();
        Plan::Copy { attempt, backup: Box::new(backup), slices, digest_slices, replica, stored }
    }

    /// Where the current backup of a key goes.
    fn destination(&self, key: &ObjectKey) -> Destination {
        Destination {
            bucket: self.config.backup_bucket.clone(),
            key: key.clone(),
            region: self.aws.region().to_owned(),
        }
    }
}

/// The source as the event names it.
fn announced(upload: &Upload) -> ObjectRef<'_> {
    ObjectRef { bucket: &upload.bucket, key: &upload.key, version_id: upload.version_id.as_ref(), side: Side::Source }
}

/// Refuses a source that S3 cannot copy now, or not at all.
fn check_copyable(source: &Source, head: &Head) -> Result<(), Error> {
    let object = ObjectRef::source(source);
    if head.archived {
        let class = head.attributes.storage_class.as_deref().unwrap_or("an archive access tier").to_owned();
        return Err(Error::Archived { object: object.to_string(), class });
    }
    PartLayout::plan(source.size, None).map(drop).map_err(|reason| Error::too_large(object, reason))
}

/// Whether an object holds the copy of this upload.
fn is_copy_of(head: &Head, stamp: &Stamp) -> bool {
    head.stamp.as_ref().is_some_and(|found| found.is_same(stamp))
}

/// A published copy, for messages.
fn name(destination: &Destination, version: Option<&VersionId>) -> String {
    ObjectRef { version_id: version, ..ObjectRef::current(destination) }.to_string()
}
