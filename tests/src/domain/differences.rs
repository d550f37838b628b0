//! What is other in a world than it was: for tests that nothing has changed.

use std::{collections::BTreeMap, fmt::Debug};

use super::{Bucket, Facts};

impl Facts {
    /// Everything that is not as it was, a line each: what is gone with `-`, what is new with `+`, what differs with
    /// `~`.
    pub fn changes_since(&self, before: &Self) -> Vec<String> {
        let mut changes = Vec::new();
        let buckets = |facts: &Self| [Some(facts.source.clone()), Some(facts.backup.clone()), facts.replica.clone()];
        for (then, now) in buckets(before).into_iter().zip(buckets(self)) {
            let (Some(then), Some(now)) = (then, now) else { continue };
            compare(&mut changes, versions(&then), &versions(&now));
            compare(&mut changes, uploads(&then), &uploads(&now));
        }
        let receipts = |facts: &Self| facts.receipts.iter().map(|filed| (filed.key.clone(), filed.clone())).collect();
        compare(&mut changes, receipts(before), &receipts(self));
        let executions =
            |facts: &Self| facts.executions.iter().map(|found| (found.arn.clone(), found.clone())).collect();
        compare(&mut changes, executions(before), &executions(self));
        compare(&mut changes, messages(before), &messages(self));
        changes
    }
}

fn versions(bucket: &Bucket) -> BTreeMap<String, super::Version> {
    bucket.versions.iter().map(|version| (version.name(bucket), version.clone())).collect()
}

fn uploads(bucket: &Bucket) -> BTreeMap<String, super::OpenUpload> {
    let name = |upload: &super::OpenUpload| format!("upload {} of s3://{}/{}", upload.id, bucket.name, upload.key);
    bucket.uploads.iter().map(|upload| (name(upload), upload.clone())).collect()
}

fn messages(facts: &Facts) -> BTreeMap<String, usize> {
    facts.messages.iter().map(|((arn, status), count)| (format!("messages of {status} of {arn}"), *count)).collect()
}

fn compare<T: PartialEq + Debug>(changes: &mut Vec<String>, then: BTreeMap<String, T>, now: &BTreeMap<String, T>) {
    changes.extend(now.keys().filter(|name| !then.contains_key(*name)).map(|name| format!("+ {name}")));
    for (name, then) in then {
        match now.get(&name) {
            None => changes.push(format!("- {name}")),
            Some(now) if *now != then => changes.push(format!("~ {name}: {now:?}, and it was {then:?}")),
            Some(_) => {}
        }
    }
}
