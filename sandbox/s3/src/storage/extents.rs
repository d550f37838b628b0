//! Content as a list of extents: ranges of blob files. A copy is a new list of ranges in the same files.

use serde::{Deserialize, Serialize};

use crate::checksum::{Algorithm, combine};

/// A range of a blob file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Extent {
    pub(crate) blob: u64,
    pub(crate) offset: u64,
    /// Never 0.
    pub(crate) length: u64,
    /// The digests of exactly these bytes, if they are known.
    pub(crate) known: Option<Known>,
}

/// Digests that are known without reading the bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Known {
    /// In hexadecimal.
    pub(crate) md5: String,
    pub(crate) crc64nvme: u64,
}

/// The number of bytes in the extents.
pub(crate) fn total(extents: &[Extent]) -> u64 {
    extents.iter().map(|extent| extent.length).sum()
}

/// The extents of the bytes from `start` up to, not including, `end`. A truncated extent loses its digests.
pub(crate) fn slice(extents: &[Extent], start: u64, end: u64) -> Vec<Extent> {
    let mut position = 0;
    let mut found = Vec::new();
    for extent in extents {
        let (first, last) = (start.max(position), end.min(position + extent.length));
        if first < last {
            let whole = last - first == extent.length;
            found.push(Extent {
                blob: extent.blob,
                offset: extent.offset + (first - position),
                length: last - first,
                known: if whole { extent.known.clone() } else { None },
            });
        }
        position += extent.length;
    }
    found
}

/// The MD5 of the whole, if it is known without reading.
pub(crate) fn known_md5(extents: &[Extent]) -> Option<String> {
    match extents {
        [one] => one.known.as_ref().map(|known| known.md5.clone()),
        _ => None,
    }
}

/// The CRC64NVME of the whole, if that of every extent is known.
pub(crate) fn known_crc64nvme(extents: &[Extent]) -> Option<u64> {
    let known = |extent: &Extent| Some(extent.known.as_ref()?.crc64nvme);
    let Some((first, others)) = extents.split_first() else { return Some(0) };
    // Most objects have one extent, and combining is slow.
    others
        .iter()
        .try_fold(known(first)?, |crc, extent| combine(Algorithm::Crc64Nvme, crc, known(extent)?, extent.length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extent(blob: u64, offset: u64, length: u64) -> Extent {
        Extent { blob, offset, length, known: Some(Known { md5: format!("md5 of {blob}"), crc64nvme: blob }) }
    }

    fn places(extents: &[Extent]) -> Vec<(u64, u64, u64, bool)> {
        extents.iter().map(|e| (e.blob, e.offset, e.length, e.known.is_some())).collect()
    }

    #[test]
    fn a_slice_contains_exactly_the_requested_bytes() {
        let content = [extent(1, 0, 10), extent(2, 100, 5), extent(3, 7, 20)];
        assert_eq!(places(&slice(&content, 0, 35)), [(1, 0, 10, true), (2, 100, 5, true), (3, 7, 20, true)]);
        assert_eq!(places(&slice(&content, 10, 15)), [(2, 100, 5, true)], "a whole extent keeps its digests");
        assert_eq!(places(&slice(&content, 9, 16)), [(1, 9, 1, false), (2, 100, 5, true), (3, 7, 1, false)]);
        assert_eq!(places(&slice(&content, 20, 21)), [(3, 12, 1, false)]);
        assert_eq!(places(&slice(&content, 35, 35)), []);
    }

    #[test]
    fn a_digest_is_known_only_when_the_bytes_are_exactly_the_known_ones() {
        assert_eq!(known_md5(&[extent(1, 0, 10)]).as_deref(), Some("md5 of 1"));
        assert_eq!(known_md5(&[extent(1, 0, 10), extent(2, 0, 10)]), None);
        assert_eq!(known_crc64nvme(&slice(&[extent(1, 0, 10)], 0, 9)), None);
        assert_eq!(known_crc64nvme(&[extent(1, 0, 10)]), Some(1));
    }
}
