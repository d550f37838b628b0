//! `ListObjectVersions`.

use std::ops::Bound;

use s3s::{S3Response, S3Result, dto};

use crate::{
    backend::Backend,
    convert::{count, owner, page_size},
    errors,
    listing::{
        encoding::Encoder,
        objects::listed_object,
        page::{Markers, VersionQuery},
    },
    model::{
        object::Object,
        version::{Version, VersionContent, is_version_id},
    },
};

impl Backend {
    pub(crate) fn list_object_versions(
        &self,
        input: dto::ListObjectVersionsInput,
    ) -> S3Result<S3Response<dto::ListObjectVersionsOutput>> {
        let encoder = Encoder::new(input.encoding_type.as_ref())?;
        let limit = page_size(input.max_keys, "max-keys")?;
        let markers = Markers { key: input.key_marker.as_deref(), id: input.version_id_marker.as_deref() };
        check_version_marker(markers)?;
        let requested = VersionQuery::of(input.prefix.as_deref(), input.delimiter.as_deref(), limit, markers);
        let state = self.state();
        let from = (Bound::Included(requested.query.first()), Bound::Unbounded);
        let keys = state.bucket(&input.bucket)?.keys.range::<str, _>(from).map(|(key, versions)| {
            let listed = versions.iter().enumerate();
            (key.as_str(), listed.map(|(index, one)| (one.id.as_str(), (key, one, index == 0))).collect())
        });
        let (page, next_version) = requested.page(keys);
        let (mut versions, mut markers) = (Vec::new(), Vec::new());
        for (key, version, latest) in &page.entries {
            match &version.content {
                VersionContent::Object(object) => {
                    versions.push(listed_version(&encoder, key, version, object, *latest));
                }
                VersionContent::DeleteMarker => markers.push(listed_marker(&encoder, key, version, *latest)),
            }
        }
        Ok(S3Response::new(dto::ListObjectVersionsOutput {
            common_prefixes: encoder.prefixes(&page.prefixes),
            delete_markers: Some(markers),
            delimiter: input.delimiter.map(|text| encoder.write(&text)),
            encoding_type: input.encoding_type,
            is_truncated: Some(page.next.is_some()),
            key_marker: Some(input.key_marker.map(|text| encoder.write(&text)).unwrap_or_default()),
            max_keys: Some(count(limit)),
            name: Some(input.bucket.clone()),
            next_key_marker: page.next.as_ref().map(|mark| encoder.write(mark.text())),
            next_version_id_marker: next_version,
            prefix: Some(encoder.write(&requested.query.prefix)),
            version_id_marker: Some(input.version_id_marker.clone().unwrap_or_default()),
            versions: Some(versions),
            ..Default::default()
        }))
    }
}

/// A version-ID marker must be valid and requires a key marker
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html>;
/// <https://github.com/versity/versitygw/issues/2174> quotes S3's answer).
fn check_version_marker(markers: Markers<'_>) -> S3Result<()> {
    match markers.id.filter(|id| !id.is_empty()) {
        Some(_) if markers.key.is_none_or(str::is_empty) => {
            Err(errors::invalid_argument("A version-id marker cannot be specified without a key marker."))
        }
        Some(id) if !is_version_id(id) => Err(errors::invalid_version_id(id)),
        _ => Ok(()),
    }
}

fn listed_marker(encoder: &Encoder, key: &str, version: &Version, latest: bool) -> dto::DeleteMarkerEntry {
    dto::DeleteMarkerEntry {
        is_latest: Some(latest),
        key: Some(encoder.write(key)),
        last_modified: Some(version.initiated.timestamp()),
        owner: Some(owner()),
        version_id: Some(version.id.clone()),
    }
}

fn listed_version(
    encoder: &Encoder,
    key: &str,
    version: &Version,
    object: &Object,
    latest: bool,
) -> dto::ObjectVersion {
    let listed = listed_object(encoder, key, version, object);
    dto::ObjectVersion {
        checksum_algorithm: listed.checksum_algorithm,
        checksum_type: listed.checksum_type,
        e_tag: listed.e_tag,
        is_latest: Some(latest),
        key: listed.key,
        last_modified: listed.last_modified,
        owner: Some(owner()),
        size: listed.size,
        storage_class: Some(object.attributes.storage_class.clone().into()),
        version_id: Some(version.id.clone()),
        ..Default::default()
    }
}
