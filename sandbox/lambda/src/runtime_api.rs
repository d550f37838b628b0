//! The Lambda Runtime API for one process, which polls for its next invocation and posts the result.
//!
//! Each process has its own listener, because a poll does not identify its function.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::{
    net::TcpListener,
    sync::{Mutex as AsyncMutex, Notify, mpsc, oneshot},
    task::JoinSet,
};

use super::outcome;
use sandbox_core::ports::Invocation;

const PREFIX: &str = "/2018-06-01/runtime/";
/// The read limit. It is above the payload limit, so an answer that is too large can be rejected by its size.
const READ_LIMIT: usize = 2 * outcome::PAYLOAD_LIMIT;

/// One invocation for the process.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) request_id: String,
    pub(super) function_arn: String,
    pub(super) payload: Bytes,
    pub(super) deadline: SystemTime,
    pub(super) reply: oneshot::Sender<Invocation>,
}

/// The server side of one process's Runtime API.
#[derive(Debug)]
pub(super) struct RuntimeApi {
    /// `host:port`, the value of `AWS_LAMBDA_RUNTIME_API`.
    pub(super) address: SocketAddr,
    jobs: mpsc::Sender<Job>,
    shared: Arc<Shared>,
    /// Closes the listener and its connections on drop.
    _server: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    waiting: AsyncMutex<mpsc::Receiver<Job>>,
    current: Mutex<Option<(String, oneshot::Sender<Invocation>)>>,
    /// Holds one permit per poll without an invocation.
    polled: Notify,
    init_error: Mutex<Option<Bytes>>,
}

impl RuntimeApi {
    /// Listens on a free port.
    pub(super) async fn listen() -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let (jobs, waiting) = mpsc::channel(1);
        let shared = Arc::new(Shared {
            waiting: AsyncMutex::new(waiting),
            current: Mutex::new(None),
            polled: Notify::new(),
            init_error: Mutex::new(None),
        });
        let mut server = JoinSet::new();
        server.spawn(serve(listener, Arc::clone(&shared)));
        Ok(Self { address, jobs, shared, _server: server })
    }

    /// Waits until the process polls.
    pub(super) async fn polled(&self) {
        self.shared.polled.notified().await;
    }

    /// Sends an invocation, which the process receives with its next poll.
    pub(super) async fn send(&self, job: Job) {
        // The receiver lives as long as `shared`, which this owns.
        let _ = self.jobs.send(job).await;
    }

    /// The error that the process reported when it could not start.
    pub(super) fn init_error(&self) -> Option<Bytes> {
        self.shared.init_error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            let service = service_fn(|request| answer(request, Arc::clone(&shared)));
            // A broken connection means that the process ended, which is detected elsewhere.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn answer(request: Request<Incoming>, shared: Arc<Shared>) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().strip_prefix(PREFIX).unwrap_or_default().to_owned();
    let parts: Vec<&str> = path.split('/').collect();
    Ok(match (request.method(), parts.as_slice()) {
        (&Method::GET, ["invocation", "next"]) => shared.next().await,
        (&Method::POST, ["invocation", id, how @ ("response" | "error")]) => {
            let outcome = match (body(request).await, *how) {
                (Err(size), _) => outcome::too_large(size),
                (Ok(payload), "response") if payload.len() > outcome::PAYLOAD_LIMIT => {
                    outcome::too_large(payload.len())
                }
                (Ok(payload), "response") => Invocation::Answered(payload),
                (Ok(payload), _) => Invocation::Failed(payload),
            };
            shared.finish(id, outcome)
        }
        (&Method::POST, ["init", "error"]) => {
            let payload = body(request).await.unwrap_or_default();
            *shared.init_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(payload);
            accepted()
        }
        (method, _) => {
            let message = format!("the Runtime API has no {method} {PREFIX}{path}");
            refusal(StatusCode::NOT_FOUND, "UnknownOperation", &message)
        }
    })
}

impl Shared {
    async fn next(&self) -> Response<Full<Bytes>> {
        let mut waiting = self.waiting.lock().await;
        self.polled.notify_one();
        let Some(job) = waiting.recv().await else {
            return refusal(StatusCode::GONE, "Stopped", "the function is being stopped");
        };
        let deadline = job.deadline.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let response = Response::builder()
            .header("Content-Type", "application/json")
            .header("Lambda-Runtime-Aws-Request-Id", &job.request_id)
            .header("Lambda-Runtime-Deadline-Ms", deadline.to_string())
            .header("Lambda-Runtime-Invoked-Function-Arn", &job.function_arn)
            .header("Lambda-Runtime-Trace-Id", trace_id(&job.request_id))
            .body(Full::new(job.payload));
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some((job.request_id, job.reply));
        response
            .unwrap_or_else(|error| refusal(StatusCode::INTERNAL_SERVER_ERROR, "InvalidInvocation", &error.to_string()))
    }

    fn finish(&self, request_id: &str, outcome: Invocation) -> Response<Full<Bytes>> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        match current.take() {
            Some((id, reply)) if id == request_id => {
                // The receiver is gone if the invocation has timed out.
                let _ = reply.send(outcome);
                accepted()
            }
            other => {
                *current = other;
                refusal(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID")
            }
        }
    }
}

/// The complete body, or the size at which reading stopped.
async fn body(request: Request<Incoming>) -> Result<Bytes, usize> {
    let collected = Limited::new(request.into_body(), READ_LIMIT).collect().await;
    collected.map(http_body_util::Collected::to_bytes).map_err(|_| READ_LIMIT)
}

fn accepted() -> Response<Full<Bytes>> {
    json_response(StatusCode::ACCEPTED, &json!({ "status": "OK" }))
}

fn refusal(status: StatusCode, error_type: &str, message: &str) -> Response<Full<Bytes>> {
    json_response(status, &json!({ "errorType": error_type, "errorMessage": message }))
}

fn json_response(status: StatusCode, body: &serde_json::Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    response.headers_mut().insert("Content-Type", http::HeaderValue::from_static("application/json"));
    response
}

/// A trace ID in X-Ray's format, derived from the request ID.
fn trace_id(request_id: &str) -> String {
    let digits: String = request_id.chars().filter(char::is_ascii_hexdigit).collect();
    let (time, unique) = digits.split_at_checked(8).unwrap_or((&digits, ""));
    format!("Root=1-{time}-{unique};Sampled=0")
}
