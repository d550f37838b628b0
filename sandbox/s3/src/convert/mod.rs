//! Conversions between the types of `s3s` and those of the sandbox: numbers, names, checksums.

pub(crate) mod attributes;
pub(crate) mod tags;

use s3s::{S3Result, dto};
use sandbox_core::ports::ACCOUNT;

use crate::{checksum::Algorithm, errors};

/// Writes a checksum into the fields of an output.
macro_rules! set_checksum {
    ($output:expr, $checksum:expr) => {
        if let Some(checksum) = $checksum {
            let value = Some(checksum.value.clone());
            match checksum.algorithm {
                $crate::checksum::Algorithm::Crc32 => $output.checksum_crc32 = value,
                $crate::checksum::Algorithm::Crc32c => $output.checksum_crc32c = value,
                $crate::checksum::Algorithm::Crc64Nvme => $output.checksum_crc64nvme = value,
                $crate::checksum::Algorithm::Sha1 => $output.checksum_sha1 = value,
                $crate::checksum::Algorithm::Sha256 => $output.checksum_sha256 = value,
            }
        }
    };
}

pub(crate) use set_checksum;

/// A count or size as a protocol integer.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A part number from 1 to 10,000.
pub(crate) fn part_number(given: i32) -> S3Result<u16> {
    u16::try_from(given)
        .ok()
        .filter(|number| (1..=10_000).contains(number))
        .ok_or_else(|| errors::invalid_argument("Part number must be an integer between 1 and 10000, inclusive"))
}

/// A page size: at most 1,000, which is also the default.
pub(crate) fn page_size(given: Option<i32>, name: &str) -> S3Result<usize> {
    match given {
        None => Ok(1000),
        Some(given) => usize::try_from(given).map(|given| given.min(1000)).map_err(|_| {
            errors::invalid_argument(format!("Argument {name} must be an integer between 0 and 2147483647"))
        }),
    }
}

/// A number of entries that a page can hold.
pub(crate) fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// The account that owns everything.
pub(crate) fn owner() -> dto::Owner {
    dto::Owner { display_name: None, id: Some(ACCOUNT.to_owned()) }
}

/// The algorithm that a request names.
pub(crate) fn algorithm_named(given: Option<&dto::ChecksumAlgorithm>) -> S3Result<Option<Algorithm>> {
    given
        .map(|given| {
            Algorithm::parse(given.as_str()).ok_or_else(|| {
                errors::invalid_request(
                    "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, \
                     CRC32C, CRC64NVME, SHA1, SHA256]",
                )
            })
        })
        .transpose()
}
