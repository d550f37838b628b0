//! The checks before an upload is completed.

use aws_sdk_s3::types::CompletedPart;
use holdfast_core::{
    contract::{Copy, SliceResult},
    layout::PartLayout,
    names::{ByteRange, PartNumber},
    slices::{self, IncompleteSlices},
    source_checksum::{Algorithm, SourceChecksum, composite},
};
use holdfast_s3::StoredPart;

/// The payload does not describe an upload whose slices are all done.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NotReady {
    /// The copy has no upload.
    #[error("copy.upload is missing")]
    NoUpload,
    /// The number of parts does not agree with their size.
    #[error("copy.upload has {given} parts of {part_size} bytes, but {size} bytes make {right} such parts")]
    OtherLayout {
        /// The number of parts in the payload.
        given: u64,
        /// The size of a part, in bytes.
        part_size: u64,
        /// The size of the object, in bytes.
        size: u64,
        /// The number of parts that this makes.
        right: u64,
    },
    /// Slices are missing or not done.
    #[error(transparent)]
    Slices(#[from] IncompleteSlices),
}

/// A part that is not stored with the bytes that the layout gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IncompleteUpload {
    /// The part is missing.
    #[error("part {0} is missing")]
    Missing(PartNumber),
    /// The part has a wrong size.
    #[error("part {part} has {size} bytes instead of {expected}")]
    WrongSize {
        /// The part.
        part: PartNumber,
        /// Its size, in bytes.
        size: u64,
        /// The size in the layout.
        expected: u64,
    },
}

/// The composite checksum of the parts is not that of the source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the {algorithm} of the source is {source_value}, of the copied parts {of_parts}")]
pub struct CompositeDiffers {
    /// The algorithm.
    algorithm: Algorithm,
    /// The value of the source.
    source_value: String,
    /// The value of the parts.
    of_parts: String,
}

/// Sets the field for a checksum of this algorithm.
macro_rules! with_checksum {
    ($request:expr, $algorithm:expr, $value:expr) => {
        match $algorithm {
            Algorithm::Crc64Nvme => $request.set_checksum_crc64_nvme($value),
            Algorithm::Crc32 => $request.set_checksum_crc32($value),
            Algorithm::Crc32C => $request.set_checksum_crc32_c($value),
            Algorithm::Sha1 => $request.set_checksum_sha1($value),
            Algorithm::Sha256 => $request.set_checksum_sha256($value),
            Algorithm::Sha512 => $request.set_checksum_sha512($value),
            Algorithm::Md5 => $request.set_checksum_md5($value),
        }
    };
}
pub(crate) use with_checksum;

/// The upload to complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Upload<'a> {
    pub(crate) id: &'a str,
    pub(crate) layout: PartLayout,
    pub(crate) last_part: PartNumber,
    /// The algorithm of the upload.
    pub(crate) algorithm: Algorithm,
    /// The checksum of the source, if it has one or all of its slices were digested.
    pub(crate) checksum: Option<SourceChecksum>,
}

impl<'a> Upload<'a> {
    /// Checks copy and results against each other.
    pub(crate) fn of(copy: &'a Copy, results: &[SliceResult]) -> Result<Self, NotReady> {
        let (Some(upload), Some(layout)) = (&copy.upload, copy.layout()) else {
            return Err(NotReady::NoUpload);
        };
        let (Some(last_part), true) = (layout.last_part(), upload.part_count == layout.part_count()) else {
            return Err(NotReady::OtherLayout {
                given: upload.part_count,
                part_size: upload.part_size,
                size: copy.source.size,
                right: layout.part_count(),
            });
        };
        slices::in_order(layout, results)?;
        let combined = || slices::digests(layout, results).map(|digests| slices::crc64nvme(layout, &digests));
        Ok(Self {
            id: &upload.upload_id,
            layout,
            last_part,
            algorithm: copy.multipart_algorithm(),
            checksum: copy.multipart_checksum().or_else(|| combined().map(SourceChecksum::from)),
        })
    }

    /// Compares a composite checksum of the source with that of the stored parts. S3 checks the other checksums itself.
    pub(crate) fn check_composite(&self, stored: &[StoredPart]) -> Result<(), CompositeDiffers> {
        let Some(source) = self.checksum.as_ref().filter(|checksum| checksum.composite.is_some()) else {
            return Ok(());
        };
        let parts = stored.iter().map(|part| part.checksum.as_deref().unwrap_or_default());
        let of_parts = composite(self.algorithm, parts).unwrap_or_default();
        if of_parts == source.value {
            return Ok(());
        }
        Err(CompositeDiffers { algorithm: self.algorithm, source_value: source.value.clone(), of_parts })
    }

