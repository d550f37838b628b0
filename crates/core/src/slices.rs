//! Combines the results of all slices.

use crate::{
    checksum::{Crc64Nvme, Sha256},
    contract::{SliceDigest, SliceResult},
    layout::{PartLayout, Slice},
};

/// The results are not those of all slices of the layout.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IncompleteSlices {
    /// A slice is missing, duplicated, or not in the layout.
    #[error("the results are of slices {found:?}, but the object has slices 0 to {last}", last = .expected - 1)]
    Others {
        /// The indices of the results, sorted.
        found: Vec<u32>,
        /// The number of slices in the layout.
        expected: usize,
    },
    /// A slice is not done.
    #[error("slice {0} is not done")]
    NotDone(u32),
}

/// The results in the order of the layout's slices, if every slice is done.
pub fn in_order(layout: PartLayout, results: &[SliceResult]) -> Result<Vec<(Slice, &SliceResult)>, IncompleteSlices> {
    let slices = layout.slices();
    let mut results: Vec<_> = results.iter().collect();
    results.sort_by_key(|result| result.index);
    let complete = slices.iter().map(|slice| slice.index).eq(results.iter().map(|result| result.index));
    if !complete {
        let found = results.iter().map(|result| result.index).collect();
        return Err(IncompleteSlices::Others { found, expected: slices.len() });
    }
    match results.iter().find(|result| !result.done) {
        Some(result) => Err(IncompleteSlices::NotDone(result.index)),
        None => Ok(slices.into_iter().zip(results).collect()),
    }
}

/// The digests in the order of the layout's slices; `None` if a slice has no digest.
pub fn digests(layout: PartLayout, results: &[SliceResult]) -> Option<Vec<SliceDigest>> {
    in_order(layout, results).ok()?.into_iter().map(|(_, result)| result.digest).collect()
}

/// The CRC64NVME of the whole object from the digests of all its slices, in order.
pub fn crc64nvme(layout: PartLayout, digests: &[SliceDigest]) -> Crc64Nvme {
    layout
        .slices()
        .into_iter()
        .zip(digests)
        .fold(Crc64Nvme::EMPTY, |crc, (slice, digest)| crc.followed_by(digest.crc64nvme, layout.slice_bytes(slice)))
}

/// The SHA-256 of an object of several slices: over the slices' digests, in order.
pub fn sha256(digests: &[SliceDigest]) -> Sha256 {
    Sha256::over_parts(&digests.iter().map(|digest| digest.sha256).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(index: u32, bytes: &[u8]) -> SliceResult {
        let digest = SliceDigest { crc64nvme: Crc64Nvme::of(bytes), sha256: Sha256::of(bytes) };
        SliceResult { index, done: true, bytes: bytes.len() as u64, digest: Some(digest), resume: None }
    }

    #[test]
    fn digests_in_any_order_combine_to_the_crc_of_the_whole() {
        let bytes: Vec<u8> = (0..90_u8).collect();
        let layout = PartLayout::with_part_size(90, 5);
        let [first, second, third] = layout.slices()[..] else { panic!("18 parts are three slices") };
        let mut from = 0;
        let mut next = |slice: Slice| {
            let length = usize::try_from(layout.slice_bytes(slice)).unwrap_or(0);
            let piece = &bytes[from..from + length];
            from += length;
            result(slice.index, piece)
        };
        let (a, b, c) = (next(first), next(second), next(third));
        let digests = digests(layout, &[c, a, b]);
        assert_eq!(digests.map(|digests| crc64nvme(layout, &digests)), Some(Crc64Nvme::of(&bytes)));
    }

    #[test]
    fn missing_duplicate_and_incomplete_slices_are_refused() {
        let layout = PartLayout::with_part_size(90, 5);
        let [a, b, c] = [0, 1, 2].map(|index| result(index, b"x"));
        let refused = |results: &[SliceResult]| in_order(layout, results).err().map(|error| error.to_string());
        let others = "the results are of slices [0, 1], but the object has slices 0 to 2";
        assert_eq!(refused(&[a.clone(), b.clone()]).as_deref(), Some(others));
        assert!(refused(&[a.clone(), a.clone(), b.clone()]).is_some());
        let undone = SliceResult { done: false, ..c.clone() };
        assert_eq!(refused(&[a.clone(), b.clone(), undone]).as_deref(), Some("slice 2 is not done"));
        let undigested = SliceResult { digest: None, ..c };
        assert_eq!(refused(&[a.clone(), b.clone(), undigested.clone()]), None);
        assert_eq!(digests(layout, &[a, b, undigested]), None);
    }
}
