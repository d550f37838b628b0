//! `ListMultipartUploads` and `ListParts`.

use std::{collections::BTreeMap, ops::Bound};

use s3s::{S3Response, S3Result, dto};

use crate::{
    backend::Backend,
    convert::{count, owner, page_size, set_checksum, signed},
    listing::{
        encoding::Encoder,
        page::{Markers, VersionQuery, numbered},
    },
    state::uploads::Upload,
};

impl Backend {
    pub(crate) fn list_multipart_uploads(
        &self,
        input: &dto::ListMultipartUploadsInput,
    ) -> S3Result<S3Response<dto::ListMultipartUploadsOutput>> {
        let encoder = Encoder::new(input.encoding_type.as_ref())?;
        let limit = page_size(input.max_uploads, "max-uploads")?;
        let markers = Markers { key: input.key_marker.as_deref(), id: input.upload_id_marker.as_deref() };
        let requested = VersionQuery::of(input.prefix.as_deref(), input.delimiter.as_deref(), limit, markers);
        let state = self.state();
        state.bucket(&input.bucket)?;
        let mut open: BTreeMap<&str, Vec<(&str, &Upload)>> = BTreeMap::new();
        for (id, upload) in state.uploads().filter(|(_, upload)| upload.settings.bucket == input.bucket) {
            open.entry(&upload.settings.key).or_default().push((id, upload));
        }
        for of_key in open.values_mut() {
            of_key.sort_by_key(|(_, upload)| upload.settings.initiated);
        }
        let from = (Bound::Included(requested.query.first()), Bound::Unbounded);
        let keys = open
            .range::<str, _>(from)
            .map(|(key, of_key)| (*key, of_key.iter().map(|(id, upload)| (*id, (*id, *upload))).collect()));
        let (page, next_upload) = requested.page(keys);
        let uploads = page.entries.iter().map(|(id, upload)| dto::MultipartUpload {
            checksum_algorithm: declared_algorithm(upload),
            checksum_type: declared_kind(upload),
            initiated: Some(upload.settings.initiated.timestamp()),
            initiator: Some(initiator()),
            key: Some(encoder.write(&upload.settings.key)),
            owner: Some(owner()),
            storage_class: Some(upload.settings.attributes.storage_class.clone().into()),
            upload_id: Some((*id).to_owned()),
        });
        Ok(S3Response::new(dto::ListMultipartUploadsOutput {
            bucket: Some(input.bucket.clone()),
            common_prefixes: encoder.prefixes(&page.prefixes),
            delimiter: input.delimiter.as_deref().map(|text| encoder.write(text)),
            encoding_type: input.encoding_type.clone(),
            is_truncated: Some(page.next.is_some()),
            key_marker: input.key_marker.as_deref().map(|text| encoder.write(text)),
            max_uploads: Some(count(limit)),
            next_key_marker: page.next.as_ref().map(|mark| encoder.write(mark.text())),
            next_upload_id_marker: next_upload,
            prefix: input.prefix.as_deref().map(|text| encoder.write(text)),
            upload_id_marker: input.upload_id_marker.clone(),
            uploads: Some(uploads.collect()),
            ..Default::default()
        }))
    }

    pub(crate) fn list_parts(&self, input: dto::ListPartsInput) -> S3Result<S3Response<dto::ListPartsOutput>> {
        let limit = page_size(input.max_parts, "max-parts")?;
        let state = self.state();
        let upload = state.upload(&input.bucket, &input.key, &input.upload_id)?;
        let after = u16::try_from(input.part_number_marker.unwrap_or_default()).unwrap_or(u16::MAX);
        let rest = upload.parts.range((Bound::Excluded(after), Bound::Unbounded)).map(|(_, part)| {
            let mut listed = dto::Part {
                e_tag: Some(dto::ETag::Strong(part.etag.clone())),
                last_modified: Some(part.uploaded.timestamp()),
                part_number: Some(i32::from(part.number)),
                size: Some(signed(part.size())),
                ..Default::default()
            };
            set_checksum!(listed, &part.checksum);
            listed
        });
        let (parts, is_truncated) = numbered(rest, limit);
        Ok(S3Response::new(dto::ListPartsOutput {
            checksum_algorithm: declared_algorithm(upload),
            checksum_type: declared_kind(upload),
            initiator: Some(initiator()),
            is_truncated: Some(is_truncated),
            max_parts: Some(count(limit)),
            next_part_number_marker: parts.last().and_then(|part| part.part_number),
            owner: Some(owner()),
            part_number_marker: Some(i32::from(after)),
            parts: Some(parts),
            storage_class: Some(upload.settings.attributes.storage_class.clone().into()),
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(input.upload_id),
            ..Default::default()
        }))
    }
}

fn initiator() -> dto::Initiator {
    dto::Initiator { display_name: None, id: owner().id }
}

fn declared_algorithm(upload: &Upload) -> Option<dto::ChecksumAlgorithm> {
    upload.settings.declared.map(|(algorithm, _)| dto::ChecksumAlgorithm::from_static(algorithm.name()))
}

fn declared_kind(upload: &Upload) -> Option<dto::ChecksumType> {
    upload.settings.declared.map(|(_, kind)| dto::ChecksumType::from_static(kind.name()))
}