    /// The list of parts for S3, if every part is stored with the bytes that the layout gives it.
    pub(crate) fn part_list(&self, stored: &[StoredPart]) -> Result<Vec<CompletedPart>, IncompleteUpload> {
        let mut stored = stored.iter().peekable();
        let mut list = Vec::with_capacity(stored.len());
        for number in (1..=self.last_part.get()).filter_map(|number| PartNumber::new(number).ok()) {
            let expected = self.layout.range(number).map_or(0, ByteRange::length);
            let part = stored.next_if(|part| part.number == number).ok_or(IncompleteUpload::Missing(number))?;
            if part.size != expected {
                return Err(IncompleteUpload::WrongSize { part: number, size: part.size, expected });
            }
            let completed = CompletedPart::builder().part_number(number.as_i32()).e_tag(part.etag.quoted());
            list.push(with_checksum!(completed, self.algorithm, part.checksum.clone()).build());
        }
        Ok(list)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use holdfast_core::{checksum::Crc64Nvme, contract::SliceDigest, names::ETag, source_checksum::Composite};
    use holdfast_s3::testing;

    use super::*;

    fn result(index: u32, digest: Option<&[u8]>) -> SliceResult {
        let digest = digest.map(|bytes| SliceDigest {
            crc64nvme: Crc64Nvme::of(bytes),
            sha256: holdfast_core::checksum::Sha256::of(bytes),
        });
        SliceResult { index, done: true, bytes: 0, digest, resume: None }
    }

    fn stored(parts: &[(u32, u64)]) -> Vec<StoredPart> {
        let part = |&(number, size): &(u32, u64)| StoredPart {
            number: PartNumber::new(number).unwrap(),
            etag: ETag::new("e").unwrap(),
            size,
            checksum: None,
        };
        parts.iter().map(part).collect()
    }

    #[test]
    fn a_missing_part_or_a_wrong_size_is_named() {
        let copy = testing::multipart(25, 10).copy;
        let upload = Upload::of(&copy, &[result(0, None)]).unwrap();
        let problem = |parts: &[(u32, u64)]| {
            upload.part_list(&stored(parts)).err().map(|problem| problem.to_string()).unwrap_or_default()
        };
        assert_eq!(problem(&[(1, 10), (2, 10), (3, 5)]), "");
        assert_eq!(problem(&[(1, 10), (3, 5)]), "part 2 is missing");
        assert_eq!(problem(&[(1, 10), (2, 10)]), "part 3 is missing");
        assert_eq!(problem(&[]), "part 1 is missing");
        assert_eq!(problem(&[(1, 10), (2, 10), (3, 10)]), "part 3 has 10 bytes instead of 5");
    }

    #[test]
    fn the_sources_checksum_is_preferred_to_combined_digests() {
        let mut copy = testing::multipart(3, 10).copy;
        let crc = |copy: &Copy, result: SliceResult| Upload::of(copy, &[result]).unwrap().checksum;
        assert_eq!(crc(&copy, result(0, None)), None);
        assert_eq!(crc(&copy, result(0, Some(b"abc"))), Some(Crc64Nvme::of(b"abc").into()));
        copy.crc64nvme = Some(Crc64Nvme::of(b"own"));
        assert_eq!(crc(&copy, result(0, Some(b"abc"))), Some(Crc64Nvme::of(b"own").into()));
    }

    #[test]
    fn parts_with_another_composite_checksum_are_refused() {
        // SHA-256 of ten times "a", ten times "b" and five times "c", and the SHA-256 over the three, from Python's hashlib.
        const PARTS: [&str; 3] = [
            "vyy1imj2hNlaO3jvj2Ycmk5bCegsyPnMiMzpBSjK6yc=",
            "bS/jLcQknvfnNZxth0//u/M16DLkmiaBI24baGr3h5Q=",
            "YwT7/isiVXw0xCpwBWYWeGpzOz0J+zJjCMgT1qtxLsA=",
        ];
        const OF_PARTS: &str = "4Qp+tch0/8j+XF9hh2gBxd6QkXCh06CobVn071E3k9o=-3";
        let mut copy = testing::multipart(25, 10).copy;
        copy.other_checksum = Some(SourceChecksum {
            algorithm: Algorithm::Sha256,
            value: OF_PARTS.to_owned(),
            composite: Some(Composite { part_size: 10 }),
        });
        let upload = Upload::of(&copy, &[result(0, None)]).unwrap();
        let check = |checksums: [Option<&str>; 3]| {
            let mut parts = stored(&[(1, 10), (2, 10), (3, 5)]);
            for (part, checksum) in parts.iter_mut().zip(checksums) {
                part.checksum = checksum.map(str::to_owned);
            }
            upload.check_composite(&parts)
        };
        let [first, second, third] = PARTS.map(Some);

        assert_eq!(check([first, second, third]), Ok(()));
        for wrong in
            [[first, third, second], [first, second, second], [first, second, None], [first, second, Some("?")]]
        {
            let difference = check(wrong).unwrap_err().to_string();
            assert!(difference.starts_with(&format!("the SHA256 of the source is {OF_PARTS}, of")), "{difference}");
        }
    }

    #[test]
    fn a_payload_that_is_not_ready_says_why() {
        let copy = testing::multipart(25, 10).copy;
        let problem = |copy: &Copy, results: &[SliceResult]| Upload::of(copy, results).err().unwrap().to_string();
        assert!(problem(&testing::single(25).copy, &[]).contains("copy.upload is missing"));
        assert_eq!(problem(&copy, &[]), "the results are of slices [], but the object has slices 0 to 0");
        let undone = SliceResult { done: false, ..result(0, None) };
        assert_eq!(problem(&copy, &[undone]), "slice 0 is not done");
        let mut other = copy;
        other.upload.as_mut().unwrap().part_count = 4;
        let sentence = "copy.upload has 4 parts of 10 bytes, but 25 bytes make 3 such parts";
        assert_eq!(problem(&other, &[result(0, None)]), sentence);
    }
}
