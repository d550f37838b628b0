//! Decides whether a connection can carry another request after this one.
//!
//! A service often rejects a request before it reads the body. The client would then send the rest of the body where
//! the server expects the next request. Therefore, the server either reads the rest first, or closes the connection
//! with the answer (<https://www.rfc-editor.org/rfc/rfc9112#section-9.3>). Otherwise the client's next request on the
//! connection fails.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{
    HeaderValue, Response, Version,
    header::{CONNECTION, CONTENT_LENGTH, EXPECT},
    request::Parts,
};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use s3s::Body;
use tokio::{sync::oneshot, time::timeout};

/// The maximum rest of a body to read so that the connection can stay open. A longer one costs more than a new
/// connection.
const WORTH_READING: u64 = 64 * 1024;
/// How long the rest may take to arrive.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long a client may continue to send after its answer. If the server closed the connection at once, the kernel
/// would discard the answer together with the unread bytes.
const LINGER: Duration = Duration::from_secs(2);

/// The state of a request's connection while the request is answered.
#[derive(Debug)]
pub(super) struct Connection {
    is_http_1: bool,
    expects: Expects,
    /// Receives the unread rest of the body when the service drops the body.
    rest: oneshot::Receiver<Incoming>,
}

/// Whether a client waits for `100 Continue` before it sends the body, and whether it gets one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expects {
    /// The client does not wait.
    Nothing,
    /// The client waits, and reading the body sends it `100 Continue`.
    Continue,
    /// The client waits, but the body is empty: it gets the final answer at once. S3 sends `100 Continue` nevertheless;
    /// hyper does not. botocore then misreads the next answer on the connection, so the connection must close.
    FinalAnswer,
}

/// The body for the service, and its connection.
pub(super) fn watched(head: &Parts, body: Incoming) -> (Body, Connection) {
    let (give_back, rest) = oneshot::channel();
    let is_http_1 = head.version <= Version::HTTP_11;
    let body = Watched { body: Some(body), give_back: Some(give_back) };
    (Body::http_body(body), Connection { is_http_1, expects: expects(head), rest })
}

fn expects(head: &Parts) -> Expects {
    if !head.headers.contains_key(EXPECT) {
        return Expects::Nothing;
    }
    let is_empty = head.headers.get(CONTENT_LENGTH).is_some_and(|length| length.as_bytes() == b"0");
    if is_empty { Expects::FinalAnswer } else { Expects::Continue }
}

impl Connection {
    /// Reads the rest of the request's body, or makes this answer the last one on the connection.
    pub(super) async fn settle(mut self, mut answer: Response<Body>) -> Response<Body> {
        if self.is_http_1 && !self.can_stay().await {
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        answer
    }

    async fn can_stay(&mut self) -> bool {
        if self.expects == Expects::FinalAnswer {
            return false;
        }
        let mut rest = match self.rest.try_recv() {
            Ok(rest) => rest,
            // The body was read to its end.
            Err(oneshot::error::TryRecvError::Closed) => return true,
            // The service still reads the body, and can stop at any time.
            Err(oneshot::error::TryRecvError::Empty) => return false,
        };
        // Reading would ask the client for the body, but the client waits for this answer.
        if self.expects == Expects::Continue {
            return false;
        }
        if rest.size_hint().lower() <= WORTH_READING {
            match timeout(PATIENCE, read(&mut rest, WORTH_READING)).await {
                Ok(Rest::Read) => return true,
                Ok(Rest::Broken) => return false,
                Ok(Rest::TooLong) | Err(_) => {}
            }
        }
        tokio::spawn(async move { timeout(LINGER, read(&mut rest, u64::MAX)).await });
        false
    }
}

/// The result of reading the rest of a body.
enum Rest {
    Read,
    TooLong,
    Broken,
}

async fn read(body: &mut Incoming, limit: u64) -> Rest {
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return Rest::Broken };
        length += frame.data_ref().map_or(0, |data| data.len() as u64);
        if length > limit {
            return Rest::TooLong;
        }
    }
    Rest::Read
}

/// A body that is sent back when it is dropped before its end.
struct Watched {
    /// `None` after the end of the body.
    body: Option<Incoming>,
    give_back: Option<oneshot::Sender<Incoming>>,
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(body) = self.body.as_mut() else { return Poll::Ready(None) };
        let frame = std::task::ready!(Pin::new(body).poll_frame(cx));
        if frame.is_none() {
            self.body = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(http_body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or(SizeHint::with_exact(0), http_body::Body::size_hint)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let (Some(body), Some(give_back)) = (self.body.take(), self.give_back.take())
            && !body.is_end_stream()
        {
            // An error means that the receiver is gone.
            let _ = give_back.send(body);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::convert::Infallible;

    use http::Request;
    use hyper::service::service_fn;
    use hyper_util::rt::TokioIo;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
    };

    use super::*;

    /// A connection to a server that rejects every request without reading its body.
    async fn refusing() -> TcpStream {
        async fn refuse(request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
            let (head, body) = request.into_parts();
            let (body, connection) = watched(&head, body);
            drop(body);
            Ok(connection.settle(Response::new(Body::from(Bytes::from_static(b"no")))).await)
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let connection = hyper::server::conn::http1::Builder::new();
            connection.serve_connection(TokioIo::new(stream), service_fn(refuse)).await
        });
        TcpStream::connect(address).await.unwrap()
    }

    /// Everything that the server sends until it has sent this many answers or closed the connection.
    async fn answers(stream: &mut TcpStream, count: usize) -> String {
        let mut said = Vec::new();
        let listening = async {
            while stream.read_buf(&mut said).await.unwrap() > 0 {
                if String::from_utf8_lossy(&said).matches("\r\n\r\nno").count() == count {
                    break;
                }
            }
        };
        timeout(Duration::from_secs(20), listening).await.unwrap();
        String::from_utf8(said).unwrap().to_lowercase()
    }

    #[tokio::test]
    async fn a_request_rejected_before_its_body_keeps_the_connection() {
        for framing in [("Content-Length: 5", "hello"), ("Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n")] {
            let mut stream = refusing().await;
            let head = format!("PUT / HTTP/1.1\r\nHost: h\r\n{}\r\n\r\n", framing.0);
            stream.write_all(head.as_bytes()).await.unwrap();
            // The server may answer now, but must not close the connection.
            let _ = timeout(Duration::from_millis(50), stream.readable()).await;
            stream.write_all(framing.1.as_bytes()).await.unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
            let said = answers(&mut stream, 2).await;
            assert_eq!(said.matches("http/1.1 200 ok").count(), 2, "{said}");
            assert!(!said.contains("connection: close"), "{said}");
        }
    }

    #[tokio::test]
    async fn a_long_rejected_body_is_drained_and_the_connection_closes() {
        let mut stream = refusing().await;
        let body = vec![b'x'; 4 << 20];
        let head = format!("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&body).await.unwrap();
        let said = answers(&mut stream, 1).await;
        assert!(said.contains("\r\nconnection: close\r\n"), "{said}");
    }

    #[tokio::test]
    async fn a_rejected_client_waiting_for_100_continue_is_answered_immediately() {
        let mut stream = refusing().await;
        let head = "PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        let said = answers(&mut stream, 1).await;
        assert!(said.starts_with("http/1.1 200 ok\r\n") && said.contains("\r\nconnection: close\r\n"), "{said}");
    }
}
