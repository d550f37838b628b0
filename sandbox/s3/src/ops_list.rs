//! Listings: objects, versions, uploads and parts.

use std::{collections::BTreeMap, ops::Bound};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::{S3Response, S3Result, dto};

use super::{
    Backend,
    convert::{count, page_size, set_checksum, signed},
    errors,
    listing::{Mark, Markers, Page, Query, Several, numbered},
    model::{Object, Version, VersionContent},
    ops_bucket::owner,
    publish::is_version_id,
    state::Upload,
};

/// What `encoding-type=url` leaves as it is.
const PLAIN: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/').remove(b'*');

/// Writes keys plainly or, where the caller asks for it, percent-encoded.
struct Encoder(bool);

impl Encoder {
    fn new(asked: Option<&dto::EncodingType>) -> S3Result<Self> {
        match asked.map(dto::EncodingType::as_str) {
            None => Ok(Self(false)),
            Some("url") => Ok(Self(true)),
            Some(_) => Err(errors::invalid_argument("Invalid Encoding Method specified in Request")),
        }
    }

    fn write(&self, text: &str) -> String {
        if self.0 { utf8_percent_encode(text, PLAIN).to_string() } else { text.to_owned() }
    }

    fn prefixes(&self, prefixes: &[String]) -> Option<Vec<dto::CommonPrefix>> {
        let listed = prefixes.iter().map(|prefix| dto::CommonPrefix { prefix: Some(self.write(prefix)) });
        (!prefixes.is_empty()).then(|| listed.collect())
    }
}

fn token(mark: &Mark) -> String {
    URL_SAFE_NO_PAD.encode(match mark {
        Mark::Key(key) => format!("k{key}"),
        Mark::Prefix(prefix) => format!("p{prefix}"),
    })
}

fn mark_of_token(token: &str) -> S3Result<Mark> {
    let text = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    match text.as_deref().and_then(|text| text.split_at_checked(1)) {
        Some(("k", key)) => Ok(Mark::Key(key.to_owned())),
        Some(("p", prefix)) => Ok(Mark::Prefix(prefix.to_owned())),
        _ => Err(errors::invalid_argument("The continuation token provided is incorrect")),
    }
}

fn listed_object(encoder: &Encoder, key: &str, version: &Version, object: &Object) -> dto::Object {
    dto::Object {
        checksum_algorithm: object
            .checksum
            .as_ref()
            .map(|stored| vec![dto::ChecksumAlgorithm::from_static(stored.algorithm.name())]),
        checksum_type: object.checksum.as_ref().map(|stored| dto::ChecksumType::from_static(stored.kind.name())),
        e_tag: Some(dto::ETag::Strong(object.etag.clone())),
        key: Some(encoder.write(key)),
        last_modified: Some(version.initiated.timestamp()),
        size: Some(signed(object.size())),
        storage_class: Some(object.attributes.storage_class.clone().into()),
        ..Default::default()
    }
}

impl Backend {
    fn objects(&self, bucket: &str, query: &Query, encoder: &Encoder) -> S3Result<Page<dto::Object>> {
        let state = self.state();
        let keys = &state.bucket(bucket)?.keys;
        let found = keys
            .range::<str, _>((Bound::Included(query.first()), Bound::Unbounded))
            .filter(|(key, _)| query.is_new(key))
            .filter_map(|(key, versions)| {
                let version = versions.first()?;
                Some((key.as_str(), (key, version, version.object()?)))
            });
        let Page { entries, prefixes, next } = query.page(found);
        let entries = entries.into_iter().map(|(key, version, object)| listed_object(encoder, key, version, object));
        Ok(Page { entries: entries.collect(), prefixes, next })
    }

    pub(super) fn list_objects_v2(
        &self,
        input: dto::ListObjectsV2Input,
    ) -> S3Result<S3Response<dto::ListObjectsV2Output>> {
        let encoder = Encoder::new(input.encoding_type.as_ref())?;
        let after = match (&input.continuation_token, &input.start_after) {
            (Some(given), _) => Some(mark_of_token(given)?),
            (None, Some(start)) => Some(Mark::Key(start.clone())),
            (None, None) => None,
        };
        let query = Query {
            prefix: input.prefix.clone().unwrap_or_default(),
            delimiter: input.delimiter.clone().unwrap_or_default(),
            limit: page_size(input.max_keys, "max-keys")?,
            after,
        };
        let mut page = self.objects(&input.bucket, &query, &encoder)?;
        if input.fetch_owner == Some(true) {
            for object in &mut page.entries {
                object.owner = Some(owner());
            }
        }
        let encode = |text: Option<String>| text.map(|text| encoder.write(&text));
        Ok(S3Response::new(dto::ListObjectsV2Output {
            common_prefixes: encoder.prefixes(&page.prefixes),
            continuation_token: input.continuation_token,
            delimiter: encode(input.delimiter),
            encoding_type: input.encoding_type,
            is_truncated: Some(page.next.is_some()),
            key_count: Some(count(page.entries.len() + page.prefixes.len())),
            max_keys: Some(count(query.limit)),
            name: Some(input.bucket),
            next_continuation_token: page.next.as_ref().map(token),
            prefix: Some(encoder.write(&query.prefix)),
            start_after: encode(input.start_after),
            contents: Some(page.entries),
            ..Default::default()
        }))
    }

