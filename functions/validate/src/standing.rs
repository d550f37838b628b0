//! Copies of the upload that stand already though no receipt says that they were proven: left by a request whose answer was
//! lost, or by an execution past redrive. They are proven where they stand, and not made a second time. That works
//! also where the source is gone by now: its checksum may be in the plan that was given up.

use holdfast_core::{
    contract::{Destination, Placement, Plan, Replan, SkipReason, Transfer},
    event::Upload,
    receipt::history_key,
    stamp::{Stamp, Standing},
};
use holdfast_lambda::s3::{self, Head, ObjectRef};

use crate::{
    Refusal, Validate,
    plan::{self, Stop},
};

impl Validate {
    /// A re-plan's first question: whether the copy stands, made by the plan that was given up or by another execution. One
    /// whose proof failed is not taken.
    pub(crate) async fn replan(&self, replan: &Replan, stands: Option<&Head>) -> Result<Option<Plan>, Stop> {
        let given_up = &replan.given_up;
        self.check_receipt(&given_up.source, &given_up.stamp).await?;
        let Some((spot, head)) = self.find(given_up, stands).await? else { return Ok(None) };
        let stored = head.stored();
        if replan.rejected.as_ref().is_some_and(|rejected| rejected.is_same(&stored)) {
            return Ok(None);
        }
        let transfer = plan::standing(given_up, spot);
        Ok(Some(self.prove(replan.attempt, transfer, stored)))
    }

    /// The copy, at the source's own key or among the late ones.
    async fn find(
        &self,
        given_up: &Transfer,
        stands: Option<&Head>,
    ) -> Result<Option<((Destination, Placement), Head)>, Stop> {
        let (source, stamp) = (&given_up.source, &given_up.stamp);
        let current = self.destination(&source.key);
        let client = self.aws.s3(&current.region);
        if let Some(head) = s3::standing_copy(&client, &current, (stamp, source.size), stands).await? {
            return Ok(Some(((current, Placement::Current), head)));
        }
        let late = Destination { key: history_key(&source.key, stamp)?, ..current };
        let head = s3::head(&client, ObjectRef::current(&late)).await?;
        // That key is this upload's alone, so that what lies there needs no stamp to be known.
        let ours = head.filter(|head| is_copy(head, stamp) || plan::is_unstamped_copy(given_up, head));
        Ok(ours.map(|head| ((late, Placement::History), head)))
    }

    /// What it means that the source is gone, where no copy was found that a plan could go on with.
    pub(crate) async fn gone(&self, upload: &Upload, replan: Option<&Replan>, stands: Option<&Head>) -> Stop {
        let object = plan::announced(upload);
        match self.unproven(upload, replan, stands).await {
            Ok(Some(copy)) => Refusal::Unproven { object: object.to_string(), copy }.into(),
            Ok(None) => Stop::Skip(SkipReason::SourceGone, format!("{object} was deleted before it could be copied")),
            Err(stop) => stop,
        }
    }

    /// The copy that stands without a receipt; stops where there is one.
    async fn unproven(
        &self,
        upload: &Upload,
        replan: Option<&Replan>,
        stands: Option<&Head>,
    ) -> Result<Option<String>, Stop> {
        let destination = self.destination(&upload.key);
        if let Some(replan) = replan {
            let copy = stands.filter(|head| plan::may_be_copy(&replan.given_up, head));
            return Ok(copy.map(|head| name(&destination, head)));
        }
        let Some((stamp, head)) = plan::stamp_of_gone(upload).zip(stands) else { return Ok(None) };
        self.check_receipt_of(&upload.bucket, &upload.key, &stamp).await?;
        if is_copy(head, &stamp) {
            return Ok(Some(name(&destination, head)));
        }
        // That key is this upload's alone.
        let late = Destination { key: history_key(&upload.key, &stamp)?, ..destination };
        let head = s3::head(&self.aws.s3(&late.region), ObjectRef::current(&late)).await?;
        Ok(head.map(|head| name(&late, &head)))
    }

    /// The plan for a copy that stands.
    pub(crate) fn prove(&self, attempt: u32, transfer: Transfer, stored: holdfast_core::contract::Stored) -> Plan {
        Plan::Copy {
            attempt,
            transfer: Box::new(transfer),
            slices: Vec::new(),
            digest_slices: false,
            replica: self.config.replica.clone(),
            stored: Some(stored),
        }
    }
}

/// A copy as people are told of it.
fn name(destination: &Destination, head: &Head) -> String {
    ObjectRef { version_id: head.version_id.as_ref(), ..ObjectRef::current(destination) }.to_string()
}

fn is_copy(head: &Head, stamp: &Stamp) -> bool {
    head.stamp.as_ref().is_some_and(|found| found.standing(stamp) == Standing::Same)
}
