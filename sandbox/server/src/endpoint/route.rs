//! Selects the service of a request. On AWS the host name selects it. On the single endpoint, the target header, the
//! service in the signature's credential scope and the path select it.

use http::{HeaderMap, Method};
use hyper::http::request::Parts;

use sandbox_core::signature::Scope;
use sandbox_lambda::Lambda;

/// The destination of a request that is not for S3.
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
    /// CloudFormation, in the Query protocol.
    CloudFormation,
    /// Lambda, in REST JSON.
    Lambda,
    /// A signed request to a service that the sandbox does not have.
    UnknownService(String),
}

/// Selects by the head of a request. `None` is S3, which receives everything that no other service does.
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
        Some("cloudformation") => Some(Route::CloudFormation),
        Some("lambda") => Some(Route::Lambda),
        Some(other) => Some(Route::UnknownService(other.to_owned())),
        None if Lambda::owns(head.uri.path()) => Some(Route::Lambda),
        // An unsigned form goes to one of the Query services, which all reject it in the same way.
        None => (head.method == Method::POST && head.uri.path() == "/").then_some(Route::Sns),
    }
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
        route(&head, Scope::of(&head.headers, &head.uri).as_ref())
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
            ("cloudformation", Some(Route::CloudFormation)),
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
    fn an_unsigned_request_goes_to_lambda_by_its_path_and_otherwise_to_s3() {
        assert_eq!(routed(Request::get("/2015-03-31/functions/")), Some(Route::Lambda));
        assert_eq!(routed(Request::post("/")), Some(Route::Sns), "not a path of an object");
        assert_eq!(routed(Request::get("/bucket/key")), None);
        let presigned = "/bucket/key?X-Amz-Credential=AKIA%2F20261122%2Feu-west-1%2Fs3%2Faws4_request";
        assert_eq!(routed(Request::get(presigned)), None);
    }
}
