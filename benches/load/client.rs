//! The client: keep-alive connections over TLS, as the API server keeps them.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use futures::future::try_join_all;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// What is sent.
pub struct Load {
    /// How many connections send.
    pub connections: usize,
    /// How many reviews a second there are, whether answers come or not; `None` sends one after the other.
    pub rate: Option<u32>,
    /// For how long.
    pub time: Duration,
}

impl Load {
    /// Each connection sends the next review when the last one is answered.
    pub fn closed(connections: usize, time: Duration) -> Self {
        Self { connections, rate: None, time }
    }

    /// Reviews come at a fixed rate, and wait from the moment when they were due.
    pub fn paced(connections: usize, rate: u32, time: Duration) -> Self {
        Self { connections, rate: Some(rate), time }
    }
}

/// What was measured.
pub struct Sample {
    /// How long each answer took.
    pub latencies: Vec<Duration>,
    /// How long all of them took.
    pub time: Duration,
}

/// Connects to one server.
pub struct Client {
    tls: TlsConnector,
    /// Where the server is.
    pub address: SocketAddr,
}

impl Client {
    /// A client that trusts the CA in this folder.
    pub fn new(folder: &Path, address: SocketAddr) -> Result<Self> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(folder.join("ca.crt"))?)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { tls: TlsConnector::from(Arc::new(config)), address })
    }

    /// The answer to one review.
    pub async fn once(&self, path: &str, body: Bytes) -> Result<Bytes> {
        review(&mut self.connect().await?, path, body).await
    }

    /// Measures a load, on connections that have carried a review already.
    pub async fn run(&self, load: &Load, path: &'static str, body: Bytes) -> Result<Sample> {
        let connections = (0..load.connections).map(async |_| {
            let mut connection = self.connect().await?;
            review(&mut connection, path, body.clone()).await?;
            anyhow::Ok(connection)
        });
        let connections = try_join_all(connections).await?;
        match load.rate {
            None => closed(connections, load.time, path, &body).await,
            Some(rate) => paced(connections, rate, load.time, path, &body).await,
        }
    }

    /// A connection that nothing has been asked on.
    pub async fn stream(&self) -> Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        Ok(self.tls.connect(ServerName::IpAddress(self.address.ip().into()), stream).await?)
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>> {
        let (sender, connection) = handshake(TokioIo::new(self.stream().await?)).await?;
        tokio::spawn(connection);
        Ok(sender)
    }
}

async fn review(connection: &mut SendRequest<Full<Bytes>>, path: &str, body: Bytes) -> Result<Bytes> {
    let request = Request::post(format!("{path}?timeout=5s"))
        .header(HOST, "stsguard.stsguard.svc")
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(body))?;
    connection.ready().await?;
    let response = connection.send_request(request).await?;
    let status = response.status();
    let answer = response.into_body().collect().await?.to_bytes();
    ensure!(status.is_success(), "{status}: {}", String::from_utf8_lossy(&answer));
    Ok(answer)
}

async fn closed(
    connections: Vec<SendRequest<Full<Bytes>>>,
    time: Duration,
    path: &'static str,
    body: &Bytes,
) -> Result<Sample> {
    let begun = Instant::now();
    let senders = connections.into_iter().map(|mut connection| {
        let body = body.clone();
        tokio::spawn(async move {
            let mut latencies = Vec::with_capacity(1 << 14);
            while begun.elapsed() < time {
                let sent = Instant::now();
                review(&mut connection, path, body.clone()).await?;
                latencies.push(sent.elapsed());
            }
            anyhow::Ok(latencies)
        })
    });
    gather(begun, senders.collect()).await
}

async fn paced(
    connections: Vec<SendRequest<Full<Bytes>>>,
    rate: u32,
    time: Duration,
    path: &'static str,
    body: &Bytes,
) -> Result<Sample> {
    let (queues, senders): (Vec<_>, Vec<_>) = connections
        .into_iter()
        .map(|mut connection| {
            let (queue, mut due) = mpsc::unbounded_channel::<Instant>();
            let body = body.clone();
            let sender = tokio::spawn(async move {
                let mut latencies = Vec::new();
                while let Some(due) = due.recv().await {
                    review(&mut connection, path, body.clone()).await?;
                    latencies.push(due.elapsed());
                }
                anyhow::Ok(latencies)
            });
            (queue, sender)
        })
        .unzip();
    let begun = Instant::now();
    // A thread of its own: tokio's timers are a millisecond coarse.
    std::thread::spawn(move || {
        let pause = Duration::from_secs(1) / rate;
        let mut due = begun;
        for queue in queues.iter().cycle() {
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            if begun.elapsed() >= time || queue.send(due).is_err() {
                break;
            }
            due += pause;
        }
    });
    gather(begun, senders).await
}

async fn gather(begun: Instant, senders: Vec<tokio::task::JoinHandle<Result<Vec<Duration>>>>) -> Result<Sample> {
    let mut latencies = Vec::new();
    for sender in senders {
        latencies.append(&mut sender.await??);
    }
    Ok(Sample { latencies, time: begun.elapsed() })
}
