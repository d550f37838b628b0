//! `GetObjectAttributes`: the metadata of an object without its content.

use s3s::{S3Response, S3Result, dto};

use crate::{
    backend::Backend,
    convert::{count, page_size, set_checksum, signed},
    errors,
    listing::page::numbered,
    model::{
        customer_key::{CustomerKey, customer_key},
        object::Object,
        version::shown,
    },
};

/// The page of parts for `GetObjectAttributes`. S3 lists parts only if they have checksums of their own; otherwise it
/// returns just their number.
fn parts_page(
    object: &Object,
    input: &dto::GetObjectAttributesInput,
) -> S3Result<Option<dto::GetObjectAttributesParts>> {
    if object.parts.is_empty() {
        return Ok(None);
    }
    let total = Some(count(object.parts.len()));
    if object.parts.iter().any(|part| part.checksum.is_none()) {
        return Ok(Some(dto::GetObjectAttributesParts { total_parts_count: total, ..Default::default() }));
    }
    let limit = page_size(input.max_parts, "max-parts")?;
    let after = input.part_number_marker.unwrap_or_default();
    let rest = object.parts.iter().filter(|part| i32::from(part.number) > after).map(|part| {
        let mut listed = dto::ObjectPart {
            part_number: Some(i32::from(part.number)),
            size: Some(signed(part.size)),
            ..Default::default()
        };
        set_checksum!(listed, &part.checksum);
        listed
    });
    let (parts, is_truncated) = numbered(rest, limit);
    Ok(Some(dto::GetObjectAttributesParts {
        is_truncated: Some(is_truncated),
        max_parts: Some(count(limit)),
        next_part_number_marker: parts.last().and_then(|part| part.part_number),
        part_number_marker: Some(after),
        parts: Some(parts),
        total_parts_count: total,
    }))
}

impl Backend {
    pub(crate) fn get_object_attributes(
        &self,
        input: &dto::GetObjectAttributesInput,
    ) -> S3Result<S3Response<dto::GetObjectAttributesOutput>> {
        let state = self.state();
        let version = state.find(&input.bucket, &input.key, input.version_id.as_deref())?;
        let object = version.object().ok_or_else(errors::no_such_key)?;
        CustomerKey::open(object.attributes.encryption.customer_key.as_ref(), customer_key!(input)?.as_ref())?;
        // botocore sends all attributes in one header with commas, the Rust SDK one header each. s3s splits only the
        // latter.
        let requested = |name: &str| {
            let headers = input.object_attributes.iter().map(dto::ObjectAttributes::as_str);
            headers.flat_map(|header| header.split(',')).any(|attribute| attribute.trim() == name)
        };
        let mut output = dto::GetObjectAttributesOutput {
            last_modified: Some(version.initiated.timestamp()),
            version_id: shown(state.bucket(&input.bucket)?.record.versioning, &version.id),
            ..Default::default()
        };
        if requested("ETag") {
            output.e_tag = Some(dto::ETag::Strong(object.etag.clone()));
        }
        if requested("Checksum")
            && let Some(stored) = &object.checksum
        {
            let kind = Some(dto::ChecksumType::from_static(stored.kind.name()));
            let mut checksum = dto::Checksum { checksum_type: kind, ..Default::default() };
            set_checksum!(checksum, &object.checksum);
            output.checksum = Some(checksum);
        }
        if requested("ObjectParts") {
            output.object_parts = parts_page(object, input)?;
        }
        if requested("StorageClass") {
            output.storage_class = Some(object.attributes.storage_class.clone().into());
        }
        if requested("ObjectSize") {
            output.object_size = Some(signed(object.size()));
        }
        Ok(S3Response::new(output))
    }
}
