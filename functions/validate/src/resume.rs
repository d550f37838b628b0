//! Finds copies of the upload that are published but have no receipt. A request whose response was lost, or an execution
//! that cannot be redriven any more, may have published them. They are proven instead of copied again. That works even
//! if the source is gone, because the plan that was given up may have its checksum.

use holdfast_core::{
    contract::{Backup, Destination, Placement, Plan, Replan},
    event::Upload,
    names::VersionId,
    planner::backup::{FoundCopy, is_source_lost, plan_published},
    receipt::{UploadId, late_key},
};
use holdfast_s3::{self as s3, Head, ObjectRef, SearchCriteria, SearchResult, replan};

use crate::{Error, Observed, Steps, Validate, is_copy_of, name, skip};

/// The result of the search for the copy of a plan that was given up.
enum Resumed {
    Found(Box<FoundCopy>),
    NotFound,
    /// Too many newer versions are above the copy, if it exists.
    LimitReached {
        key: String,
    },
}

impl Validate {
    /// The first question of a replan: whether the upload is backed up, or its copy published, by the plan that was
    /// given up or by another execution. `None` if it has to be copied.
    pub(crate) async fn resume(
        &self,
        replan: &Replan,
        observed: &Observed,
        rejected_versions: &[VersionId],
    ) -> Result<Option<Plan>, Error> {
        let Backup { copy, stamp, .. } = &replan.given_up;
        let source = &copy.source;
        let receipt = self.config.receipts.key_of(&source.bucket, &source.key, stamp)?;
        if let Some(plan) = self.backed_up_by(&receipt, &source.key, observed.current.as_ref()).await? {
            return Ok(Some(plan));
        }
        let is_lost = is_source_lost(copy, observed.source.as_ref());
        let object = || ObjectRef::source(source).to_string();
        match self.find_published(replan, observed.current.as_ref()).await? {
            Resumed::Found(found) => {
                let stored = found.head.stored();
                if is_lost && replan.unproven.as_ref().is_some_and(|unproven| unproven.is_same(&stored)) {
                    let copy = name(&found.destination, found.head.version_id.as_ref());
                    return Err(Error::Unproven { object: object(), copy });
                }
                let backup = plan_published(&replan.given_up, &found, rejected_versions.to_vec());
                Ok(Some(self.copy_plan(replan.attempt, backup, Steps::prove(stored))))
            }
            Resumed::LimitReached { key } if is_lost => Err(Error::NotSearched { object: object(), key }),
            Resumed::LimitReached { key } => {
                tracing::warn!(key, "too many versions are above the copy; it is made again");
                Ok(None)
            }
            Resumed::NotFound => Ok(None),
        }
    }

    /// Looks for the copy at the source's key, also below newer versions, and among the late backups. A rejected copy
    /// is not used again.
    async fn find_published(&self, replan: &Replan, current: Option<&Head>) -> Result<Resumed, Error> {
        let Backup { copy, stamp, .. } = &replan.given_up;
        let is_ours = |head: &Head| is_copy_of(head, stamp) && !replan::is_rejected(Some(replan), head);
        let destination = self.destination(&copy.source.key);
        let not_below = copy.replaces.as_ref().filter(|_| copy.destination == destination);
        let wanted = SearchCriteria { size: copy.source.size, not_below };
        let client = self.aws.s3(&destination.region);
        let search = s3::find_copy(&client, &destination, wanted, current, is_ours).await?;
        if let SearchResult::Found(head) = search {
            let found = FoundCopy { destination, placement: Placement::Current, head: *head };
            return Ok(Resumed::Found(Box::new(found)));
        }
        let late = Destination { key: late_key(&copy.source.key, stamp)?, ..destination.clone() };
        let head = s3::head(&client, ObjectRef::current(&late)).await?;
        if let Some(head) = head.filter(is_ours) {
            let found = FoundCopy { destination: late, placement: Placement::Late, head };
            return Ok(Resumed::Found(Box::new(found)));
        }
        Ok(match search {
            SearchResult::LimitReached => Resumed::LimitReached { key: ObjectRef::current(&destination).to_string() },
            SearchResult::Found(_) | SearchResult::NotFound => Resumed::NotFound,
        })
    }

    /// The plan for an upload whose source is gone and that no earlier plan has copied. If its copy is published
    /// without a receipt, another execution published it, and nothing is left to prove it by.
    pub(crate) async fn source_gone(&self, upload: &Upload, current: Option<&Head>) -> Result<Plan, Error> {
        let (Some(etag), Some(current)) = (&upload.etag, current) else { return Ok(skip::source_gone(upload)) };
        let (version, sequencer) = (upload.version_id.as_ref(), upload.event.sequencer.as_ref());
        let id = UploadId { version_id: version, sequencer, etag };
        if let Some(plan) = self.backed_up_by_search(upload, id, current).await? {
            return Ok(plan);
        }
        let destination = self.destination(&upload.key);
        let unproven = |copy| Err(Error::Unproven { object: crate::announced(upload).to_string(), copy });
        if current.stamp.as_ref().is_some_and(|stamp| stamp.is_same_upload(version, sequencer, etag)) {
            return unproven(name(&destination, current.version_id.as_ref()));
        }
        // The key of a late backup belongs to its upload alone.
        let late = Destination { key: late_key(&upload.key, id)?, ..destination };
        match s3::head(&self.aws.s3(&late.region), ObjectRef::current(&late)).await? {
            Some(head) => unproven(name(&late, head.version_id.as_ref())),
            None => Ok(skip::source_gone(upload)),
        }
    }
}
