//! Which service a request is for. On AWS the host name says it; on one endpoint it is told by the target header, the
//! service in the signature's credential scope, and the path.

use http::{HeaderMap, header};
use hyper::http::request::Parts;

use crate::lambda::Lambda;

/// Where a request goes that is not for S3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    /// Step Functions, in AWS JSON 1.0, with the operation's name.
    States(String),
    /// `EventBridge`, in AWS JSON 1.1, with the operation's name.
    Events(String),
    /// A JSON service that the sandbox does not have, with the whole target.
    UnknownTarget(String),
    /// SNS, in the Query protocol.
    Sns,
    /// STS, in the Query protocol.
    Sts,
    /// Lambda, in REST JSON.
    Lambda,
    /// A signed request to a service that the sandbox does not have.
    UnknownService(String),
}

/// Who signed a request and for which service, as the credential scope says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scope {
    /// The public half of the key.
    pub(super) access_key_id: String,
    /// For example `states`.
    pub(super) service: String,
}

/// Decides by the head of a request. None is S3, which takes everything that no other service does.
pub(super) fn route(head: &Parts, scope: Option<&Scope>) -> Option<Route> {
    if let Some(target) = text(&head.headers, "X-Amz-Target") {
        return Some(match target.split_once('.') {
            Some(("AWSStepFunctions", operation)) => Route::States(operation.to_owned()),
            Some(("AWSEvents", operation)) => Route::Events(operation.to_owned()),
            _ => Route::UnknownTarget(target.to_owned()),
        });
    }
    match scope.map(|scope| scope.service.as_str()) {
        Some("s3" | "s3express") => None,
        Some("sns") => Some(Route::Sns),
        Some("sts") => Some(Route::Sts),
        Some("lambda") => Some(Route::Lambda),
        Some(other) => Some(Route::UnknownService(other.to_owned())),
        None => Lambda::owns(head.uri.path()).then_some(Route::Lambda),
    }
}

/// The credential scope of a request: `KEY/DATE/REGION/SERVICE/aws4_request` in its Authorization header, or in the query
/// of a presigned URL. None when it is not signed.
pub(super) fn scope(head: &Parts) -> Option<Scope> {
    let credential = match text(&head.headers, header::AUTHORIZATION.as_str()) {
        Some(value) => value.split_once("Credential=")?.1.split([',', ' ']).next()?.to_owned(),
        None => url::form_urlencoded::parse(head.uri.query()?.as_bytes())
            .find(|(name, _)| name == "X-Amz-Credential")
            .map(|(_, value)| value.into_owned())?,
    };
    let mut parts = credential.rsplit('/');
    let (_, service, _, _) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    Some(Scope { access_key_id: parts.next()?.to_owned(), service: service.to_owned() })
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use http::Request;

    use super::*;

    fn routed(request: http::request::Builder) -> Option<Route> {
        let (head, ()) = request.body(()).unwrap().into_parts();
        route(&head, scope(&head).as_ref())
    }

    fn signed_for(service: &str) -> http::request::Builder {
        let scope = format!("AWS4-HMAC-SHA256 Credential=AKIA/20261122/eu-west-1/{service}/aws4_request, Signature=x");
        Request::post("/").header("Authorization", scope)
    }

    #[test]
    fn a_request_goes_to_the_service_that_its_signature_names() {
        let expected = [
            ("s3", None),
            ("sns", Some(Route::Sns)),
            ("sts", Some(Route::Sts)),
            ("lambda", Some(Route::Lambda)),
            ("dynamodb", Some(Route::UnknownService("dynamodb".to_owned()))),
        ];
        for (service, route) in expected {
            assert_eq!(routed(signed_for(service)), route, "{service}");
        }
    }

    #[test]
    fn a_target_header_names_service_and_operation() {
        let start = signed_for("states").header("X-Amz-Target", "AWSStepFunctions.StartExecution");
        assert_eq!(routed(start), Some(Route::States("StartExecution".to_owned())));
        let put = signed_for("events").header("X-Amz-Target", "AWSEvents.PutEvents");
        assert_eq!(routed(put), Some(Route::Events("PutEvents".to_owned())));
        let other = signed_for("sqs").header("X-Amz-Target", "AmazonSQS.SendMessage");
        assert_eq!(routed(other), Some(Route::UnknownTarget("AmazonSQS.SendMessage".to_owned())));
    }

    #[test]
    fn a_presigned_url_is_for_the_service_in_its_credential() {
        let url = "/bucket/key?X-Amz-Credential=AKIA%2F20261122%2Feu-west-1%2Fs3%2Faws4_request";
        let (head, ()) = Request::get(url).body(()).unwrap().into_parts();
        assert_eq!(scope(&head), Some(Scope { access_key_id: "AKIA".to_owned(), service: "s3".to_owned() }));
        assert_eq!(routed(Request::get(url)), None);
    }

    #[test]
    fn an_unsigned_request_goes_to_lambda_by_its_path_and_else_to_s3() {
        assert_eq!(routed(Request::get("/2015-03-31/functions/")), Some(Route::Lambda));
        assert_eq!(routed(Request::get("/bucket/key")), None);
    }
}
