//! The parts that a completion names: whether they exist, fit together and have the checksums of the request.

use std::{collections::BTreeMap, sync::Arc};

use s3s::{S3Result, dto, s3_error};

use crate::{
    checksum::{Algorithm, Checksum, Kind},
    convert::part_number,
    errors,
    model::upload::Part,
};

/// The minimum size of every part but the last, in bytes.
const MIN_PART: u64 = 5 << 20;

/// The parts that a completion names, checked against the uploaded parts.
pub(crate) fn chosen(
    requested: &[dto::CompletedPart],
    uploaded: &BTreeMap<u16, Arc<Part>>,
    declared: Option<(Algorithm, Kind)>,
) -> S3Result<Vec<Arc<Part>>> {
    let mut parts: Vec<Arc<Part>> = Vec::with_capacity(requested.len());
    for request in requested {
        let number = part_number(request.part_number.unwrap_or_default())?;
        if parts.last().is_some_and(|last| last.number >= number) {
            return Err(s3_error!(
                InvalidPartOrder,
                "The list of parts was not in ascending order. Parts must be ordered by part number."
            ));
        }
        let etag = request.e_tag.as_ref().map(dto::ETag::value);
        let part = uploaded.get(&number).filter(|part| etag == Some(part.etag.as_str())).ok_or_else(no_such_part)?;
        let given = given_checksums(request);
        for (algorithm, value) in &given {
            check_part(part, *algorithm, value)?;
        }
        if let Some((algorithm, Kind::Composite)) = declared {
            if given.is_empty() {
                return Err(errors::invalid_request(format!(
                    "The upload was created using a {} checksum. The complete request must include the checksum for \
                     each part. It was missing for part {number} in the request.",
                    algorithm.name().to_lowercase()
                )));
            }
            // Documented as an internal error: AWS requires consecutive numbers from 1 with part-level checksums.
            if usize::from(number) != parts.len() + 1 {
                return Err(s3_error!(
                    InternalError,
                    "Part numbers must be consecutive and begin with 1 for a composite checksum; got {number}"
                ));
            }
        }
        parts.push(Arc::clone(part));
    }
    let small = parts.iter().rev().skip(1).find(|part| part.size() < MIN_PART);
    if let Some(part) = small {
        return Err(s3_error!(
            EntityTooSmall,
            "Your proposed upload is smaller than the minimum allowed size: part {} has {} bytes",
            part.number,
            part.size()
        ));
    }
    Ok(parts)
}

fn no_such_part() -> s3s::S3Error {
    s3_error!(
        InvalidPart,
        "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified \
         entity tag may not match the part's entity tag."
    )
}

/// Compares what a completion claims about a part with the part. Besides its own checksum, every part has a CRC64NVME.
fn check_part(part: &Part, algorithm: Algorithm, value: &str) -> S3Result<()> {
    let own = part.checksum.as_ref().filter(|stored| stored.algorithm == algorithm).map(|stored| stored.value.clone());
    let is_default = part.checksum.is_none() && algorithm == Algorithm::Crc64Nvme;
    let stored = own.or_else(|| is_default.then(|| Checksum::crc64nvme(part.crc64nvme).value));
    match stored {
        Some(stored) if stored == value => Ok(()),
        Some(_) => Err(no_such_part()),
        None => Err(errors::invalid_request(format!(
            "The complete request has a {} checksum for part {}, which was uploaded with {}.",
            algorithm.name().to_lowercase(),
            part.number,
            part.checksum.as_ref().map_or("none".to_owned(), |stored| stored.algorithm.name().to_lowercase())
        ))),
    }
}

fn given_checksums(part: &dto::CompletedPart) -> Vec<(Algorithm, &String)> {
    let fields = [
        (Algorithm::Crc32, &part.checksum_crc32),
        (Algorithm::Crc32c, &part.checksum_crc32c),
        (Algorithm::Crc64Nvme, &part.checksum_crc64nvme),
        (Algorithm::Sha1, &part.checksum_sha1),
        (Algorithm::Sha256, &part.checksum_sha256),
    ];
    fields.into_iter().filter_map(|(algorithm, value)| value.as_ref().map(|value| (algorithm, value))).collect()
}
