//! validate: reads the event, looks at source and destination, and answers a [`Plan`]: skip, or copy and how.
//!
//! A small object costs three S3 requests, at once where the event names a version: HEAD of the source, its tags, HEAD
//! of the destination. A large one costs two more: HEAD of its first part, whose size the copy takes over so that the
//! entity tags are equal, and the opening of the upload with every attribute of the source.
//!
//! Nothing is lost, nothing is done twice. Only a receipt says that an upload is backed up, and only while the copy
//! that it names stands ([`receipt`]). A copy of this very version that stands does not say so: the execution that made
//! it may have failed and be past redrive, and a re-plan may find its own, published by a request whose answer was
//! lost. So where a copy stands the receipt is asked for; where there is none, the copy is proven where it stands
//! ([`standing`]), unless its proof failed before: then it is copied again. Two executions of one event may both do so;
//! the receipt is written once and people are told once all the same.
//!
//! A late upload asks for its receipt too: its backup may have been the current one before a newer upload replaced it.
//!
//! A call that is repeated after its answer was lost opens a second upload. The first is never completed; the bucket's
//! lifecycle removes it.

mod config;
mod plan;
mod receipt;
mod recency;
mod refusal;
mod standing;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use holdfast_core::{
    ErrorName, Failure,
    contract::{Destination, Method, MultipartUpload, Placement, Plan, Source, StampPlace, Transfer, ValidateInput},
    event::Upload,
    layout::{PartLayout, method_for},
    names::ObjectKey,
    receipt::history_key,
    stamp::Stamp,
};
use holdfast_lambda::{Aws, ConfigError, Deadline, Environment, Function};
use holdfast_s3::{
    self as s3, Head, ObjectRef,
    replan::{self, Leg},
};

pub use crate::refusal::{Refusal, Whose};
use crate::{
    config::Config,
    plan::{Place, Stop},
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
    type Error = Refusal;

    fn new(environment: &Environment, aws: Aws) -> Result<Self, ConfigError> {
        Ok(Self { config: Config::read(environment)?, aws })
    }

    async fn call(&self, input: ValidateInput, _deadline: Deadline) -> Result<Plan, Refusal> {
        Box::pin(self.plan(&input)).await.or_else(Stop::answer)
    }
}

/// What was seen of an upload.
struct Seen {
    source: Option<Head>,
    destination: Option<Head>,
    /// Read already, where the event names a version.
    tags: Option<Result<BTreeMap<String, String>, Failure>>,
}

/// What says that an upload is backed up.
#[derive(Clone, Copy, PartialEq)]
enum Witness {
    /// Its receipt. A copy without one has to be proven.
    Receipt,
    /// Nothing: receipt and copies were looked for, and what stands was found not to be it.
    Nothing,
}

/// What would be copied, and what says that it was.
#[derive(Clone, Copy)]
struct Copied<'a> {
    source: &'a Source,
    stamp: &'a Stamp,
    witness: Witness,
}

/// Where a copy goes.
struct Spot {
    destination: Destination,
    placement: Placement,
    stands: Option<Head>,
    /// What is left to do.
    left: Left,
}

/// What is left to do about an upload that is not backed up.
#[derive(Clone, Copy, PartialEq)]
enum Left {
    /// Copy and prove it.
    Copying,
    /// Prove the copy that stands.
    Proving,
}

impl Validate {
    async fn plan(&self, input: &ValidateInput) -> Result<Plan, Stop> {
        let upload = Upload::from_event(&input.event)?;
        self.config.check_loop(&upload)?;
        if let Some(replan) = &input.replan {
            let leg =
                Leg { event: &upload.event.id, from: (&upload.bucket, &upload.key), to: &self.config.backup_bucket };
            replan::give_up::<Refusal>(&self.aws.s3(&replan.given_up.destination.region), replan, input.redrives, leg)
                .await?;
        }
        self.config.check_excluded(&upload.key)?;
        let seen = Box::pin(self.look(&upload)).await?;
        let mut bad_versions = Vec::new();
        if let Some(replan) = &input.replan {
            bad_versions = replan::bad_versions(&self.aws.s3(&replan.given_up.destination.region), replan).await?;
            if let Some(plan) = Box::pin(self.replan(replan, &seen, &bad_versions)).await? {
                return Ok(plan);
            }
        }
        let Some(head) = seen.source else {
            let stands = seen.destination.as_ref().filter(|_| input.replan.is_none());
            return Err(Box::pin(self.gone(&upload, stands)).await);
        };
        let (source, head) = plan::pin(&upload, head)?;
        let (stamp, stamp_place) = plan::stamp(&upload, &source, &head);
        let witness = if input.replan.is_some() { Witness::Nothing } else { Witness::Receipt };
        if stamp_place == StampPlace::Receipt && witness == Witness::Receipt {
            self.check_receipt(&source, &stamp, seen.destination.as_ref()).await?;
        }
        let spot = self.spot(Copied { source: &source, stamp: &stamp, witness }, seen.destination).await?;
        plan::check_readable(&source, &head)?;
        let tags = match seen.tags {
            Some(tags) => tags?,
            None => s3::read_tags(&self.aws.s3(&source.region), ObjectRef::source(&source)).await?,
        };
        let transfer = Transfer {
            method: method_for(source.size, stamp_place, self.config.multipart_threshold),
            precondition: plan::precondition(spot.stands.as_ref()),
            replaces: spot.stands.as_ref().and_then(|stands| stands.version_id.clone()),
            destination: spot.destination,
            upload: None,
            crc64nvme: head.crc64nvme,
            attributes: plan::attributes(&self.config, &head, tags),
            stamp,
            stamp_place,
            placement: spot.placement,
            event: upload.event,
            source,
            bad_versions,
        };
        let attempt = input.replan.as_ref().map_or(1, |replan| replan.attempt);
        if let (Left::Proving, Some(stands)) = (spot.left, &spot.stands) {
            return Ok(self.prove(attempt, transfer, stands.stored()));
        }
        match transfer.method {
            Method::CopyObject => Ok(self.copy(attempt, transfer, None, false)),
            Method::Multipart => {
                let (transfer, layout) = self.open(transfer).await?;
                Ok(self.copy(attempt, transfer, Some(layout), plan::digest_slices(&self.config, &head)))
            }
        }
    }

