//! `GetObject` and `HeadObject`.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use s3s::{S3Request, S3Response, S3Result, dto, s3_error};

use crate::{
    backend::Backend,
    checksum::Checksum,
    convert::{attributes::describe, count, part_number, set_checksum, signed},
    errors,
    model::{
        customer_key::{CustomerKey, customer_key},
        object::Object,
        version::{Version, shown},
    },
    objects::conditions::{ReadConditions, Verdict},
    permissions::Hidden,
    request::Status,
    storage::extents::slice,
};

/// The part of an object that a read returns, in bytes from `start` up to, not including, `end`.
struct Window {
    start: u64,
    end: u64,
    /// Whether the answer has status 206.
    partial: bool,
    /// The checksum of exactly these bytes, if S3 stores it.
    checksum: Option<Checksum>,
    /// The number of parts, for a read of one part of a multipart object.
    parts_count: Option<i32>,
}

/// The window of `Range` or `partNumber`.
fn window(object: &Object, range: Option<&dto::Range>, part: Option<i32>) -> S3Result<Window> {
    let size = object.size();
    match (range, part) {
        (Some(_), Some(_)) => {
            Err(errors::invalid_request("Cannot specify both Range header and partNumber query parameter"))
        }
        (None, None) => {
            Ok(Window { start: 0, end: size, partial: false, checksum: object.checksum.clone(), parts_count: None })
        }
        (Some(range), None) => {
            let found = range.check(size).map_err(|_| {
                let mut error = s3_error!(InvalidRange, "The requested range is not satisfiable");
                let mut headers = HeaderMap::new();
                if let Ok(value) = HeaderValue::from_str(&format!("bytes */{size}")) {
                    headers.insert(http::header::CONTENT_RANGE, value);
                }
                error.set_headers(headers);
                error
            })?;
            Ok(Window { start: found.start, end: found.end, partial: true, checksum: None, parts_count: None })
        }
        (None, Some(number)) => part_window(object, part_number(number)?),
    }
}

/// The window of one part. An object that was not uploaded in parts has one part, number 1.
fn part_window(object: &Object, number: u16) -> S3Result<Window> {
    if object.parts.is_empty() && number == 1 {
        let checksum = object.checksum.clone();
        return Ok(Window { start: 0, end: object.size(), partial: true, checksum, parts_count: None });
    }
    // Part numbers may have gaps; a read counts the existing parts.
    let index = usize::from(number) - 1;
    let part = object.parts.get(index).ok_or_else(|| {
        let message = "The requested partnumber is not satisfiable";
        errors::custom("InvalidPartNumber", message, StatusCode::RANGE_NOT_SATISFIABLE)
    })?;
    let start: u64 = object.parts[..index].iter().map(|part| part.size).sum();
    Ok(Window {
        start,
        end: start + part.size,
        partial: true,
        checksum: part.checksum.clone(),
        parts_count: Some(count(object.parts.len())),
    })
}

/// 304, with the headers for caches.
fn not_modified(version: &Version, object: &Object) -> s3s::S3Error {
    let mut error = s3_error!(NotModified, "Not Modified");
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_str(&format!("\"{}\"", object.etag)) {
        headers.insert(http::header::ETAG, value);
    }
    if let Ok(value) = HeaderValue::from_str(&version.id) {
        headers.insert(HeaderName::from_static("x-amz-version-id"), value);
    }
    error.set_headers(headers);
    error
}

/// The conditions in the headers of a read.
macro_rules! read_conditions {
    ($input:expr) => {
        ReadConditions {
            if_match: $input.if_match,
            if_none_match: $input.if_none_match,
            if_modified_since: $input.if_modified_since,
            if_unmodified_since: $input.if_unmodified_since,
        }
    };
}

/// Rejects a read whose conditions do not hold.
fn hold(conditions: &ReadConditions, version: &Version, object: &Object) -> S3Result<()> {
    match conditions.judge(&object.etag, version.initiated.time()) {
        Verdict::Proceed => Ok(()),
        Verdict::NotModified => Err(not_modified(version, object)),
        Verdict::Failed(name) => Err(errors::precondition_failed(name)),
    }
}

