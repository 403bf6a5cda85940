//! A client that speaks HTTP/1.1 by hand, so that it can also speak it slowly and badly.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::CryptoProvider;
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::patience::patiently;

/// What a connection runs over.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// A client's certificate with its key, as PEM text.
pub struct Identity {
    pub certificate: String,
    pub key: String,
}

/// One connection.
pub struct Connection {
    stream: Box<dyn Stream>,
    /// What came beyond the last response.
    rest: Vec<u8>,
    /// The certificate that the server showed.
    pub certificate: Option<CertificateDer<'static>>,
}

/// What came back.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    head: String,
    pub body: Vec<u8>,
}

impl Response {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.map(|(key, value)| (key, value.trim())).find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, v)| v)
    }

    /// Whether the server closes the connection after it.
    pub fn closes(&self) -> bool {
        self.header("connection") == Some("close")
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("answers are UTF-8")
    }

    /// The `response` of the AdmissionReview that it carries.
    pub fn verdict(&self) -> Value {
        assert_eq!((self.status, self.header("content-type")), (200, Some("application/json")), "{}", self.text());
        let review: Value = serde_json::from_slice(&self.body).expect("reviews are JSON");
        assert_eq!(
            (&review["kind"], &review["apiVersion"]),
            (&"AdmissionReview".into(), &"admission.k8s.io/v1".into())
        );
        review["response"].clone()
    }
}

/// A request with its headers and body.
pub fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let first = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n");
    let headers = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
    let head: Vec<_> = [first].into_iter().chain(headers).collect();
    [head.concat().as_bytes(), b"\r\n", body].concat()
}

/// A POST as the API server sends it.
pub fn post(path: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len().to_string();
    request("POST", path, &[("content-type", "application/json"), ("content-length", &length)], body)
}

impl Connection {
    /// A connection without TLS.
    pub async fn plain(address: SocketAddr) -> io::Result<Self> {
        let stream = patiently("a connection", TcpStream::connect(address)).await?;
        Ok(Self { stream: Box::new(stream), rest: Vec::new(), certificate: None })
    }

    /// A connection with TLS that trusts these CAs.
    pub async fn tls(
        address: SocketAddr,
        cas: &str,
        versions: &[&'static SupportedProtocolVersion],
    ) -> io::Result<Self> {
        Self::tls_as(address, cas, versions, None).await
    }

    /// The same, showing a client certificate where there is one.
    pub async fn tls_as(
        address: SocketAddr,
        cas: &str,
        versions: &[&'static SupportedProtocolVersion],
        identity: Option<&Identity>,
    ) -> io::Result<Self> {
        Self::shake(address, config(cas, versions, identity), "localhost").await
    }

    /// A connection with TLS as the configuration says, to the name that the certificate must cover.
    pub async fn shake(address: SocketAddr, config: ClientConfig, name: &'static str) -> io::Result<Self> {
        let name = ServerName::try_from(name).expect("it is a name");
        let tcp = patiently("a connection", TcpStream::connect(address)).await?;
        let shaken = TlsConnector::from(Arc::new(config)).connect(name, tcp);
        let stream = patiently("a handshake", shaken).await?;
        let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first()).cloned();
        let certificate = shown.map(CertificateDer::into_owned);
        Ok(Self { stream: Box::new(stream), rest: Vec::new(), certificate })
    }

    /// Sends bytes that need not be a whole request.
    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    /// Sends a request and reads at the same time, for an answer may come before all of it is sent.
    pub async fn exchange(&mut self, bytes: &[u8]) -> io::Result<Response> {
        let (mut read, mut write) = tokio::io::split(&mut self.stream);
        let sent = async {
            // Where the server has stopped reading, its answer says why.
            let _ = async { write.write_all(bytes).await.and(write.flush().await) }.await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            response = patiently("a response", receive(&mut read, &mut self.rest)) => response,
            () = sent => Err(ErrorKind::Other.into()),
        }
    }

    /// Sends the start of a request and then the same bytes again and again, until an answer comes.
    pub async fn trickle(&mut self, head: &[u8], drop: &[u8]) -> io::Result<Response> {
        let (mut read, mut write) = tokio::io::split(&mut self.stream);
        let sent = async {
            let mut next = head;
            while write.write_all(next).await.is_ok() && write.flush().await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
                next = drop;
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            response = patiently("a response", receive(&mut read, &mut self.rest)) => response,
            () = sent => Err(ErrorKind::Other.into()),
        }
    }

    /// Sends a review but for its last byte, which is returned; the server has read the header then.
    pub async fn begin<'a>(&mut self, path: &str, body: &'a [u8]) -> &'a [u8] {
        let length = body.len().to_string();
        let headers = [("content-type", "application/json"), ("content-length", &length), ("expect", "100-continue")];
        self.send(&request("POST", path, &headers, b"")).await.expect("the header is sent");
        let response = self.receive().await.expect("the header is read");
        assert_eq!(response.status, 100, "{}", response.text());
        let (most, last) = body.split_at(body.len() - 1);
        self.send(most).await.expect("most of the body is sent");
        last
    }

    /// Reads a response; an error of kind `UnexpectedEof` when the server closes instead.
    pub async fn receive(&mut self) -> io::Result<Response> {
        patiently("a response", receive(&mut self.stream, &mut self.rest)).await
    }

    /// Sends a review; the AdmissionReview's `response`.
    pub async fn review(&mut self, path: &str, review: &Value) -> Value {
        let response = self.exchange(&post(path, review.to_string().as_bytes())).await;
        response.expect("a review is answered").verdict()
    }

    /// Waits until the server closes without a word.
    pub async fn closed(&mut self) {
        let response = self.receive().await;
        assert!(response.is_err(), "a close and not {response:?}");
    }
}

/// A configuration that trusts these CAs.
pub fn config(cas: &str, versions: &[&'static SupportedProtocolVersion], identity: Option<&Identity>) -> ClientConfig {
    config_of(rustls::crypto::ring::default_provider(), cas, versions, identity)
}

/// The same with other suites, curves or signatures.
pub fn config_of(
    provider: CryptoProvider,
    cas: &str,
    versions: &[&'static SupportedProtocolVersion],
    identity: Option<&Identity>,
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    for ca in CertificateDer::pem_slice_iter(cas.as_bytes()) {
        roots.add(ca.expect("CAs are PEM")).expect("CAs are certificates");
    }
    let config = ClientConfig::builder_with_provider(Arc::new(provider)).with_protocol_versions(versions);
    let config = config.expect("the versions exist").with_root_certificates(roots);
    let Some(identity) = identity else { return config.with_no_client_auth() };
    let chain = CertificateDer::pem_slice_iter(identity.certificate.as_bytes()).map(|one| one.expect("it is PEM"));
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).expect("it is PEM");
    config.with_client_auth_cert(chain.collect(), key).expect("key and certificate belong together")
}

async fn receive(stream: &mut (impl AsyncRead + Unpin), rest: &mut Vec<u8>) -> io::Result<Response> {
    let end = loop {
        if let Some(end) = rest.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        more(stream, rest).await?;
    };
    let head = String::from_utf8(rest.drain(..end).collect()).map_err(|_| ErrorKind::InvalidData)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or(ErrorKind::InvalidData)?;
    let mut response = Response { status, head, body: Vec::new() };
    let length = response.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    while rest.len() < length {
        more(stream, rest).await?;
    }
    response.body = rest.drain(..length).collect();
    Ok(response)
}

async fn more(stream: &mut (impl AsyncRead + Unpin), rest: &mut Vec<u8>) -> io::Result<()> {
    match stream.read_buf(rest).await? {
        0 => Err(ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}
