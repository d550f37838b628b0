//! cross-region-replicate: plans the second leg, from the verified backup version to the replica bucket, and makes the
//! copy itself when one request does it.
//!
//! What is copied is the very version that was proven, pinned by version and entity tag, with the attributes and the
//! stamp of the backup. A large one is cut as the backup was. Every request of the copy goes to the replica's region, as
//! S3 wants it.
//!
//! A replica of this very upload that stands already is answered as it is: the next state proves it, whoever made it. If
//! that proof fails and the version cannot be removed, the next plan copies over it.
//! Newest stays newest here too: over a newer replica the copy goes among the late ones, and over one that says
//! nothing about its order only while the backup is still the current object of its key.
//!
//! Where metadata near 2 KB leaves no room for the stamp, the receipt says which replica is the upload's, once there is one.
//!
//! `Destination.Changed` is raised as it is, because to try again is to plan anew. `Source.Gone` means that somebody
//! deleted a proven backup; nothing settles that by itself, so it fails in the open.
//!
//! A call that is repeated after its answer was lost opens a second upload. The first is never completed; what removes it
//! is a lifecycle rule of the replica bucket, which is its owner's and which the README asks for.

mod plan;
mod refusal;
#[cfg(test)]
mod tests;

use holdfast_core::{
    ErrorName, Failure, Named,
    contract::{Destination, MultipartUpload, Placement, ReplicaPlan, ReplicateInput, StampPlace, Transfer},
    layout::{DEFAULT_MULTIPART_THRESHOLD, SourceParts},
    receipt::{Receipts, history_key},
};
use holdfast_lambda::{Aws, ConfigError, Deadline, Environment, Function, environment::receipts};
use holdfast_s3::{
    self as s3, Head, NamedCopy, ObjectRef, Sought,
    replan::{self, Leg},
};

use crate::plan::Place;
pub use crate::refusal::Refusal;

/// The function.
#[derive(Debug)]
pub struct CrossRegionReplicate {
    multipart_threshold: u64,
    receipts: Receipts,
    aws: Aws,
}

impl Function for CrossRegionReplicate {
    const NAME: &'static str = "cross-region-replicate";
    const ENVIRONMENT: &'static [&'static str] =
        &["MULTIPART_THRESHOLD", "RECEIPT_BUCKET", "BACKUP_BUCKET", "RECEIPT_PREFIX"];
    const RAISES: &'static [ErrorName] = &[
        ErrorName::S3Throttled,
        ErrorName::S3Unavailable,
        ErrorName::DestinationChanged,
        ErrorName::SourceGone,
        ErrorName::SourceDenied,
        ErrorName::SourceArchived,
        ErrorName::SourceUnreadable,
        ErrorName::DestinationDenied,
        ErrorName::DestinationContended,
        ErrorName::ChecksumMismatch,
        ErrorName::KmsDenied,
        ErrorName::ConfigInvalid,
        ErrorName::InputInvalid,
        ErrorName::Internal,
    ];
    type Input = ReplicateInput;
    type Output = ReplicaPlan;
    type Error = Refusal;

    fn new(environment: &Environment, aws: Aws) -> Result<Self, ConfigError> {
        let multipart_threshold =
            environment.optional("MULTIPART_THRESHOLD", "a number of bytes")?.unwrap_or(DEFAULT_MULTIPART_THRESHOLD);
        Ok(Self { multipart_threshold, receipts: receipts(environment)?, aws })
    }

    async fn call(&self, input: ReplicateInput, _deadline: Deadline) -> Result<ReplicaPlan, Refusal> {
        let mut bad_versions = Vec::new();
        if let Some(replan) = &input.replan {
            let backup = &input.backup.destination;
            let leg =
                Leg { event: &input.transfer.event.id, from: (&backup.bucket, &backup.key), to: &input.replica.bucket };
            replan::give_up::<Refusal>(&self.aws.s3(&replan.given_up.destination.region), replan, input.redrives, leg)
                .await?;
            bad_versions = replan::bad_versions(&self.aws.s3(&replan.given_up.destination.region), replan).await?;
        }
        let attempt = input.replan.as_ref().map_or(1, |replan| replan.attempt);
        let spot = Box::pin(self.spot(&input)).await?;
        let Spot { destination, placement, stands, is_replica } = spot;
        let planned = plan::transfer(&input, destination, placement, stands.as_ref(), self.multipart_threshold);
        let transfer = Transfer { bad_versions, ..planned };
        match stands {
            Some(head) if is_replica => Ok(plan::stands(attempt, transfer, head.stored())),
            _ if plan::is_small(&transfer) => Box::pin(self.copy(attempt, transfer)).await,
            _ => Box::pin(self.open(attempt, &input, transfer)).await,
        }
    }
}

