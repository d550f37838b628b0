//! A request to a service other than S3: signature, permission, fault rules, the call, and the answer in the service's
//! protocol.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use http::{Response, request::Parts};
use s3s::Body;
use sandbox_core::{
    faults::{Call, CallOrigin, Service},
    identity::Identity,
    ports::ApiError,
    query,
    signature::{self, Dialect, Scope},
};
use sandbox_iam::{self as iam, Permission};
use sandbox_sns as sns;
use serde_json::Value;

use super::{
    answers::{self, Json},
    route::Route,
};
use crate::{cloudformation, services::Services, sts};

/// A completely read request.
pub(super) struct Request<'a> {
    pub(super) id: &'a str,
    pub(super) head: &'a Parts,
    /// `None` if the request is not signed.
    pub(super) scope: Option<&'a Scope>,
    /// An error if the body is too large.
    pub(super) body: Result<Bytes, ApiError>,
}

impl Services {
    /// Answers a request.
    pub(super) async fn answer(&self, route: &Route, request: Request<'_>) -> Response<Body> {
        let id = request.id;
        match route {
            Route::States(operation) => answers::json(Json::V1_0, self.states(operation, request).await, id),
            Route::Events(operation) => answers::json(Json::V1_1, self.events(operation, request).await, id),
            Route::Lambda => answers::lambda(self.lambda(request).await, id),
            Route::Sns => {
                let form = Form::of(&request);
                answers::query(sns::NAMESPACE, &form.operation.clone(), self.sns(form, request).await, id)
            }
            Route::Sts => {
                let operation = Form::of(&request).operation;
                let result = self.caller(Dialect::Query, &request).and_then(|caller| sts::handle(&operation, &caller));
                answers::query(sts::NAMESPACE, &operation, result, id)
            }
            Route::CloudFormation => {
                let form = Form::of(&request);
                let operation = form.operation.clone();
                let result = self.cloudformation(form, request).await;
                answers::query(cloudformation::NAMESPACE, &operation, result, id)
            }
            Route::UnknownTarget(target) => {
                let error = unknown(&format!("the sandbox has no operation {target}"));
                answers::json(Json::V1_0, Err(error), id)
            }
            Route::UnknownService(service) => unknown_service(service, &request),
        }
    }

    async fn states(&self, operation: &str, request: Request<'_>) -> Result<Value, ApiError> {
        let body = self.permitted_json(&request, |body| iam::states_permission(operation, body, &self.region))?;
        let work = self.states.handle(operation, body);
        self.under_rules(Service::States, operation, request.scope, work).await
    }

    async fn events(&self, operation: &str, request: Request<'_>) -> Result<Value, ApiError> {
        let body = self.permitted_json(&request, |body| iam::events_permission(operation, body, &self.region))?;
        let work = self.events.handle(operation, body);
        self.under_rules(Service::Events, operation, request.scope, work).await
    }

    /// Fault rules for invocations apply at the start of the invocation, so not here.
    async fn lambda(&self, request: Request<'_>) -> Result<Response<Bytes>, ApiError> {
        let Request { head, scope, .. } = request;
        let caller = self.caller(Dialect::RestJson, &request)?;
        let permission = self.lambda.permission(&head.method, head.uri.path());
        let action = permission.action.clone();
        self.iam.authorize(&caller, permission).map_err(|refusal| refusal.answer("AccessDeniedException", 403))?;

        let work = self.lambda.handle(&head.method, head.uri.path(), &head.headers, request.body?);
        match action.trim_start_matches("lambda:") {
            "InvokeFunction" => work.await,
            operation => self.under_rules(Service::Lambda, operation, scope, work).await,
        }
    }

    async fn sns(&self, form: Form, request: Request<'_>) -> Result<String, ApiError> {
        let Form { operation, fields } = form;
        let caller = self.caller(Dialect::Query, &request)?;
        let permission = iam::sns_permission(&operation, &fields, &self.region);
        self.iam.authorize(&caller, permission).map_err(|refusal| refusal.answer("AuthorizationError", 403))?;

        let work = self.sns.handle(&operation, fields);
        self.under_rules(Service::Sns, &operation, request.scope, work).await
    }

    async fn cloudformation(&self, form: Form, request: Request<'_>) -> Result<String, ApiError> {
        let Form { operation, fields } = form;
        let caller = self.caller(Dialect::Query, &request)?;
        for permission in iam::cloudformation_permissions(&operation, &fields, &self.region) {
            self.iam.authorize(&caller, permission).map_err(|refusal| refusal.answer("AccessDenied", 403))?;
        }

        let work = async { self.cloudformation.handle(&operation, &fields) };
        self.under_rules(Service::CloudFormation, &operation, request.scope, work).await
    }

    async fn under_rules<T>(
        &self,
        service: Service,
        operation: &str,
        scope: Option<&Scope>,
        work: impl Future<Output = Result<T, ApiError>>,
    ) -> Result<T, ApiError> {
        self.faults.apply(Call::new(service, operation), self.origin(scope), work).await
    }

    /// The invocation or the state that makes the request.
    fn origin(&self, scope: Option<&Scope>) -> Option<Arc<CallOrigin>> {
        self.faults.origin(&scope?.access_key_id)
    }

    /// The body of a request to a JSON service, if its caller has the permission.
    fn permitted_json(
        &self,
        request: &Request<'_>,
        permission: impl FnOnce(&Value) -> Permission,
    ) -> Result<Value, ApiError> {
        let caller = self.caller(Dialect::Json, request)?;
        let body = json_body(request.body.as_ref().map_err(Clone::clone)?)?;
        let refused = |refusal: iam::Refusal| refusal.answer("AccessDeniedException", 400);
        self.iam.authorize(&caller, permission(&body)).map_err(refused)?;
        Ok(body)
    }

    /// Verifies the signature. A missing or wrong one is rejected with the service's error.
    fn caller(&self, dialect: Dialect, request: &Request<'_>) -> Result<Identity, ApiError> {
        let body = request.body.as_ref().map_err(Clone::clone)?;
        let now = time::OffsetDateTime::now_utc();
        signature::verify(request.head, body, &self.keyring, now).map_err(|flaw| flaw.answer(dialect))
    }
}

/// A request of the Query protocol.
struct Form {
    operation: String,
    fields: BTreeMap<String, String>,
}

impl Form {
    fn of(request: &Request<'_>) -> Self {
        let fields = request.body.as_ref().map(|body| query::decode_form(body)).unwrap_or_default();
        Self { operation: fields.get("Action").cloned().unwrap_or_default(), fields }
    }
}

fn unknown_service(service: &str, request: &Request<'_>) -> Response<Body> {
    let Form { operation, .. } = Form::of(request);
    let refused = |call: &str| unknown(&format!("the sandbox does not have the service {service} of {call}"));
    if operation.is_empty() {
        let call = format!("{} {}", request.head.method, request.head.uri);
        return answers::json(Json::V1_0, Err(refused(&call)), request.id);
    }
    answers::query("", &operation, Err(refused(&operation)), request.id)
}

fn unknown(message: &str) -> ApiError {
    ApiError::new("UnknownOperationException", message)
}

fn json_body(body: &[u8]) -> Result<Value, ApiError> {
    if body.is_empty() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    serde_json::from_slice(body)
        .map_err(|error| ApiError::new("SerializationException", format!("the request is not JSON: {error}")))
}