    pub(super) fn list_objects(&self, input: dto::ListObjectsInput) -> S3Result<S3Response<dto::ListObjectsOutput>> {
        let encoder = Encoder::new(input.encoding_type.as_ref())?;
        let limit = page_size(input.max_keys, "max-keys")?;
        let query = Query::of(input.prefix.as_deref(), input.delimiter.as_deref(), limit, input.marker.as_deref());
        let page = self.objects(&input.bucket, &query, &encoder)?;
        let next = page.next.as_ref().map(|mark| encoder.write(mark.text()));
        let encode = |text: Option<String>| text.map(|text| encoder.write(&text));
        Ok(S3Response::new(dto::ListObjectsOutput {
            common_prefixes: encoder.prefixes(&page.prefixes),
            delimiter: encode(input.delimiter),
            encoding_type: input.encoding_type,
            is_truncated: Some(next.is_some()),
            marker: Some(encode(input.marker).unwrap_or_default()),
            max_keys: Some(count(query.limit)),
            name: Some(input.bucket),
            // Without a delimiter the last key is the marker, and S3 does not repeat it.
            next_marker: next.filter(|_| !query.delimiter.is_empty()),
            prefix: Some(encoder.write(&query.prefix)),
            contents: Some(page.entries),
            ..Default::default()
        }))
    }

    pub(super) fn list_object_versions(
        &self,
        input: dto::ListObjectVersionsInput,
    ) -> S3Result<S3Response<dto::ListObjectVersionsOutput>> {
        let encoder = Encoder::new(input.encoding_type.as_ref())?;
        let limit = page_size(input.max_keys, "max-keys")?;
        let markers = Markers { key: input.key_marker.as_deref(), id: input.version_id_marker.as_deref() };
        check_version_marker(markers)?;
        let asked = Several::of(input.prefix.as_deref(), input.delimiter.as_deref(), limit, markers);
        let state = self.state();
        let from = (Bound::Included(asked.query.first()), Bound::Unbounded);
        let keys = state.bucket(&input.bucket)?.keys.range::<str, _>(from).map(|(key, versions)| {
            let listed = versions.iter().enumerate();
            (key.as_str(), listed.map(|(index, one)| (one.id.as_str(), (key, one, index == 0))).collect())
        });
        let (page, next_version) = asked.page(keys);
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
            prefix: Some(encoder.write(&asked.query.prefix)),
            version_id_marker: Some(input.version_id_marker.clone().unwrap_or_default()),
            versions: Some(versions),
            ..Default::default()
        }))
    }

    pub(super) fn list_multipart_uploads(
        &self,
        input: &dto::ListMultipartUploadsInput,
    ) -> S3Result<S3Response<dto::ListMultipartUploadsOutput>> {
        let encoder = Encoder::new(input.encoding_type.as_ref())?;
        let limit = page_size(input.max_uploads, "max-uploads")?;
        let markers = Markers { key: input.key_marker.as_deref(), id: input.upload_id_marker.as_deref() };
        let asked = Several::of(input.prefix.as_deref(), input.delimiter.as_deref(), limit, markers);
        let state = self.state();
        state.bucket(&input.bucket)?;
        let mut open: BTreeMap<&str, Vec<(&str, &Upload)>> = BTreeMap::new();
        for (id, upload) in state.uploads().filter(|(_, upload)| upload.settings.bucket == input.bucket) {
            open.entry(&upload.settings.key).or_default().push((id, upload));
        }
        for of_key in open.values_mut() {
            of_key.sort_by_key(|(_, upload)| upload.settings.initiated);
        }
        let from = (Bound::Included(asked.query.first()), Bound::Unbounded);
        let keys = open
            .range::<str, _>(from)
            .map(|(key, of_key)| (*key, of_key.iter().map(|(id, upload)| (*id, (*id, *upload))).collect()));
        let (page, next_upload) = asked.page(keys);
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

    pub(super) fn list_parts(&self, input: dto::ListPartsInput) -> S3Result<S3Response<dto::ListPartsOutput>> {
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

/// A version id goes with a key, and is one
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html>; S3's answer is quoted in
/// <https://github.com/versity/versitygw/issues/2174>).
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

fn initiator() -> dto::Initiator {
    dto::Initiator { display_name: None, id: owner().id }
}

fn declared_algorithm(upload: &Upload) -> Option<dto::ChecksumAlgorithm> {
    upload.settings.declared.map(|(algorithm, _)| dto::ChecksumAlgorithm::from_static(algorithm.name()))
}

fn declared_kind(upload: &Upload) -> Option<dto::ChecksumType> {
    upload.settings.declared.map(|(_, kind)| dto::ChecksumType::from_static(kind.name()))
}
