//! Uploads the files of a demo to the source bucket, as any S3 client does.

use std::ops::Range;

use aws_sdk_s3::{
    Client,
    primitives::{ByteStream, Length},
    types::{ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart},
};
use futures::{StreamExt, TryStreamExt, stream};
use holdfast_operate::AwsError;

use super::items::{Checksum, Item};
use crate::render::progress::Phase;

/// The size in bytes from which a file is uploaded and copied in parts.
pub(super) const MULTIPART_FROM: u64 = 16 * MIB;

const MIB: u64 = 1 << 20;
const PART_SIZE: u64 = 8 * MIB;
const MAX_PARTS: u64 = 10_000;
const FILES_AT_ONCE: usize = 3;
const PARTS_AT_ONCE: usize = 3;

/// An object in the source bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Uploaded {
    /// The key.
    pub(super) key: String,
    /// The size in bytes.
    pub(super) size: u64,
    /// The version; absent if the bucket has no versions.
    pub(super) version_id: Option<String>,
}

/// Uploads all files, a few at the same time. The result is in the order of the items.
pub(super) async fn all(s3: &Client, bucket: &str, items: &[Item], phase: &Phase) -> Result<Vec<Uploaded>, AwsError> {
    stream::iter(items).map(|item| Upload { s3, bucket, item, phase }.run()).buffered(FILES_AT_ONCE).try_collect().await
}

/// The upload of one file.
#[derive(Debug, Clone, Copy)]
struct Upload<'a> {
    s3: &'a Client,
    bucket: &'a str,
    item: &'a Item,
    phase: &'a Phase,
}

impl Upload<'_> {
    async fn run(self) -> Result<Uploaded, AwsError> {
        let version_id =
            if self.item.size < MULTIPART_FROM { self.in_one_request().await? } else { self.in_parts().await? };
        Ok(Uploaded { key: self.item.key.clone(), size: self.item.size, version_id })
    }

    fn problem(self) -> String {
        format!("{} cannot be uploaded to s3://{}/{}", self.item.path.display(), self.bucket, self.item.key)
    }

    async fn in_one_request(self) -> Result<Option<String>, AwsError> {
        let Self { s3, bucket, item, phase } = self;
        let body =
            ByteStream::from_path(&item.path).await.map_err(|error| AwsError::unexpected(self.problem(), error))?;
        let request = s3
            .put_object()
            .bucket(bucket)
            .key(&item.key)
            .body(body)
            .checksum_algorithm(item.checksum.algorithm())
            .set_content_type(item.content_type.map(str::to_owned))
            .set_metadata(Some(item.metadata.clone().into_iter().collect()))
            .set_tagging(item.tags.map(str::to_owned));
        let output =
            request.send().await.map_err(|error| AwsError::new(self.problem(), &error.into_service_error()))?;
        phase.add(item.size);
        Ok(output.version_id)
    }

    async fn in_parts(self) -> Result<Option<String>, AwsError> {
        let Self { s3, bucket, item, phase } = self;
        let create = s3
            .create_multipart_upload()
            .bucket(bucket)
            .key(&item.key)
            .checksum_algorithm(item.checksum.algorithm())
            .checksum_type(ChecksumType::FullObject)
            .set_content_type(item.content_type.map(str::to_owned))
            .set_metadata(Some(item.metadata.clone().into_iter().collect()))
            .set_tagging(item.tags.map(str::to_owned));
        let created =
            create.send().await.map_err(|error| AwsError::new(self.problem(), &error.into_service_error()))?;
        let no_upload_id = || AwsError::unexpected(self.problem(), "S3 returned no upload ID");
        let upload_id = created.upload_id().ok_or_else(no_upload_id)?;
        let part_size = part_size(item.size);
        let parts: Vec<CompletedPart> = stream::iter((1..).zip((0..item.size).step_by(to_usize(part_size))))
            .map(|(number, offset)| async move {
                let length = part_size.min(item.size - offset);
                let part = self.part(upload_id, number, offset..offset + length).await?;
                phase.add(length);
                Ok::<_, AwsError>(part)
            })
            .buffered(PARTS_AT_ONCE)
            .try_collect()
            .await?;
        let complete = s3
            .complete_multipart_upload()
            .bucket(bucket)
            .key(&item.key)
            .upload_id(upload_id)
            .checksum_type(ChecksumType::FullObject)
            .multipart_upload(CompletedMultipartUpload::builder().set_parts(Some(parts)).build());
        let completed =
            complete.send().await.map_err(|error| AwsError::new(self.problem(), &error.into_service_error()))?;
        Ok(completed.version_id)
    }

    async fn part(self, upload_id: &str, number: i32, range: Range<u64>) -> Result<CompletedPart, AwsError> {
        let problem = || format!("part {number}: {}", self.problem());
        let body = ByteStream::read_from()
            .path(&self.item.path)
            .offset(range.start)
            .length(Length::Exact(range.end - range.start))
            .build()
            .await
            .map_err(|error| AwsError::unexpected(problem(), error))?;
        let request = self
            .s3
            .upload_part()
            .bucket(self.bucket)
            .key(&self.item.key)
            .upload_id(upload_id)
            .part_number(number)
            .checksum_algorithm(self.item.checksum.algorithm())
            .body(body);
        let output = request.send().await.map_err(|error| AwsError::new(problem(), &error.into_service_error()))?;
        Ok(CompletedPart::builder()
            .part_number(number)
            .set_e_tag(output.e_tag)
            .set_checksum_crc64_nvme(output.checksum_crc64_nvme)
            .set_checksum_crc32(output.checksum_crc32)
            .build())
    }
}

impl Checksum {
    fn algorithm(self) -> ChecksumAlgorithm {
        match self {
            Self::Crc64Nvme => ChecksumAlgorithm::Crc64Nvme,
            Self::Crc32 => ChecksumAlgorithm::Crc32,
        }
    }
}

/// 8 MiB, as in the AWS CLI, or the size that keeps the upload within S3's limit of 10,000 parts.
fn part_size(size: u64) -> u64 {
    PART_SIZE.max(size.div_ceil(MAX_PARTS).next_multiple_of(MIB))
}

fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_have_8_mib_unless_there_would_be_more_than_10_000() {
        assert_eq!(part_size(MULTIPART_FROM), 8 * MIB);
        assert_eq!(part_size(80_000 * MIB), 8 * MIB);
        assert_eq!(part_size(80_000 * MIB + 1), 9 * MIB);
    }
}
