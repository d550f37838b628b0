//! Parts of zeros in a sparse file, so that an object of 48.8 TiB fits on a laptop. Each part is a range of the file;
//! copies share it as usual.

use std::collections::HashMap;

use sandbox_core::ports::ApiError;

use crate::{
    S3,
    checksum::{Algorithm, Checksum, combine, crc, digest::Digester},
    errors,
    model::upload::Part,
    storage::extents::{Extent, Known},
};

const NO_CRC: &str = "Parts of zeros can only have a CRC: any other checksum would require reading them.";

impl S3 {
    /// Adds parts of zeros to an open multipart upload, numbered from 1, as `UploadPart` does, and returns their ETags.
    /// No request to S3 can do this; tests need it for objects of up to 48.8 TiB.
    ///
    /// The checksums are correct and of the type that the upload declares, which must be a CRC. The ETags are not MD5s,
    /// because an MD5 requires every byte. Parts of equal length have equal ETags.
    pub fn put_sparse_parts(
        &self,
        bucket: &str,
        key: &str,
        upload_id: &str,
        lengths: &[u64],
    ) -> Result<Vec<String>, ApiError> {
        let refused = |error: &s3s::S3Error| errors::answer(error);
        let backend = &self.backend;
        let declared = backend.state().upload(bucket, key, upload_id).map(|upload| upload.settings.declared);
        let declared = declared.map_err(|error| refused(&error))?;
        let algorithm = declared.map_or(Algorithm::Crc64Nvme, |(algorithm, _)| algorithm);
        let longest = lengths.iter().copied().max().unwrap_or_default();
        let hole = backend.blobs.hole(longest).map_err(|error| refused(&errors::disk(error)))?;
        let mut known = HashMap::new();
        let mut etags = Vec::with_capacity(lengths.len());
        for (length, number) in lengths.iter().copied().zip(1_u16..) {
            let zeros = known.entry(length).or_insert_with(|| of_zeros(algorithm, length)).clone();
            let (digests, checksum) = zeros.ok_or_else(|| refused(&errors::invalid_request(NO_CRC)))?;
            let Known { md5, crc64nvme } = digests.clone();
            let of_hole = hole.extents().iter().filter(|_| length > 0);
            let extents: Vec<_> =
                of_hole.map(|extent| Extent { length, known: Some(digests.clone()), ..extent.clone() }).collect();
            let mut state = backend.state();
            backend.blobs.keep(&extents);
            let checksum = Some(checksum);
            let part = Part { number, etag: md5.clone(), crc64nvme, uploaded: state.tick(), checksum, extents };
            state.put_part(bucket, key, upload_id, part).map_err(|error| refused(&error))?;
            etags.push(md5);
        }
        Ok(etags)
    }
}

/// The known digests of this many zeros, and a checksum of them.
fn of_zeros(algorithm: Algorithm, length: u64) -> Option<(Known, Checksum)> {
    let mut digester = Digester::new(None);
    digester.update(&length.to_be_bytes());
    let known = Known { md5: digester.finish().md5, crc64nvme: crc_of_zeros(Algorithm::Crc64Nvme, length)? };
    Some((known, Checksum::crc(algorithm, crc_of_zeros(algorithm, length)?)))
}

/// The CRC of this many zeros, by repeated doubling. `None` for an algorithm that is not a CRC.
fn crc_of_zeros(algorithm: Algorithm, length: u64) -> Option<u64> {
    let (mut doubled, mut doubled_length) = (crc(algorithm, &[0])?, 1);
    let (mut whole, mut left) = (crc(algorithm, &[])?, length);
    while left > 0 {
        if left % 2 == 1 {
            whole = combine(algorithm, whole, doubled, doubled_length)?;
        }
        left /= 2;
        if left > 0 {
            doubled = combine(algorithm, doubled, doubled, doubled_length)?;
            doubled_length *= 2;
        }
    }
    Some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crc_of_zeros_equals_the_crc_of_their_bytes() {
        for length in [0, 1, 2, 3, 7, 8, 1000, 65_537] {
            for algorithm in [Algorithm::Crc32, Algorithm::Crc32c, Algorithm::Crc64Nvme] {
                let read = crc(algorithm, &vec![0; length]);
                assert_eq!(crc_of_zeros(algorithm, length as u64), read, "{} of {length} zeros", algorithm.name());
            }
        }
    }
}
