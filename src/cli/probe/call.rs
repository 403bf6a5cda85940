//! One POST over TLS, as the API server sends it to a webhook.

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use http::header::{CONTENT_TYPE, HOST};
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, Error, ProtocolVersion, RootCertStore, SupportedProtocolVersion};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// The largest answer that is read.
const ANSWER: usize = 1 << 20;

/// What is called.
pub(super) struct Target<'a> {
    /// The Service's address.
    pub(super) address: &'a str,
    pub(super) port: u16,
    /// The name that the certificate must cover.
    pub(super) host: &'a str,
    /// The CAs that may have signed it, as PEM text.
    pub(super) authorities: &'a [u8],
    /// Whether nothing newer than TLS 1.2 is spoken.
    pub(super) tls12: bool,
}

/// What came back.
pub(super) struct Answer {
    /// The TLS version that both speak.
    pub(super) version: &'static str,
    pub(super) body: Bytes,
}

impl Target<'_> {
    /// Sends a review to this path.
    pub(super) async fn post(&self, path: &str, review: Vec<u8>) -> anyhow::Result<Answer> {
        let tls = TlsConnector::from(Arc::new(self.config()?));
        let tcp = TcpStream::connect((self.address, self.port)).await.context("nothing listens there")?;
        let tls = tls.connect(ServerName::try_from(self.host.to_owned())?, tcp).await;
        let tls = tls.map_err(|error| self.explained(error))?;
        let version = match tls.get_ref().1.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => "1.2",
            _ => "1.3",
        };
        let (mut sender, connection) = http1::handshake(TokioIo::new(tls)).await?;
        let request = Request::post(path).header(HOST, self.host).header(CONTENT_TYPE, "application/json");
        let answered = async {
            let response = sender.send_request(request.body(Full::new(Bytes::from(review)))?).await?;
            let status = response.status();
            let body = Limited::new(response.into_body(), ANSWER).collect().await;
            let body = body.map_err(anyhow::Error::from_boxed).context("its answer breaks off")?.to_bytes();
            ensure!(status == StatusCode::OK, "it answers {status}: {}", String::from_utf8_lossy(&body));
            Ok(Answer { version, body })
        };
        tokio::pin!(answered);
        tokio::select! {
            answer = &mut answered => answer,
            // It has ended by itself: what came before that is the answer.
            ended = connection => {
                ended?;
                answered.await
            }
        }
    }

    fn config(&self) -> anyhow::Result<ClientConfig> {
        let mut roots = RootCertStore::empty();
        for root in CertificateDer::pem_slice_iter(self.authorities) {
            let root = root.context("its CA bundle is no PEM text")?;
            roots.add(root).context("its CA bundle holds what is no CA certificate")?;
        }
        ensure!(!roots.is_empty(), "its CA bundle is empty: the API server cannot verify the webhook");
        let versions: &[&SupportedProtocolVersion] = if self.tls12 { &[&TLS12] } else { &[&TLS13, &TLS12] };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions)?;
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }

    /// Why no hands were shaken, with the remedy where the version is at fault.
    fn explained(&self, error: std::io::Error) -> anyhow::Error {
        use rustls::AlertDescription::ProtocolVersion;
        let tls = error.get_ref().and_then(|error| error.downcast_ref::<Error>());
        let version = matches!(tls, Some(Error::AlertReceived(ProtocolVersion)));
        let error = anyhow::Error::from(error);
        if version && self.tls12 {
            return error.context(
                "it does not speak TLS 1.2, so an API server that stops there cannot ask it; set tls.minVersion to \
                 \"1.2\" in the chart's values",
            );
        }
        error.context("no TLS connection")
    }
}
