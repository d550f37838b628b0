//! The sandbox's own endpoint for fault rules, `/_sandbox/faults`.
//!
//! It requires no signature: it is on loopback, and a process that reaches it can stop the sandbox anyway. No S3 path
//! collides with it, because bucket names begin with a letter or a digit. A rule must have the type `application/json`:
//! a page in a browser cannot send that type to another origin without a preflight request.

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, header, request::Parts};
use s3s::Body;
use serde_json::{Value, json};

use sandbox_core::faults::{Faults, Rule, RuleId};

const FAULTS: &str = "/_sandbox/faults";

/// The rest of a request's path after [`FAULTS`]; `None` for other paths.
pub(super) fn route(head: &Parts) -> Option<&str> {
    let rest = head.uri.path().strip_prefix(FAULTS)?;
    (rest.is_empty() || rest.starts_with('/')).then(|| rest.trim_matches('/'))
}

/// Answers a request. `id` is the rest of its path after [`FAULTS`].
pub(super) fn answer(faults: &Faults, head: &Parts, id: &str, body: &Bytes) -> Response<Body> {
    let (status, body) = match (&head.method, id) {
        (&Method::GET, "") => (StatusCode::OK, json!({ "faults": faults.rules() })),
        (&Method::POST, "") => match rule(head, body) {
            Ok(rule) => added(faults, rule),
            Err(refusal) => refusal,
        },
        (&Method::DELETE, "") => {
            let removed = faults.rules().len();
            faults.clear();
            (StatusCode::OK, json!({ "removed": removed }))
        }
        (&Method::DELETE, id) if faults.remove(&RuleId::from(id)) => (StatusCode::OK, json!({ "removed": 1 })),
        (&Method::DELETE, id) => {
            let message = format!("there is no rule {id}; GET {FAULTS} lists the active rules");
            refusal(StatusCode::NOT_FOUND, &message)
        }
        (method, _) => {
            let message = format!(
                "{method} {} does not exist; use GET, POST or DELETE {FAULTS}, or DELETE {FAULTS}/ID",
                head.uri.path()
            );
            refusal(StatusCode::METHOD_NOT_ALLOWED, &message)
        }
    };
    let mut response = Response::new(Body::from(format!("{body}\n")));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

type Answer = (StatusCode, Value);

fn refusal(status: StatusCode, message: &str) -> Answer {
    (status, json!({ "message": message }))
}

fn rule(head: &Parts, body: &[u8]) -> Result<Rule, Answer> {
    let kind = head.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.split(';').next().map(str::trim) != Some("application/json") {
        let message = "send the rule as Content-Type: application/json";
        return Err(refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    serde_path_to_error::deserialize(&mut json)
        .map_err(|error| refusal(StatusCode::BAD_REQUEST, &format!("the body is not a valid fault rule: {error}")))
}

fn added(faults: &Faults, rule: Rule) -> Answer {
    match faults.add(rule) {
        Ok(id) => (StatusCode::CREATED, json!({ "id": id })),
        Err(error) => refusal(StatusCode::BAD_REQUEST, &error.to_string()),
    }
}
