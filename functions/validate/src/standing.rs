//! Copies of the upload that stand already though no receipt says that they were proven: left by a request whose answer was
//! lost, or by an execution past redrive. They are proven where they stand, and not made a second time. That works
//! also where the source is gone by now: its checksum may be in the plan that was given up.

use holdfast_core::{
    contract::{Destination, Placement, Plan, Replan, SkipReason, StampPlace, Transfer},
    event::Upload,
    names::{BucketName, ObjectKey, VersionId},
    receipt::{Receipts, history_key},
    stamp::{Stamp, Standing},
};
use holdfast_s3::{self as s3, Head, ObjectRef, Search, Sought, replan};

use crate::{
    Refusal, Seen, Validate,
    plan::{self, Stop},
    refusal::Whose,
};

impl Validate {
    /// A re-plan's first question: whether the copy stands, made by the plan that was given up or by another execution. One
    /// that could not be proven is not taken.
    pub(crate) async fn replan(
        &self,
        replan: &Replan,
        seen: &Seen,
        bad_versions: &[VersionId],
    ) -> Result<Option<Plan>, Stop> {
        let given_up = &replan.given_up;
        self.check_receipt(&given_up.source, &given_up.stamp, seen.destination.as_ref()).await?;
        let is_lost = plan::is_lost(given_up, seen.source.as_ref());
        let Some((spot, head)) = self.find(replan, seen.destination.as_ref(), is_lost).await? else { return Ok(None) };
        if is_lost && replan.unproven.as_ref().is_some_and(|unproven| unproven.is_same(&head.stored())) {
            let object = ObjectRef::source(&given_up.source).to_string();
            return Err(Refusal::Unproven { object, copy: name(&spot.0, &head), whose: Whose::ThisUpload }.into());
        }
        let bad_versions = bad_versions.to_vec();
        let transfer = Transfer { bad_versions, ..plan::standing(given_up, spot, &head) };
        Ok(Some(self.prove(replan.attempt, transfer, head.stored())))
    }

    /// The copy, at the source's own key or among the late ones. Where it cannot be made again, because what it would be
    /// copied from is lost, nothing is passed over in silence that may be it.
    async fn find(
        &self,
        replan: &Replan,
        stands: Option<&Head>,
        is_lost: bool,
    ) -> Result<Option<((Destination, Placement), Head)>, Stop> {
        let given_up = &replan.given_up;
        let (source, stamp) = (&given_up.source, &given_up.stamp);
        let current = self.destination(&source.key);
        let wanted = Wanted { replan, is_lost };
        let search = self.search(given_up, &current, stands, |head| wanted.is_copy(head)).await?;
        if let Search::Found(head) = search {
            return Ok(Some(((current, Placement::Current), *head)));
        }
        let late = Destination { key: history_key(&source.key, stamp)?, ..current.clone() };
        let head = s3::head(&self.aws.s3(&late.region), ObjectRef::current(&late)).await?;
        if let Some(head) = head.filter(|head| wanted.is_late_copy(head)) {
            return Ok(Some(((late, Placement::History), head)));
        }
        if !is_lost {
            return Ok(search.found(&current).map(|head| ((current, Placement::Current), head)));
        }
        let search = match given_up.stamp_place {
            StampPlace::Metadata => search,
            StampPlace::Receipt => self.search(given_up, &current, stands, |head| wanted.may_be_copy(head)).await?,
        };
        let object = ObjectRef::source(source).to_string();
        match search {
            Search::NotThere => Ok(None),
            Search::Found(head) => {
                let whose = self.whose(&source.bucket, &source.key);
                Err(Refusal::Unproven { object, copy: name(&current, &head), whose }.into())
            }
            Search::CutShort => {
                Err(Refusal::NotLookedThrough { object, key: ObjectRef::current(&current).to_string() }.into())
            }
        }
    }

    async fn search(
        &self,
        given_up: &Transfer,
        current: &Destination,
        stands: Option<&Head>,
        is_it: impl Fn(&Head) -> bool,
    ) -> Result<Search, Stop> {
        let not_beneath = given_up.replaces.as_ref().filter(|_| given_up.destination == *current);
        let sought = Sought { size: given_up.source.size, not_beneath };
        Ok(s3::standing_copy(&self.aws.s3(&current.region), current, sought, stands, is_it).await?)
    }

    /// Where an unstamped backup of this key is named by the receipt of its own upload.
    fn whose(&self, bucket: &BucketName, key: &ObjectKey) -> Whose {
        let Receipts { bucket: receipts, prefix } = &self.config.receipts;
        Whose::Unknown { receipts: format!("s3://{receipts}/{prefix}{bucket}/{key}/") }
    }

    /// What it means that the source is gone, and no earlier plan has copied it.
    pub(crate) async fn gone(&self, upload: &Upload, stands: Option<&Head>) -> Stop {
        let object = plan::announced(upload);
        match self.unproven(upload, stands).await {
            Ok(Some(copy)) => Refusal::Unproven { object: object.to_string(), copy, whose: Whose::ThisUpload }.into(),
            Ok(None) => Stop::Skip(SkipReason::SourceGone, format!("{object} was deleted before it could be copied")),
            Err(stop) => stop,
        }
    }

    /// The copy that stands without a receipt; stops where there is one.
    async fn unproven(&self, upload: &Upload, stands: Option<&Head>) -> Result<Option<String>, Stop> {
        let destination = self.destination(&upload.key);
        let Some((stamp, head)) = plan::stamp_of_gone(upload).zip(stands) else { return Ok(None) };
        self.check_receipt_of((&upload.bucket, &upload.key), &stamp, Some(head)).await?;
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

/// The copy of a plan that was given up, which may have been published by a request whose answer was lost. One that could
/// not be proven is not it.
struct Wanted<'a> {
    replan: &'a Replan,
    /// Whether it cannot be made again.
    is_lost: bool,
}

impl Wanted<'_> {
    /// Whether this is the copy, seen at the source's own key: by its stamp or, without one, by its bytes. Those may be of
    /// another upload of the same bytes, so that they count only where the source is lost.
    fn is_copy(&self, head: &Head) -> bool {
        let given_up = &self.replan.given_up;
        let by_its_bytes = self.is_lost && self.may_be_copy(head) && plan::has_the_bytes(given_up, head);
        self.is_unrefuted(head) && (is_copy(head, &given_up.stamp) || by_its_bytes)
    }

    /// Whether this is the copy, seen among the late ones. That key is this upload's alone, so that what lies there needs no
    /// stamp to be known.
    fn is_late_copy(&self, head: &Head) -> bool {
        let given_up = &self.replan.given_up;
        self.is_unrefuted(head) && (is_copy(head, &given_up.stamp) || plan::is_unstamped_copy(given_up, head))
    }

    /// Whether this may be the copy, though it has no stamp: it came since, and looks like it.
    fn may_be_copy(&self, head: &Head) -> bool {
        plan::may_be_copy(&self.replan.given_up, head) && self.is_unrefuted(head)
    }

    fn is_unrefuted(&self, head: &Head) -> bool {
        !replan::is_given_up(Some(self.replan), head)
    }
}

/// A copy as people are told of it.
fn name(destination: &Destination, head: &Head) -> String {
    ObjectRef { version_id: head.version_id.as_ref(), ..ObjectRef::current(destination) }.to_string()
}

fn is_copy(head: &Head, stamp: &Stamp) -> bool {
    head.stamp.as_ref().is_some_and(|found| found.standing(stamp) == Standing::Same)
}