/// Where the replica goes.
struct Spot {
    destination: Destination,
    placement: Placement,
    stands: Option<Head>,
    /// Whether what stands is the replica of this very upload.
    is_replica: bool,
}

impl CrossRegionReplicate {
    async fn spot(&self, input: &ReplicateInput) -> Result<Spot, Refusal> {
        if let Some(spot) = self.spot_by_receipt(input).await? {
            return Ok(spot);
        }
        let replica = self.aws.s3(&input.replica.region);
        let stamp = &input.transfer.stamp;
        let destination = Destination {
            bucket: input.replica.bucket.clone(),
            key: input.backup.destination.key.clone(),
            region: input.replica.region.clone(),
        };
        let stands = s3::head(&replica, ObjectRef::current(&destination)).await?;
        let place = plan::place(stands.as_ref(), stamp);
        if let Some(copy) = self.standing_copy(input, &destination, place, stands.as_ref()).await? {
            let placement = input.transfer.placement;
            return Ok(Spot { destination, placement, stands: Some(copy), is_replica: true });
        }
        let at_its_key = match place {
            Place::Taken | Place::Backup => true,
            Place::History => false,
            Place::AskBackup => self.is_current(input).await?,
        };
        // A backup that went among the late ones keeps its key, and nothing there can be newer.
        if at_its_key || input.transfer.placement == Placement::History {
            let placement = input.transfer.placement;
            return Ok(Spot { destination, placement, stands, is_replica: false });
        }
        let destination = Destination { key: history_key(&input.transfer.source.key, stamp)?, ..destination };
        let stands = s3::head(&replica, ObjectRef::current(&destination)).await?;
        let is_replica = stands.as_ref().is_some_and(|head| plan::is_replica(input, head));
        Ok(Spot { destination, placement: Placement::History, stands, is_replica })
    }

    /// The replica of this upload that stands at its key. One that an earlier try made may lie beneath a newer one by now;
    /// one whose proof failed is not taken again.
    async fn standing_copy(
        &self,
        input: &ReplicateInput,
        destination: &Destination,
        place: Place,
        current: Option<&Head>,
    ) -> Result<Option<Head>, Refusal> {
        match (place, &input.replan) {
            (Place::Taken, None) => Ok(current.cloned()),
            (Place::Backup | Place::AskBackup, None) => Ok(None),
            (Place::History, _) | (_, Some(_)) => {
                let given_up = input.replan.as_ref().map(|replan| &replan.given_up);
                let at_its_key = given_up.filter(|given_up| given_up.destination == *destination);
                let not_beneath = at_its_key.and_then(|given_up| given_up.replaces.as_ref());
                let sought = Sought { size: input.transfer.source.size, not_beneath };
                let client = self.aws.s3(&destination.region);
                let is_it = |head: &Head| plan::is_replica(input, head);
                let search = s3::standing_copy(&client, destination, sought, current, is_it).await?;
                Ok(search.found(destination))
            }
        }
    }

