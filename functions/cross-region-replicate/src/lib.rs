//! cross-region-replicate: plans the replica leg, from the proven backup version to the replica bucket, and makes the
//! copy itself if one request does it.
//!
//! The copy is pinned to the version and entity tag that were proven, and has the attributes and the stamp of the
//! backup. A large one has the parts of the backup. Every request of the copy goes to the replica's region.
//!
//! If the replica of this upload is published already, the plan returns it, and the next state proves it. If that proof
//! fails and the version cannot be removed, the next plan replaces it. The rules of order are those of backups.
//!
//! The state retries `Destination.Changed`, because every attempt makes a new plan. `Source.Gone` means that a
//! proven backup was deleted. No new plan resolves that, so the execution fails.
//!
//! If this function is called again because its response was lost, it opens a second upload. The first is never
//! completed; a lifecycle rule of the replica bucket removes it.

mod error;
#[cfg(test)]
mod tests;

use holdfast_core::{
    ErrorName, Fact,
    contract::{Backup, Destination, Method, MultipartUpload, Placement, ReplicaPlan, ReplicateInput},
    layout::{DEFAULT_MULTIPART_THRESHOLD, SourceParts},
    object::occupant,
    order::{PlacementDecision, PlacementFacts, place},
    planner::{Target, replica},
    receipt::late_key,
};
use holdfast_lambda::{Aws, ConfigError, Deadline, Environment, Function};
use holdfast_s3::{
    self as s3, Head, ObjectRef, S3Error, SearchCriteria,
    replan::{self, Leg},
};

pub use crate::error::Error;

/// The function.
#[derive(Debug)]
pub struct CrossRegionReplicate {
    multipart_threshold: u64,
    aws: Aws,
}

impl Function for CrossRegionReplicate {
    const NAME: &'static str = "cross-region-replicate";
    const ENVIRONMENT: &'static [&'static str] = &["MULTIPART_THRESHOLD"];
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
    type Error = Error;

    fn new(environment: &Environment, aws: Aws) -> Result<Self, ConfigError> {
        let multipart_threshold =
            environment.optional("MULTIPART_THRESHOLD", "a number of bytes")?.unwrap_or(DEFAULT_MULTIPART_THRESHOLD);
        Ok(Self { multipart_threshold, aws })
    }

    async fn call(&self, input: ReplicateInput, _deadline: Deadline) -> Result<ReplicaPlan, Error> {
        let mut rejected_versions = Vec::new();
        if let Some(replan) = &input.replan {
            let backup = &input.proven.destination;
            let leg =
                Leg { event: &input.backup.event.id, from: (&backup.bucket, &backup.key), to: &input.replica.bucket };
            let client = self.aws.s3(&replan.given_up.copy.destination.region);
            replan::give_up(&client, replan, input.redrives, leg).await?;
            rejected_versions = replan::rejected_versions(&client, replan).await?;
        }
        let attempt = input.replan.as_ref().map_or(1, |replan| replan.attempt);
        let Found { target, is_published } = Box::pin(self.find_target(&input)).await?;
        let mut replica = replica::plan(&input, &target, self.multipart_threshold);
        replica.copy.rejected_versions = rejected_versions;
        match (target.current, replica.copy.method) {
            (Some(head), _) if is_published => Ok(replica::published(attempt, replica, head.stored())),
            (_, Method::CopyObject) => Box::pin(self.copy(attempt, replica)).await,
            (_, Method::Multipart) => Box::pin(self.open(attempt, &input, replica)).await,
        }
    }
}

/// Where the replica goes.
struct Found {
    target: Target,
    /// Whether the current object there is the replica of this upload.
    is_published: bool,
}

impl CrossRegionReplicate {
    async fn find_target(&self, input: &ReplicateInput) -> Result<Found, Error> {
        let client = self.aws.s3(&input.replica.region);
        let destination = Destination {
            bucket: input.replica.bucket.clone(),
            key: input.proven.destination.key.clone(),
            region: input.replica.region.clone(),
        };
        let placement = input.backup.placement;
        let current = s3::head(&client, ObjectRef::current(&destination)).await?;
        let decision = self.place(input, current.as_ref()).await?;
        if let Some(found) = self.find_published(input, &destination, decision, current.as_ref()).await? {
            let target = Target { destination, placement, current: Some(found) };
            return Ok(Found { target, is_published: true });
        }
        // The key of a late backup belongs to its upload alone, so nothing newer can be there.
        if decision != PlacementDecision::Late || placement == Placement::Late {
            let target = Target { destination, placement, current };
            return Ok(Found { target, is_published: false });
        }
        let key = late_key(&input.backup.copy.source.key, &input.backup.stamp)?;
        let destination = Destination { key, ..destination };
        let current = s3::head(&client, ObjectRef::current(&destination)).await?;
        let is_published = current.as_ref().is_some_and(|head| is_replica(input, head));
        Ok(Found { target: Target { destination, placement: Placement::Late, current }, is_published })
    }