    /// Looks at both ends at once, and at the tags too where the event names the version whose tags they are.
    async fn look(&self, upload: &Upload) -> Result<Seen, Refusal> {
        let source = plan::announced(upload);
        let client = self.aws.s3(&upload.region);
        let destination = self.destination(&upload.key);
        let backup = self.aws.s3(&destination.region);
        let tags = async {
            match upload.version_id {
                Some(_) => Some(s3::read_tags(&client, source).await),
                None => None,
            }
        };
        let (source, destination, tags) =
            tokio::join!(s3::head(&client, source), s3::head(&backup, ObjectRef::current(&destination)), tags);
        Ok(Seen { source: source?, destination: destination?, tags })
    }

    /// Finds the place for a copy; stops where the copy stands already.
    async fn spot(&self, copied: Copied<'_>, stands: Option<Head>) -> Result<Spot, Stop> {
        let Copied { source, stamp, witness } = copied;
        let destination = self.destination(&source.key);
        let mut left = Left::Copying;
        let placement = match plan::place(stands.as_ref(), stamp) {
            Place::Taken => {
                left = self.check_taken(copied, stands.as_ref()).await?;
                Placement::Current
            }
            Place::Current => Placement::Current,
            Place::History => Placement::History,
            Place::AskSource => self.place_by_source(source, stamp).await?,
        };
        if placement == Placement::Current {
            return Ok(Spot { destination, placement, stands, left });
        }
        // A newer upload stands. This one is late, or its event came again after it was backed up in its own turn.
        if witness == Witness::Receipt {
            self.check_receipt(source, stamp, stands.as_ref()).await?;
        }
        let destination = Destination { key: history_key(&source.key, stamp)?, ..destination };
        let stands = s3::head(&self.aws.s3(&destination.region), ObjectRef::current(&destination)).await?;
        if plan::place(stands.as_ref(), stamp) == Place::Taken {
            left = match witness {
                Witness::Receipt => Left::Proving,
                Witness::Nothing => Left::Copying,
            };
        }
        Ok(Spot { destination, placement, stands, left })
    }

    /// A copy of this very upload stands. A receipt has to say that it was proven.
    async fn check_taken(&self, copied: Copied<'_>, stands: Option<&Head>) -> Result<Left, Stop> {
        let Copied { source, stamp, witness } = copied;
        match witness {
            Witness::Receipt => self.check_receipt(source, stamp, stands).await.map(|()| Left::Proving),
            Witness::Nothing => Ok(Left::Copying),
        }
    }

    /// Opens the upload of a large copy.
    async fn open(&self, mut transfer: Transfer) -> Result<(Transfer, PartLayout), Stop> {
        let source = &transfer.source;
        let parts = s3::source_parts(&self.aws.s3(&source.region), ObjectRef::source(source), &source.etag).await?;
        let layout = plan::layout(source, parts)?;
        let backup = self.aws.s3(&transfer.destination.region);
        let upload_id = s3::open_upload(&backup, &transfer, self.config.kms_key.as_deref()).await?;
        transfer.upload = Some(MultipartUpload {
            upload_id,
            part_size: layout.part_size(),
            part_count: u32::try_from(layout.part_count()).unwrap_or(u32::MAX),
        });
        Ok((transfer, layout))
    }

    fn copy(&self, attempt: u32, transfer: Transfer, layout: Option<PartLayout>, digest_slices: bool) -> Plan {
        Plan::Copy {
            attempt,
            transfer: Box::new(transfer),
            slices: layout.map(PartLayout::slices).unwrap_or_default(),
            digest_slices,
            replica: self.config.replica.clone(),
            stored: None,
        }
    }

    /// Where the backup of a key goes, unless it is late.
    fn destination(&self, key: &ObjectKey) -> Destination {
        Destination {
            bucket: self.config.backup_bucket.clone(),
            key: key.clone(),
            region: self.aws.region().to_owned(),
        }
    }
}
