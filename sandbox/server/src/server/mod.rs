//! The one HTTP endpoint of every service, on loopback.

mod answers;
mod control;
mod keep_alive;
mod route;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response, request::Parts};
use http_body_util::{BodyExt, Limited};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::{conn::auto, graceful::GracefulShutdown},
};
use s3s::Body;
use serde_json::Value;
use tokio::{
    net::{TcpListener, TcpSocket},
    sync::oneshot,
    task::JoinHandle,
};
use uuid::Uuid;

use self::{answers::Json, route::Route};
use crate::sts;
use sandbox_core::{
    faults::{Call, Faults, NoAnswer, Service, Working},
    identity::{Identity, Keyring},
    ports::ApiError,
    query,
    signature::{self, Dialect, Scope},
};
use sandbox_events::Events;
use sandbox_iam::{self as iam, Iam, Need};
use sandbox_lambda::Lambda;
use sandbox_s3 as s3;
use sandbox_sns::{self as sns, Sns};
use sandbox_states::States;

/// What a request to a service other than S3 may hold: more than any of them takes, so that each refuses by its own rule.
const BODY_LIMIT: usize = 16 * 1024 * 1024;
/// How many connections may wait to be taken.
const WAITING_CONNECTIONS: u32 = 1024;
/// How long requests under way may take to end when the server stops.
const GRACE: Duration = Duration::from_secs(2);

/// Everything that can be called.
#[derive(Clone)]
pub(crate) struct Services {
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) iam: Arc<Iam>,
    pub(crate) region: &'static str,
    pub(crate) s3: s3::Service,
    pub(crate) states: Arc<States>,
    pub(crate) events: Events,
    pub(crate) sns: Arc<Sns>,
    pub(crate) lambda: Arc<Lambda>,
    pub(crate) faults: Faults,
}

/// A server that serves.
#[derive(Debug)]
pub(crate) struct Server {
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Server {
    /// Serves on a listener until it is stopped or dropped.
    pub(crate) fn start(listener: TcpListener, services: Services) -> Self {
        let (stop, stopped) = oneshot::channel();
        Self { stop: Some(stop), task: tokio::spawn(serve(listener, services, stopped)) }
    }

    /// Takes no more requests and waits a moment for those under way.
    pub(crate) async fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            // An error says that the task is gone already.
            let _ = stop.send(());
        }
        let _ = (&mut self.task).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Listens at an address. Forty slices that copy eight parts each connect at once: with fewer places to wait in, the kernel
/// drops some of the connections, and their clients try again after a second.
pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(WAITING_CONNECTIONS)
}

async fn serve(listener: TcpListener, services: Services, mut stopped: oneshot::Receiver<()>) {
    let graceful = GracefulShutdown::new();
    let builder = auto::Builder::new(TokioExecutor::new());
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be taken");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
            _ = &mut stopped => break,
        };
        let _ = stream.set_nodelay(true);
        let services = services.clone();
        let service = service_fn(move |request| answer(services.clone(), request, peer));
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        let watched = graceful.watch(connection.into_owned());
        connections.spawn(async move {
            if let Err(error) = watched.await {
                tracing::debug!(%error, "a connection broke");
            }
        });
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    let _ = tokio::time::timeout(GRACE, graceful.shutdown()).await;
    connections.shutdown().await;
}

async fn answer(services: Services, request: Request<Incoming>, peer: SocketAddr) -> Result<Response<Body>, Broken> {
    let (mut head, body) = request.into_parts();
    let (body, connection) = keep_alive::watched(&head, body);
    if let Some(id) = control::route(&head) {
        let body = Limited::new(body, BODY_LIMIT).collect().await.map(http_body_util::Collected::to_bytes);
        let answer = control::answer(&services.faults, &head, id, &body.unwrap_or_default());
        return settle(connection, answer).await;
    }
    let scope = Scope::of(&head.headers, &head.uri);
    let Some(route) = route::route(&head, scope.as_ref()) else {
        head.extensions.insert(peer);
        let answer = services.s3.call(Request::from_parts(head, body)).await;
        return settle(connection, answer).await;
    };
    let request_id = Uuid::new_v4().to_string();
    let body = Limited::new(body, BODY_LIMIT).collect().await;
    let body = body.map(http_body_util::Collected::to_bytes).map_err(|_| {
        ApiError::new("RequestEntityTooLarge", format!("a request may hold {BODY_LIMIT} bytes")).with_status(413)
    });
    let answer = services.answer(&route, &head, scope.as_ref(), body, &request_id).await;
    settle(connection, answer).await
}

/// A connection that is broken on purpose: hyper closes it without an answer.
#[derive(Debug, thiserror::Error)]
#[error("a fault rule breaks the connection")]
struct Broken;

async fn settle(connection: keep_alive::Connection, answer: Response<Body>) -> Result<Response<Body>, Broken> {
    if answer.extensions().get::<NoAnswer>().is_some() {
        return Err(Broken);
    }
    Ok(connection.settle(answer).await)
}