    /// The replica of an upload whose stamp has no room in metadata, where a receipt names it and it stands. A new plan has
    /// given one up and does not ask.
    async fn spot_by_receipt(&self, input: &ReplicateInput) -> Result<Option<Spot>, Refusal> {
        let Transfer { source, stamp, stamp_place, .. } = &input.transfer;
        if *stamp_place == StampPlace::Metadata || input.replan.is_some() {
            return Ok(None);
        }
        let key = self.receipts.key_of((&source.bucket, &source.key), stamp).map_err(Refusal::ReceiptKey)?;
        let filed = s3::read_receipt(&self.aws.s3(self.aws.region()), s3::receipt_object(&self.receipts, &key)).await?;
        let named = filed.and_then(|filed| filed.names?.replica);
        let here = named.filter(|copy| copy.destination.bucket == input.replica.bucket);
        let Some(NamedCopy { destination, stored }) = here else { return Ok(None) };
        let client = self.aws.s3(&destination.region);
        let stands = s3::head(&client, ObjectRef::stored(&destination, &stored)).await?;
        let at_its_key = destination.key == input.backup.destination.key;
        let placement = if at_its_key { input.transfer.placement } else { Placement::History };
        let stands = stands.filter(|head| head.etag == stored.etag);
        Ok(stands.map(|head| Spot { destination, placement, stands: Some(head), is_replica: true }))
    }

    async fn is_current(&self, input: &ReplicateInput) -> Result<bool, Refusal> {
        let backup = plan::source(input);
        let current = ObjectRef { version_id: None, ..ObjectRef::source(&backup) };
        let current = s3::head(&self.aws.s3(&backup.region), current).await?;
        Ok(plan::is_current(current.as_ref(), &backup))
    }

    async fn copy(&self, attempt: u32, transfer: Transfer) -> Result<ReplicaPlan, Refusal> {
        let replica = self.aws.s3(&transfer.destination.region);
        // No key of ours: the replica bucket's default encryption is its own region's business.
        match s3::copy_object(&replica, &transfer, None).await {
            Ok(stored) => Ok(plan::stands(attempt, transfer, stored)),
            Err(failure) if failure.name() == ErrorName::SourceGone => Err(self.gone(failure, &transfer).await?),
            Err(failure) => Err(failure.into()),
        }
    }

    /// What it means that S3 found something gone. The copy is made under a condition on what stands at the replica's
    /// key, and S3 answers 404 as well where that was deleted; so the backup itself is looked at.
    async fn gone(&self, failure: Failure, transfer: &Transfer) -> Result<Refusal, Refusal> {
        let backup = ObjectRef::source(&transfer.source);
        let stands = s3::head(&self.aws.s3(&transfer.source.region), backup).await?;
        if stands.is_none() {
            return Ok(Refusal::BackupGone { object: backup.to_string(), failure });
        }
        let replica = ObjectRef::current(&transfer.destination);
        let message = format!("Somebody deleted {replica} since it was looked at. A new plan is made.");
        Ok(Refusal::Service(Failure::new(ErrorName::DestinationChanged, message)))
    }

    async fn open(&self, attempt: u32, input: &ReplicateInput, mut transfer: Transfer) -> Result<ReplicaPlan, Refusal> {
        let found = self.found_parts(input, &transfer).await?;
        let layout = plan::layout(input, found)?;
        let replica = self.aws.s3(&transfer.destination.region);
        let upload_id = s3::open_upload(&replica, &transfer, None).await?;
        transfer.upload = Some(MultipartUpload {
            upload_id,
            part_size: layout.part_size(),
            part_count: u32::try_from(layout.part_count()).unwrap_or(u32::MAX),
        });
        Ok(plan::in_parts(attempt, transfer, layout))
    }

    /// The parts of a backup that no plan has cut, because it was found standing.
    async fn found_parts(&self, input: &ReplicateInput, transfer: &Transfer) -> Result<Option<SourceParts>, Refusal> {
        if input.transfer.layout().is_some() || !transfer.source.etag.is_of_parts() {
            return Ok(None);
        }
        let backup = ObjectRef::source(&transfer.source);
        match s3::source_parts(&self.aws.s3(&transfer.source.region), backup, &transfer.source.etag).await {
            Ok(parts) => Ok(parts),
            Err(failure) if failure.name() == ErrorName::SourceGone => Err(self.gone(failure, transfer).await?),
            Err(failure) => Err(failure.into()),
        }
    }
}
