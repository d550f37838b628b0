//! The known operations, which fault rules can name, are those that the services support.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use sandbox::{
    Sandbox,
    operations::{self, DELIVER, Service},
    ports::ApiError,
};
use serde_json::json;

use crate::harness::options;

fn is_unknown<T>(result: Result<T, ApiError>) -> bool {
    result.is_err_and(|error| matches!(error.code.as_str(), "InvalidAction" | "UnknownOperationException"))
}

#[tokio::test]
async fn json_and_query_services_support_exactly_the_known_operations() {
    let sandbox = Sandbox::start(options()).await.unwrap();
    for operation in operations::of(Service::States) {
        assert!(!is_unknown(sandbox.states().handle(operation, json!({})).await), "{operation}");
    }
    for operation in operations::of(Service::Events).iter().filter(|name| **name != DELIVER) {
        assert!(!is_unknown(sandbox.events().handle(operation, json!({})).await), "{operation}");
    }
    for operation in operations::of(Service::Sns) {
        assert!(!is_unknown(sandbox.sns().handle(operation, BTreeMap::new()).await), "{operation}");
    }

    // Operations of AWS that the sandbox does not have.
    assert!(is_unknown(sandbox.states().handle("CreateActivity", json!({})).await));
    assert!(is_unknown(sandbox.events().handle("CreateEventBus", json!({})).await));
    assert!(is_unknown(sandbox.sns().handle("ConfirmSubscription", BTreeMap::new()).await));
    sandbox.stop().await.unwrap();
}

#[test]
fn s3_carries_out_the_operations_of_the_vocabulary() {
    let vocabulary: BTreeSet<&str> = operations::of(Service::S3).iter().copied().collect();
    assert_eq!(sandbox::s3::operations().collect::<BTreeSet<_>>(), vocabulary);
}

#[tokio::test]
async fn lambda_supports_the_known_operations() {
    let sandbox = Sandbox::start(options()).await.unwrap();
    let functions = "/2015-03-31/functions/";
    let calls = [
        (Method::GET, functions.to_owned()),
        (Method::GET, format!("{functions}probe")),
        (Method::GET, format!("{functions}probe/configuration")),
        (Method::PUT, format!("{functions}probe/configuration")),
        (Method::POST, format!("{functions}probe/invocations")),
    ];

    let actions: BTreeSet<String> = calls
        .iter()
        .map(|(method, path)| sandbox.lambda().permission(method, path).action.trim_start_matches("lambda:").to_owned())
        // The IAM action has another name than the operation.
        .map(|action| if action == "InvokeFunction" { "Invoke".to_owned() } else { action })
        .collect();

    let vocabulary: BTreeSet<String> = operations::of(Service::Lambda).iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(actions, vocabulary);
    sandbox.stop().await.unwrap();
}
