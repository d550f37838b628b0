//! Parts of nothing but zeros, without moving any: how an object of 48.8 TiB fits on a laptop. Each is a range of a file
//! that is one hole; copies share it, as they share everything.

use std::collections::HashMap;

use super::{
    S3,
    checksum::{Algorithm, Checksum, Digester, combine},
    errors,
    extents::{Extent, Known},
    model::Part,
};
use crate::ports::ApiError;

impl S3 {
    /// Puts parts of zeros into an open multipart upload, numbered from 1, as `UploadPart` would; answers their entity
    /// tags. Their checksums are true. Their entity tags are not the MD5 that S3's are, because an MD5 cannot be had
    /// without reading every byte; equal lengths have equal ones. No request to S3 can do this; tests need it.
    pub fn put_sparse_parts(
        &self,
        bucket: &str,
        key: &str,
        upload_id: &str,
        lengths: &[u64],
    ) -> Result<Vec<String>, ApiError> {
        let refused = |error: &s3s::S3Error| errors::answer(error);
        let backend = &self.backend;
        let longest = lengths.iter().copied().max().unwrap_or_default();
        let hole = backend.blobs.hole(longest).map_err(|error| refused(&errors::disk(error)))?;
        let mut known = HashMap::new();
        let mut etags = Vec::with_capacity(lengths.len());
        for (length, number) in lengths.iter().copied().zip(1_u16..) {
            let Known { md5, crc64nvme } = known.entry(length).or_insert_with(|| of_zeros(length)).clone();
            let digests = Known { md5: md5.clone(), crc64nvme };
            let of_hole = hole.extents().iter().filter(|_| length > 0);
            let extents: Vec<_> =
                of_hole.map(|extent| Extent { length, known: Some(digests.clone()), ..extent.clone() }).collect();
            let mut state = backend.state();
            backend.blobs.keep(&extents);
            let checksum = Some(Checksum::crc64nvme(crc64nvme));
            let part = Part { number, etag: md5.clone(), crc64nvme, uploaded: state.tick(), checksum, extents };
            state.put_part(bucket, key, upload_id, part).map_err(|error| refused(&error))?;
            etags.push(md5);
        }
        Ok(etags)
    }
}

/// What is known of so many zeros.
fn of_zeros(length: u64) -> Known {
    let mut digester = Digester::new(None);
    digester.update(&length.to_be_bytes());
    Known { md5: digester.finish().md5, crc64nvme: crc_of_zeros(length) }
}

/// The CRC64NVME of so many zeros: that of twice as many follows from two of one.
fn crc_of_zeros(length: u64) -> u64 {
    let joined = |first, second, length| combine(Algorithm::Crc64Nvme, first, second, length).unwrap_or_default();
    let mut one = Digester::new(None);
    one.update(&[0]);
    let (mut doubled, mut doubled_length) = (one.finish().crc64nvme, 1);
    let (mut crc, mut left) = (0, length);
    while left > 0 {
        if left % 2 == 1 {
            crc = joined(crc, doubled, doubled_length);
        }
        left /= 2;
        if left > 0 {
            doubled = joined(doubled, doubled, doubled_length);
            doubled_length *= 2;
        }
    }
    crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crc_of_zeros_is_the_one_that_reading_them_gives() {
        for length in [0, 1, 2, 3, 7, 8, 1000, 65_537] {
            let mut digester = Digester::new(None);
            digester.update(&vec![0; length]);
            assert_eq!(crc_of_zeros(length as u64), digester.finish().crc64nvme, "{length} zeros");
        }
    }
}
