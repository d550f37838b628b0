//! The promises about any input.

use std::{cmp::Ordering, collections::HashSet, fmt::Debug};

use holdfast_core::{
    contract::{Backup, CompleteInput, Copy, CopyInput, NotifyInput, ReplicateInput, ValidateInput, VerifyInput},
    encoding::{copy_source, tagging},
    event::{ExecutionEnded, InvalidInput, Upload, decode, parse},
    names::{BucketName, ETag, ObjectKey, Sequencer, VersionId},
    order::Stamp,
    payload::Payload,
    receipt::{DEFAULT_PREFIX, Receipt, Receipts, late_key},
    slices,
};
use percent_encoding::percent_decode_str;
use serde::Serialize;
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// A refusal names the path and the problem, on one short line.
fn is_readable(refusal: &InvalidInput) {
    let sentence = refusal.to_string();
    assert!(!refusal.path.is_empty() && !refusal.problem.is_empty(), "{refusal:?}");
    assert!(sentence.len() < 4000, "{} bytes", sentence.len());
    assert!(!sentence.contains(char::is_control), "{sentence:?} is not one line");
}

/// A value that is written and read again is the same.
fn is_read_back<T: Serialize + PartialEq + Debug>(value: &T, read: impl Fn(&Value) -> Result<T, InvalidInput>) {
    let again = read(&serde_json::to_value(value).unwrap());
    assert_eq!(again.as_ref(), Ok(value), "it was not read back");
}

/// A header contains only visible ASCII.
fn is_safe_in_a_header(text: &str) {
    assert!(text.bytes().all(|byte| byte.is_ascii_graphic()), "{text:?}");
}

fn payload<T: Payload + Serialize + PartialEq + Debug>(json: &Value) -> Option<T> {
    match T::read(json) {
        Ok(read) => {
            is_read_back(&read, T::read);
            Some(read)
        }
        Err(refusal) => {
            is_readable(&refusal);
            None
        }
    }
}

/// Every reader accepts or refuses the input. An accepted value is read back as it was written, and no function panics
/// on it.
pub(crate) fn of_events_and_payloads(input: &[u8]) {
    let json = match parse(input) {
        Ok(json) => json,
        Err(refusal) => return is_readable(&refusal),
    };
    match Upload::from_event(&json) {
        Ok(upload) => accepted_upload(&upload),
        Err(refusal) => is_readable(&refusal),
    }
    if let Err(refusal) = ExecutionEnded::from_event(&json) {
        is_readable(&refusal);
    }
    if let Some(input) = payload::<ValidateInput>(&json) {
        let _ = Upload::from_event(&input.event).inspect(accepted_upload).inspect_err(is_readable);
        if let Some(replan) = input.replan {
            let _ = replan.is_exhausted(input.redrives);
            accepted_backup(&replan.given_up);
        }
    }
    if let Some(CopyInput { copy, slice }) = payload(&json) {
        accepted_copy(&copy);
        if let (Some(slice), Some(layout)) = (slice, copy.layout()) {
            assert!(layout.slice_bytes(slice) <= copy.source.size);
        }
    }
    if let Some(CompleteInput { copy, slices: results }) = payload(&json) {
        let layout = copy.layout().unwrap();
        let digests = slices::digests(layout, &results);
        let _ = digests.map(|digests| (slices::crc64nvme(layout, &digests), slices::sha256(&digests)));
        accepted_copy(&copy);
    }
    match VerifyInput::read(&json) {
        Ok(VerifyInput::Digest { copy, .. }) => accepted_copy(&copy),
        Ok(VerifyInput::Backup { backup, .. }) => accepted_backup(&backup),
        Err(refusal) => is_readable(&refusal),
    }
    if let Some(input) = payload::<ReplicateInput>(&json) {
        accepted_backup(&input.backup);
    }
    if let Some(input) = payload::<NotifyInput>(&json) {
        accepted_backup(&input.backup);
        is_read_back(&Receipt::new(input, OffsetDateTime::UNIX_EPOCH), decode::<Receipt>);
    }
}

fn accepted_upload(upload: &Upload) {
    for text in [upload.etag.as_ref().map(ETag::as_str), upload.version_id.as_ref().map(VersionId::as_str)] {
        is_safe_in_a_header(text.unwrap_or_default());
    }
    is_safe_in_a_header(&upload.region);
    let _ = copy_source(&upload.bucket, &upload.key, upload.version_id.as_ref());
    let time = upload.event.time.format(&Rfc3339).unwrap();
    let printed = json!({
        "id": upload.event.id, "detail-type": "Backup Requested", "source": "ops", "time": time, "region": upload.region,
        "detail": {
            "bucket": {"name": upload.bucket},
            "object": {
                "key": upload.key, "version-id": upload.version_id, "etag": upload.etag,
                "sequencer": upload.event.sequencer
            }
        }
    });
    assert_eq!(Upload::from_event(&printed).as_ref(), Ok(upload), "it was not read back");
}