    /// Decides where the replica goes. Asks the backup bucket which version is the newest only if the stamps do not
    /// decide.
    async fn place(&self, input: &ReplicateInput, current: Option<&Head>) -> Result<PlacementDecision, Error> {
        let facts = PlacementFacts { upload: &input.backup.stamp, occupant: occupant(current), recency: None };
        match place(facts) {
            PlacementDecision::AskRecency => {
                let backup = replica::source(input);
                let recency = s3::recency(&self.aws.s3(&backup.region), ObjectRef::source(&backup)).await?;
                Ok(place(PlacementFacts { recency: Some(recency), ..facts }))
            }
            decision => Ok(decision),
        }
    }

    /// The replica of this upload that is published at its key. One that an earlier call made may be below a newer one
    /// by now. A rejected one is not used again.
    async fn find_published(
        &self,
        input: &ReplicateInput,
        destination: &Destination,
        decision: PlacementDecision,
        current: Option<&Head>,
    ) -> Result<Option<Head>, Error> {
        match (decision, &input.replan) {
            (PlacementDecision::AlreadyThere, None) => Ok(current.cloned()),
            (PlacementDecision::Current | PlacementDecision::AskRecency, None) => Ok(None),
            (PlacementDecision::Late, _) | (_, Some(_)) => {
                let given_up = input.replan.as_ref().map(|replan| &replan.given_up.copy);
                let at_its_key = given_up.filter(|given_up| given_up.destination == *destination);
                let not_below = at_its_key.and_then(|given_up| given_up.replaces.as_ref());
                let wanted = SearchCriteria { size: input.backup.copy.source.size, not_below };
                let client = self.aws.s3(&destination.region);
                let is_ours = |head: &Head| is_replica(input, head);
                let search = s3::find_copy(&client, destination, wanted, current, is_ours).await?;
                Ok(search.found(destination))
            }
        }
    }

    async fn copy(&self, attempt: u32, replica: Backup) -> Result<ReplicaPlan, Error> {
        let client = self.aws.s3(&replica.copy.destination.region);
        // Without a KMS key: the default encryption of the replica bucket belongs to its own region.
        match s3::copy_object(&client, &replica.copy, None).await {
            Ok(stored) => Ok(replica::published(attempt, replica, stored)),
            Err(error) if error.name() == ErrorName::SourceGone => Err(self.source_gone(error, &replica).await?),
            Err(error) => Err(error.into()),
        }
    }

    /// The reason for a 404 of S3. The copy has a condition on the object at the replica's key, and S3 also answers 404
    /// if that object was deleted. So this asks for the backup itself.
    async fn source_gone(&self, error: S3Error, replica: &Backup) -> Result<Error, S3Error> {
        let backup = ObjectRef::source(&replica.copy.source);
        let exists = s3::head(&self.aws.s3(&replica.copy.source.region), backup).await?.is_some();
        if !exists {
            return Ok(Error::BackupGone { object: backup.to_string(), error });
        }
        Ok(Error::OccupantDeleted { object: ObjectRef::current(&replica.copy.destination).to_string() })
    }

    async fn open(&self, attempt: u32, input: &ReplicateInput, mut replica: Backup) -> Result<ReplicaPlan, Error> {
        let found = self.found_parts(input, &replica).await?;
        let layout = replica::layout(input, found).map_err(|reason| {
            let object = ObjectRef::stored(&input.proven.destination, &input.proven.stored).to_string();
            Error::TooLarge { object, reason }
        })?;
        let client = self.aws.s3(&replica.copy.destination.region);
        let upload_id = s3::open_upload(&client, &replica.copy, None).await?;
        replica.copy.upload =
            Some(MultipartUpload { upload_id, part_size: layout.part_size(), part_count: layout.part_count() });
        Ok(replica::in_parts(attempt, replica, layout))
    }

    /// The parts of a backup that was found already published, because its plan does not have them.
    async fn found_parts(&self, input: &ReplicateInput, replica: &Backup) -> Result<Option<SourceParts>, Error> {
        let source = &replica.copy.source;
        if input.backup.copy.layout().is_some() || !source.etag.is_of_parts() {
            return Ok(None);
        }
        match s3::source_parts(&self.aws.s3(&source.region), ObjectRef::source(source), &source.etag).await {
            Ok(parts) => Ok(parts),
            Err(error) if error.name() == ErrorName::SourceGone => Err(self.source_gone(error, replica).await?),
            Err(error) => Err(error.into()),
        }
    }
}

/// Whether an object is the replica of this upload, and not a rejected version.
fn is_replica(input: &ReplicateInput, head: &Head) -> bool {
    let is_same = head.stamp.as_ref().is_some_and(|found| found.is_same(&input.backup.stamp));
    is_same && !replan::is_rejected(input.replan.as_ref(), head)
}
