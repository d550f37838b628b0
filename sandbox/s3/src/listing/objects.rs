//! `ListObjects` and `ListObjectsV2`.

use std::ops::Bound;

use s3s::{S3Response, S3Result, dto};

use crate::{
    backend::Backend,
    convert::{count, owner, page_size, signed},
    listing::{
        encoding::{Encoder, mark_of_token, token},
        page::{Mark, Page, Query},
    },
    model::{object::Object, version::Version},
};

pub(crate) fn listed_object(encoder: &Encoder, key: &str, version: &Version, object: &Object) -> dto::Object {
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

    pub(crate) fn list_objects_v2(
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

    pub(crate) fn list_objects(&self, input: dto::ListObjectsInput) -> S3Result<S3Response<dto::ListObjectsOutput>> {
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
}
