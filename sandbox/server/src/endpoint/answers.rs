//! Answers in the form of each protocol: AWS JSON, Query and REST JSON, for results and for errors.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use s3s::Body;
use serde_json::{Value, json};

use sandbox_core::{faults::NoAnswer, ports::ApiError, query};

/// The two versions of the AWS JSON protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Json {
    /// `application/x-amz-json-1.0`
    V1_0,
    /// `application/x-amz-json-1.1`
    V1_1,
}

impl Json {
    fn content_type(self) -> &'static str {
        match self {
            Self::V1_0 => "application/x-amz-json-1.0",
            Self::V1_1 => "application/x-amz-json-1.1",
        }
    }
}

/// An answer of a JSON service.
pub(super) fn json(version: Json, result: Result<Value, ApiError>, request_id: &str) -> Response<Body> {
    let (status, body, code) = match result {
        Ok(Value::Null) => (200, json!({}), None),
        Ok(value) => (200, value, None),
        Err(ApiError { status, code, message }) => (status, json!({ "__type": code, "message": message }), Some(code)),
    };
    let mut response = plain(status, version.content_type(), body.to_string());
    if let Some(code) = code {
        set(&mut response, "x-amzn-errortype", &code);
    }
    set(&mut response, "x-amzn-requestid", request_id);
    response
}

/// An answer of a Query service. `operation` is the form's `Action`.
pub(super) fn query(
    namespace: &str,
    operation: &str,
    result: Result<String, ApiError>,
    request_id: &str,
) -> Response<Body> {
    let (status, body) = match result {
        Ok(inner) => (200, query::response(namespace, operation, &inner, request_id)),
        Err(error) => (error.status, query::error(namespace, &error, request_id)),
    };
    let mut response = plain(status, "text/xml", body);
    set(&mut response, "x-amzn-requestid", request_id);
    response
}

/// An answer of Lambda.
pub(super) fn lambda(result: Result<Response<Bytes>, ApiError>, request_id: &str) -> Response<Body> {
    let mut response = match result {
        Ok(response) => response.map(Body::from),
        Err(ApiError { status, code, message }) => {
            let side = if status < 500 { "User" } else { "Service" };
            let body = json!({ "Type": side, "Message": message, "message": message });
            let mut response = plain(status, "application/json", body.to_string());
            set(&mut response, "x-amzn-errortype", &code);
            response
        }
    };
    if !response.headers().contains_key("x-amzn-requestid") {
        set(&mut response, "x-amzn-requestid", request_id);
    }
    response
}

fn plain(status: u16, content_type: &'static str, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if status == 0 {
        response.extensions_mut().insert(NoAnswer);
    }
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn set(response: &mut Response<Body>, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
}
