//! The HTTP endpoint of all services, on loopback.

mod answers;
mod control;
mod dispatch;
mod keep_alive;
mod route;

use std::{io, net::SocketAddr, time::Duration};

use http::{Request, Response};
use http_body_util::{BodyExt, Limited};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::{conn::auto, graceful::GracefulShutdown},
};
use s3s::Body;
use sandbox_core::{faults::NoAnswer, ports::ApiError, signature::Scope};
use tokio::{
    net::{TcpListener, TcpSocket},
    sync::oneshot,
    task::JoinHandle,
};
use uuid::Uuid;

use crate::services::Services;

/// The maximum size of a request to a service other than S3. It exceeds every service's own limit, so that each service
/// enforces its own.
const BODY_LIMIT: usize = 16 * 1024 * 1024;
/// How many connections may wait to be accepted.
const WAITING_CONNECTIONS: u32 = 1024;
/// How long running requests may take to end when the server stops.
const GRACE: Duration = Duration::from_secs(2);

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Server {
    /// Serves on a listener until the server is stopped or dropped.
    pub(crate) fn start(listener: TcpListener, services: Services) -> Self {
        let (stop, stopped) = oneshot::channel();
        Self { stop: Some(stop), task: tokio::spawn(serve(listener, services, stopped)) }
    }

    /// Accepts no more requests and waits briefly for the running ones.
    pub(crate) async fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            // An error means that the task has ended.
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

/// Listens on an address. Hundreds of functions connect at once. With a shorter queue, the kernel drops some of the
/// connections, and their clients retry after a second.
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
                    tracing::warn!(%error, "cannot accept a connection");
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
        let answer = services.s3_endpoint.call(Request::from_parts(head, body)).await;
        return settle(connection, answer).await;
    };
    let request_id = Uuid::new_v4().to_string();
    let body = Limited::new(body, BODY_LIMIT).collect().await;
    let body = body.map(http_body_util::Collected::to_bytes).map_err(|_| {
        ApiError::new("RequestEntityTooLarge", format!("a request may hold {BODY_LIMIT} bytes")).with_status(413)
    });
    let request = dispatch::Request { id: &request_id, head: &head, scope: scope.as_ref(), body };
    let answer = services.answer(&route, request).await;
    settle(connection, answer).await
}

/// A connection that a fault rule breaks: hyper closes it without an answer.
#[derive(Debug, thiserror::Error)]
#[error("a fault rule breaks the connection")]
struct Broken;

async fn settle(connection: keep_alive::Connection, answer: Response<Body>) -> Result<Response<Body>, Broken> {
    if answer.extensions().get::<NoAnswer>().is_some() {
        return Err(Broken);
    }
    Ok(connection.settle(answer).await)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn hundreds_of_connections_can_wait_to_be_accepted() {
        let listener = listen(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let address = listener.local_addr().unwrap();
        // The kernel retries a dropped connection after a second.
        let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(500));
        let waiting: Vec<_> = (0..320).map_while(|_| connect().ok()).collect();
        assert_eq!(waiting.len(), 320);
    }
}