fn accepted_copy(copy: &Copy) {
    if let Some(layout) = copy.layout() {
        let parts: usize = layout.slices().iter().map(|slice| slice.parts().count()).sum();
        assert_eq!(u64::try_from(parts), Ok(layout.part_count()), "slices omit parts");
    }
    for (name, value) in &copy.attributes.metadata {
        is_safe_in_a_header(name);
        assert!(!value.contains(['\r', '\n', '\0']), "{value:?}");
    }
    let _ = tagging(&copy.attributes.tags);
}

fn accepted_backup(Backup { copy, stamp, .. }: &Backup) {
    accepted_copy(copy);
    let stamped = stamp.add_to(&copy.attributes.metadata);
    assert_eq!(Stamp::read(&stamped.metadata).as_ref(), Some(stamp));
    let source = &copy.source;
    let receipts = Receipts { bucket: source.bucket.clone(), prefix: DEFAULT_PREFIX.to_owned() };
    for key in [receipts.key_of(&source.bucket, &source.key, stamp), late_key(&source.key, stamp)] {
        // A version ID of 1,024 characters leaves no room for a key. The IDs of S3 are much shorter.
        assert!(key.is_ok() || longest_version(stamp) > 600, "{key:?}");
    }
}

fn longest_version(stamp: &Stamp) -> usize {
    let version = stamp.version_id.as_ref().map_or(0, |version| version.as_str().len());
    let sequencer = stamp.sequencer.as_ref().map_or(0, |sequencer| sequencer.as_str().len());
    version.max(sequencer).max(stamp.etag.as_str().len()) * 3
}

/// The first line is a key, the second line is a version.
pub(crate) fn of_copy_sources(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let (key, version) = text.split_once('\n').unwrap_or((&text, ""));
    let (Ok(key), version) = (ObjectKey::new(key), VersionId::new(version).ok()) else { return };
    let bucket = BucketName::new("source.bucket-1").unwrap();
    let encoded = copy_source(&bucket, &key, version.as_ref());
    is_safe_in_a_header(&encoded);
    // As S3 decodes it (https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html, x-amz-copy-source).
    let (path, query) = encoded.split_once('?').map_or((encoded.as_str(), None), |(path, query)| (path, Some(query)));
    let decoded = |text: &str| percent_decode_str(text).decode_utf8().unwrap().into_owned();
    let (read_bucket, read_key) = path.split_once('/').unwrap();
    assert_eq!((decoded(read_bucket).as_str(), decoded(read_key).as_str()), (bucket.as_str(), key.as_str()));
    let read_version = query.map(|query| decoded(query.strip_prefix("versionId=").unwrap()));
    assert_eq!(read_version.as_deref(), version.as_ref().map(VersionId::as_str));
}

/// The digits of a sequencer, padded with zeros on the right to the maximum length.
fn number(sequencer: &Sequencer) -> Vec<u32> {
    let mut digits: Vec<u32> = sequencer.as_str().chars().map(|digit| digit.to_digit(16).unwrap()).collect();
    digits.resize(1024, 0);
    digits
}

/// The first three lines are sequencers.
pub(crate) fn of_sequencers(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let read = |line: &str| {
        let sequencer = Sequencer::new(line).ok()?;
        assert_eq!(sequencer.as_str(), line, "the text is changed");
        Some(sequencer)
    };
    let sequencers: Vec<_> = text.lines().filter_map(read).take(3).collect();
    for a in &sequencers {
        for b in &sequencers {
            let order = a.cmp(b);
            assert_eq!(order, number(a).cmp(&number(b)), "{a} and {b} are not in the order of their numbers");
            assert_eq!(order, b.cmp(a).reverse(), "{a} and {b}");
            assert_eq!(order == Ordering::Equal, a == b, "{a} and {b}");
            assert_eq!(a.partial_cmp(b), Some(order));
            for c in &sequencers {
                assert!(!(a <= b && b <= c) || a <= c, "the order of {a}, {b} and {c} is not transitive");
            }
        }
    }
    let newest: HashSet<_> = sequencers.iter().max().map(number).into_iter().collect();
    let largest: HashSet<_> = sequencers.iter().map(number).max().into_iter().collect();
    assert_eq!(newest, largest);
}