/// The header `x-amz-checksum-type`. For a part, too, it is the type of the object, which defines how the checksums of
/// parts are combined (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html>, Response Elements).
fn shown_kind(window: &Window, object: &Object) -> Option<dto::ChecksumType> {
    let stored = window.checksum.as_ref().and(object.checksum.as_ref())?;
    Some(dto::ChecksumType::from_static(stored.kind.name()))
}

fn content_range(window: &Window, size: u64) -> Option<String> {
    (window.partial && size > 0).then(|| format!("bytes {}-{}/{size}", window.start, window.end.saturating_sub(1)))
}

impl Backend {
    /// The version that a read names, with the ID for its answer.
    fn found(&self, bucket: &str, key: &str, id: Option<&str>) -> S3Result<(Arc<Version>, Option<String>)> {
        let state = self.state();
        let version = state.find(bucket, key, id)?;
        let shown = shown(state.bucket(bucket)?.record.versioning, &version.id);
        Ok((version, shown))
    }

    pub(crate) fn get_object(&self, req: S3Request<dto::GetObjectInput>) -> S3Result<S3Response<dto::GetObjectOutput>> {
        let hidden = Hidden::of(&req.extensions);
        let input = req.input;
        // The lock is kept until the bytes are held, so that a concurrent delete cannot remove them.
        let state = self.state();
        let version = state.find(&input.bucket, &input.key, input.version_id.as_deref())?;
        let version_id = shown(state.bucket(&input.bucket)?.record.versioning, &version.id);
        let object = version.object().ok_or_else(errors::no_such_key)?;
        CustomerKey::open(object.attributes.encryption.customer_key.as_ref(), customer_key!(input)?.as_ref())?;
        hold(&read_conditions!(input), &version, object)?;
        let now = self.now();
        if object.is_out_of_reach(now) {
            return Err(s3_error!(InvalidObjectState, "The operation is not valid for the object's storage class"));
        }
        let window = window(object, input.range.as_ref(), input.part_number)?;
        let held = self.blobs.hold(slice(&object.extents, window.start, window.end));
        drop(state);
        let mut output = describe!(GetObjectOutput, version, object, hidden);
        output.restore = object.shown_restore(now);
        output.version_id = version_id;
        output.content_length = Some(signed(window.end - window.start));
        output.content_range = content_range(&window, object.size());
        output.parts_count = window.parts_count;
        output.tag_count = hidden.shown_tags(object).map(|tags| count(tags.len()));
        if input.checksum_mode.is_some() {
            set_checksum!(output, &window.checksum);
            output.checksum_type = shown_kind(&window, object);
        }
        output.body = Some(held.stream());
        let mut response = S3Response::new(output);
        response.status = window.partial.then_some(StatusCode::PARTIAL_CONTENT);
        Ok(response)
    }

    pub(crate) fn head_object(
        &self,
        req: S3Request<dto::HeadObjectInput>,
    ) -> S3Result<S3Response<dto::HeadObjectOutput>> {
        let hidden = Hidden::of(&req.extensions);
        let input = req.input;
        let (version, version_id) = self.found(&input.bucket, &input.key, input.version_id.as_deref())?;
        let object = version.object().ok_or_else(errors::no_such_key)?;
        CustomerKey::open(object.attributes.encryption.customer_key.as_ref(), customer_key!(input)?.as_ref())?;
        hold(&read_conditions!(input), &version, object)?;
        let window = window(object, input.range.as_ref(), input.part_number)?;
        let mut output = describe!(HeadObjectOutput, version, object, hidden);
        output.restore = object.shown_restore(self.now());
        output.version_id = version_id;
        output.content_length = Some(signed(window.end - window.start));
        output.content_range = content_range(&window, object.size());
        output.parts_count = window.parts_count;
        if input.checksum_mode.is_some() {
            set_checksum!(output, &window.checksum);
            output.checksum_type = shown_kind(&window, object);
        }
        let mut response = S3Response::new(output);
        if response.output.content_range.is_some() {
            response.extensions.insert(Status(StatusCode::PARTIAL_CONTENT));
        }
        // s3s has no field for it in HeadObject.
        if let Some(tags) = hidden.shown_tags(object) {
            let name = HeaderName::from_static("x-amz-tagging-count");
            response.headers.insert(name, HeaderValue::from(tags.len()));
        }
        Ok(response)
    }
}
