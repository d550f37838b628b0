//! Decides where a copy goes, and whether it still has to be made.

use holdfast_core::{
    contract::{Destination, Placement, Plan, Source, Stored},
    object::occupant,
    order::{PlacementDecision, PlacementFacts, Stamp, place},
    planner::Target,
    receipt::late_key,
};
use holdfast_s3::{self as s3, Head, ObjectRef, S3Error};

use crate::{Error, Validate, is_copy_of};

/// The result of the search for a target.
pub(crate) enum Found {
    /// The upload is backed up already: the plan to skip it.
    BackedUp(Plan),
    /// The upload is not backed up.
    Target {
        /// The destination.
        target: Box<Target>,
        /// The remaining work.
        work: Work,
    },
}

/// The remaining work for an upload that is not backed up.
pub(crate) enum Work {
    /// Make the copy, then prove it.
    Copy,
    /// Prove the copy that is published already.
    Prove(Stored),
}

impl Validate {
    /// Finds the target of a copy. `current` is the current object at the source's key in the backup bucket.
    ///
    /// A replan searched for receipt and copy before. A published copy of this upload was then rejected, and is made
    /// again.
    pub(crate) async fn find_target(
        &self,
        source: &Source,
        stamp: &Stamp,
        current: Option<Head>,
        is_replan: bool,
    ) -> Result<Found, Error> {
        let decision = self.place(source, stamp, current.as_ref()).await?;
        // A late upload may have been the current one before a newer one replaced it.
        if decision != PlacementDecision::Current && !is_replan {
            let key = self.config.receipts.key_of(&source.bucket, &source.key, stamp)?;
            if let Some(plan) = self.backed_up_by(&key, &source.key, current.as_ref()).await? {
                return Ok(Found::BackedUp(plan));
            }
        }
        let destination = self.destination(&source.key);
        let target = match decision {
            PlacementDecision::Late => {
                let destination = Destination { key: late_key(&source.key, stamp)?, ..destination };
                let current = s3::head(&self.aws.s3(&destination.region), ObjectRef::current(&destination)).await?;
                Target { destination, placement: Placement::Late, current }
            }
            PlacementDecision::Current | PlacementDecision::AlreadyThere | PlacementDecision::AskRecency => {
                Target { destination, placement: Placement::Current, current }
            }
        };
        let published = target.current.as_ref().filter(|head| !is_replan && is_copy_of(head, stamp));
        let work = published.map_or(Work::Copy, |head| Work::Prove(head.stored()));
        Ok(Found::Target { target: Box::new(target), work })
    }

    /// Decides where a copy goes. Asks the source which version is its newest only if the stamps do not decide.
    async fn place(
        &self,
        source: &Source,
        stamp: &Stamp,
        current: Option<&Head>,
    ) -> Result<PlacementDecision, S3Error> {
        let facts = PlacementFacts { upload: stamp, occupant: occupant(current), recency: None };
        match place(facts) {
            PlacementDecision::AskRecency => {
                let recency = s3::recency(&self.aws.s3(&source.region), ObjectRef::source(source)).await?;
                Ok(place(PlacementFacts { recency: Some(recency), ..facts }))
            }
            decision => Ok(decision),
        }
    }
}