impl Services {
    async fn answer(
        &self,
        route: &Route,
        head: &Parts,
        scope: Option<&Scope>,
        body: Result<Bytes, ApiError>,
        request_id: &str,
    ) -> Response<Body> {
        let caller = self.caller(route, head, &body);
        match route {
            Route::States(operation) => {
                let need = |body: &Value| iam::states_need(operation, body, self.region);
                let result = match self.permitted(caller, body, need) {
                    Ok(body) => {
                        let call = Call::new(Service::States, operation);
                        self.faults.under(call, self.working(scope), self.states.handle(operation, body)).await
                    }
                    Err(error) => Err(error),
                };
                answers::json(Json::V1_0, result, request_id)
            }
            Route::Events(operation) => {
                let need = |body: &Value| iam::events_need(operation, body, self.region);
                let result = match self.permitted(caller, body, need) {
                    Ok(body) => {
                        let call = Call::new(Service::Events, operation);
                        self.faults.under(call, self.working(scope), self.events.handle(operation, body)).await
                    }
                    Err(error) => Err(error),
                };
                answers::json(Json::V1_1, result, request_id)
            }
            Route::UnknownTarget(target) => {
                let error = unknown(&format!("{target} is not a call of any service in the sandbox"));
                answers::json(Json::V1_0, Err(error), request_id)
            }
            Route::UnknownService(service) => {
                let operation = query::decode_form(&body.unwrap_or_default()).remove("Action");
                let wanted = operation.clone().unwrap_or_else(|| format!("{} {}", head.method, head.uri));
                let error =
                    unknown(&format!("{wanted} is a call of {service}, a service that the sandbox does not have"));
                match operation {
                    Some(operation) => answers::query("", &operation, Err(error), request_id),
                    None => answers::json(Json::V1_0, Err(error), request_id),
                }
            }
            Route::Lambda => {
                let permitted = caller.and_then(|caller| {
                    let need = self.lambda.need(&head.method, head.uri.path());
                    self.iam.authorize(&caller, need).map_err(|refusal| refusal.answer("AccessDeniedException", 403))
                });
                let result = match permitted.and(body) {
                    Ok(body) => self.lambda(head, scope, body).await,
                    Err(error) => Err(error),
                };
                answers::lambda(result, request_id)
            }
            Route::Sns | Route::Sts => self.query(route, (caller, scope), body, request_id).await,
        }
    }

    /// A call of Lambda. Invocations meet the rules where they are begun, whoever begins them.
    async fn lambda(&self, head: &Parts, scope: Option<&Scope>, body: Bytes) -> Result<Response<Bytes>, ApiError> {
        let need = self.lambda.need(&head.method, head.uri.path());
        let answer = self.lambda.handle(&head.method, head.uri.path(), &head.headers, body);
        match need.action.trim_start_matches("lambda:") {
            "InvokeFunction" => answer.await,
            operation => self.faults.under(Call::new(Service::Lambda, operation), self.working(scope), answer).await,
        }
    }

    /// The invocation that makes a request.
    fn working(&self, scope: Option<&Scope>) -> Option<Arc<Working>> {
        self.faults.working(&scope?.access_key_id)
    }

    async fn query(
        &self,
        route: &Route,
        (caller, scope): (Result<Identity, ApiError>, Option<&Scope>),
        body: Result<Bytes, ApiError>,
        request_id: &str,
    ) -> Response<Body> {
        let form = body.as_ref().map(|body| query::decode_form(body)).unwrap_or_default();
        let operation = form.get("Action").cloned().unwrap_or_default();
        if *route == Route::Sts {
            let result = caller.and_then(|caller| sts::handle(&operation, &caller));
            return answers::query(sts::NAMESPACE, &operation, result, request_id);
        }
        let permitted = caller.and_then(|caller| {
            let need = iam::sns_need(&operation, &form, self.region);
            self.iam.authorize(&caller, need).map_err(|refusal| refusal.answer("AuthorizationError", 403))
        });
        let result = match permitted.and(body) {
            Ok(_) => {
                let call = Call::new(Service::Sns, &operation);
                self.faults.under(call, self.working(scope), self.sns.handle(&operation, form)).await
            }
            Err(error) => Err(error),
        };
        answers::query(sns::NAMESPACE, &operation, result, request_id)
    }

    /// The body of a request to a JSON service, if its caller may make it.
    fn permitted(
        &self,
        caller: Result<Identity, ApiError>,
        body: Result<Bytes, ApiError>,
        need: impl FnOnce(&Value) -> Need,
    ) -> Result<Value, ApiError> {
        let caller = caller?;
        let body = json_body(&body?)?;
        let refused = |refusal: iam::Refusal| refusal.answer("AccessDeniedException", 400);
        self.iam.authorize(&caller, need(&body)).map_err(refused)?;
        Ok(body)
    }

    /// Who calls. A request that is not signed, or wrongly, is refused as its service does.
    fn caller(&self, route: &Route, head: &Parts, body: &Result<Bytes, ApiError>) -> Result<Identity, ApiError> {
        let body = body.as_ref().map_err(Clone::clone)?;
        let dialect = match route {
            Route::Sns | Route::Sts => Dialect::Query,
            Route::Lambda => Dialect::RestJson,
            _ => Dialect::Json,
        };
        let now = time::OffsetDateTime::now_utc();
        signature::verify(head, body, &self.keyring, now).map_err(|flaw| flaw.answer(dialect))
    }
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn the_connections_of_forty_slices_that_copy_eight_parts_each_wait_until_they_are_taken() {
        let listener = listen(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let address = listener.local_addr().unwrap();
        // One that finds no place is tried again by the kernel after a second.
        let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(500));
        let waiting: Vec<_> = (0..320).map_while(|_| connect().ok()).collect();
        assert_eq!(waiting.len(), 320);
    }
}
