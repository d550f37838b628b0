//! The differences between two snapshots.

use std::{collections::BTreeMap, fmt::Debug};

use super::{Bucket, Snapshot};

impl Snapshot {
    /// One line for each difference from an earlier snapshot: `-` for what was removed, `+` for what was added, `~` for
    /// what changed.
    pub fn changes_since(&self, before: &Self) -> Vec<String> {
        let mut changes = Vec::new();
        let buckets =
            |snapshot: &Self| [Some(snapshot.source.clone()), Some(snapshot.backup.clone()), snapshot.replica.clone()];
        for (before, after) in buckets(before).into_iter().zip(buckets(self)) {
            let (Some(before), Some(after)) = (before, after) else { continue };
            compare(&mut changes, versions(&before), &versions(&after));
            compare(&mut changes, uploads(&before), &uploads(&after));
        }
        let receipts =
            |snapshot: &Self| snapshot.receipts.iter().map(|stored| (stored.key.clone(), stored.clone())).collect();
        compare(&mut changes, receipts(before), &receipts(self));
        let executions =
            |snapshot: &Self| snapshot.executions.iter().map(|found| (found.arn.clone(), found.clone())).collect();
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

fn messages(snapshot: &Snapshot) -> BTreeMap<String, usize> {
    snapshot.messages.iter().map(|((arn, status), count)| (format!("messages of {status} of {arn}"), *count)).collect()
}

fn compare<T: PartialEq + Debug>(changes: &mut Vec<String>, before: BTreeMap<String, T>, after: &BTreeMap<String, T>) {
    changes.extend(after.keys().filter(|name| !before.contains_key(*name)).map(|name| format!("+ {name}")));
    for (name, old) in before {
        match after.get(&name) {
            None => changes.push(format!("- {name}")),
            Some(new) if *new != old => changes.push(format!("~ {name}: {old:?} became {new:?}")),
            Some(_) => {}
        }
    }
}
