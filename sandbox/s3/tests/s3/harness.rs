//! A server on a free port, its clients, and shared helpers.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use aws_sdk_s3::{
    Client,
    config::{BehaviorVersion, Credentials, Region, RequestChecksumCalculation, ResponseChecksumValidation},
    error::{ProvideErrorMetadata, SdkError},
    primitives::ByteStream,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use sandbox_core::{
    identity::{Identity, Keyring},
    ports::EventSink,
    store::Store,
};
use sandbox_iam::Iam;
use sandbox_s3::{BucketSettings, S3, Service, Versioning};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinSet};

/// The default region of buckets.
pub(crate) const REGION: &str = "eu-west-1";
/// The minimum size of a part that is not the last.
pub(crate) const PART: usize = 5 << 20;

/// Records every event.
#[derive(Default)]
pub(crate) struct Recorder(Mutex<Vec<Value>>);

#[async_trait]
impl EventSink for Recorder {
    async fn put_event(&self, envelope: Value) {
        self.0.lock().unwrap().push(envelope);
    }
}

impl Recorder {
    pub(crate) fn events(&self) -> Vec<Value> {
        self.0.lock().unwrap().clone()
    }
}

/// A running S3.
pub(crate) struct Server {
    pub(crate) s3: S3,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) address: SocketAddr,
    folder: TempDir,
    tasks: JoinSet<()>,
}

async fn serve(listener: TcpListener, service: Service) {
    let mut connections = JoinSet::new();
    while let Ok((stream, peer)) = listener.accept().await {
        let service = service.clone();
        connections.spawn(async move {
            let answer = hyper::service::service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
                let service = service.clone();
                request.extensions_mut().insert(peer);
                async move { Ok::<_, std::convert::Infallible>(service.call(request.map(s3s::Body::from)).await) }
            });
            let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            let _ = server.serve_connection(TokioIo::new(stream), answer).await;
        });
    }
}

async fn open(folder: TempDir, iam: Arc<Iam>) -> Server {
    let keyring = Keyring::default();
    keyring.add(Identity {
        access_key_id: "AKIDTEST".to_owned(),
        secret_access_key: "secret".to_owned(),
        arn: "arn:aws:iam::000000000000:user/test".to_owned(),
    });
    let recorder = Arc::new(Recorder::default());
    let store = Arc::new(Store::open(folder.path()).unwrap());
    let sink = Arc::clone(&recorder);
    let s3 = S3::open(&folder.path().join("blobs"), store, sink, Arc::new(keyring), iam).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(serve(listener, s3.service()));
    Server { s3, recorder, address, folder, tasks }
}

impl Server {
    /// A server without buckets.
    pub(crate) async fn start() -> Self {
        Self::under(Arc::default()).await
    }

    /// A server without buckets, with policies.
    pub(crate) async fn under(iam: Arc<Iam>) -> Self {
        open(tempfile::tempdir().unwrap(), iam).await
    }

    /// A server with the bucket `bucket`, and a client for it.
    pub(crate) async fn with_bucket(versioning: Versioning) -> (Self, Client) {
        let server = Self::start().await;
        server.bucket("bucket", REGION, versioning);
        let client = server.client(REGION);
        (server, client)
    }

    /// Creates a bucket that sends events.
    pub(crate) fn bucket(&self, name: &str, region: &str, versioning: Versioning) {
        let settings = BucketSettings {
            name: name.to_owned(),
            region: region.to_owned(),
            versioning,
            event_bridge: true,
            object_lock: None,
        };
        self.s3.ensure_bucket(&settings).unwrap();
    }

    /// Stops the server and starts it again on the same folder.
    pub(crate) async fn restart(mut self) -> Self {
        self.tasks.shutdown().await;
        drop((self.s3, self.recorder));
        // Connections end after their server, and hold the store's lock until then.
        let held = || Store::open(self.folder.path()).is_err();
        for _ in 0..1000 {
            if !held() {
                break;
            }
            tokio::task::yield_now().await;
        }
        open(self.folder, Arc::default()).await
    }

    /// A client that signs for a region.
    pub(crate) fn client(&self, region: &str) -> Client {
        self.client_with(region, |config| config)
    }

    /// A client that sends no checksums, as SDKs before December 2024.
    pub(crate) fn plain_client(&self) -> Client {
        self.client_with(REGION, |config| {
            config
                .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
                .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        })
    }

    /// A client with a custom configuration.
    pub(crate) fn client_with(
        &self,
        region: &str,
        change: impl FnOnce(aws_sdk_s3::config::Builder) -> aws_sdk_s3::config::Builder,
    ) -> Client {
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region.to_owned()))
            .credentials_provider(Credentials::new("AKIDTEST", "secret", None, None, "test"))
            .endpoint_url(format!("http://{}", self.address))
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .retry_config(aws_sdk_s3::config::retry::RetryConfig::disabled())
            .force_path_style(true);
        Client::from_conf(change(config).build())
    }

    /// Sends an unsigned GET. Returns status and body.
    pub(crate) async fn plain(&self, url: &str, headers: &[(&str, &str)]) -> (u16, String) {
        let url: http::Uri = url.parse().unwrap();
        let path = url.path_and_query().unwrap().as_str();
        let mut request = http::Request::get(path).header("Host", self.address.to_string());
        for (name, value) in headers.iter().filter(|(name, _)| *name != "host") {
            request = request.header(*name, *value);
        }
        let stream = tokio::net::TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(hyper_util::rt::TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let request = request.body(http_body_util::Empty::<bytes::Bytes>::new()).unwrap();
        let (head, body) = sender.send_request(request).await.unwrap().into_parts();
        let body = http_body_util::BodyExt::collect(body).await.unwrap().to_bytes();
        (head.status.as_u16(), String::from_utf8_lossy(&body).into_owned())
    }

    /// The sizes of the blob files in bytes.
    pub(crate) fn blob_sizes(&self) -> Vec<u64> {
        let folder: PathBuf = self.folder.path().join("blobs");
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).collect()
    }
}

/// Bytes that differ at every position.
pub(crate) fn bytes(length: usize, seed: u32) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state.to_le_bytes()[3]
        })
        .collect()
}

/// Puts an object. Returns its version ID.
pub(crate) async fn put(client: &Client, key: &str, body: impl Into<Vec<u8>>) -> Option<String> {
    let body = ByteStream::from(body.into());
    let output = client.put_object().bucket("bucket").key(key).body(body).send().await.unwrap();
    output.version_id().map(str::to_owned)
}

/// The bytes of an object.
pub(crate) async fn get(client: &Client, bucket: &str, key: &str) -> Vec<u8> {
    let output = client.get_object().bucket(bucket).key(key).send().await.unwrap();
    output.body.collect().await.unwrap().to_vec()
}

/// The MD5 of bytes, in the format of an `ETag`.
pub(crate) fn etag(bytes: &[u8]) -> String {
    use md5::Digest;
    format!("\"{}\"", hex::encode(md5::Md5::digest(bytes)))
}

/// The error code and the HTTP status of a failure.
pub(crate) fn failure<T: std::fmt::Debug, E: ProvideErrorMetadata + std::fmt::Debug>(
    result: Result<T, SdkError<E, aws_sdk_s3::config::http::HttpResponse>>,
) -> (u16, String) {
    match result.expect_err("the request was answered, not refused") {
        SdkError::ServiceError(error) => {
            (error.raw().status().as_u16(), error.err().code().unwrap_or_default().to_owned())
        }
        other => panic!("no answer: {other:?}"),
    }
}
