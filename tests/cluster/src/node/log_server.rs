//! The part of kubelet's own API that `kubectl logs` needs.
//!
//! Nobody is asked who they are: only this network namespace can reach it.

use std::{io::SeekFrom, path::PathBuf, sync::Arc, time::Duration};

use anyhow::Result;
use axum::{
    Router,
    body::Body,
    extract::{Path, RawQuery, State},
    http::StatusCode,
    routing::get,
    serve::Listener,
};
use futures::stream;
use rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer};
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncSeekExt},
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::Node;
use crate::network::NODE;

/// Where kubelet listens.
pub const PORT: u16 = 10250;

impl Node {
    /// Serves logs to the API server.
    pub(super) async fn serve_logs(self: Arc<Self>) -> Result<()> {
        let identity = rcgen::generate_simple_self_signed([NODE.to_owned()])?;
        let key = PrivateKeyDer::Pkcs8(identity.signing_key.serialize_der().into());
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![identity.cert.der().clone()], key)?;
        let listener = TcpListener::bind((NODE, PORT)).await?;
        let listener = TlsListener { listener, acceptor: TlsAcceptor::from(Arc::new(config)) };
        let router = Router::new().route("/containerLogs/{namespace}/{pod}/{container}", get(logs)).with_state(self);
        Ok(axum::serve(listener, router).await?)
    }
}

struct TlsListener {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, address) = Listener::accept(&mut self.listener).await;
            let handshake = timeout(Duration::from_secs(5), self.acceptor.accept(stream)).await;
            if let Ok(Ok(stream)) = handshake {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

async fn logs(
    State(node): State<Arc<Node>>,
    Path((namespace, pod, container)): Path<(String, String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Body, (StatusCode, String)> {
    let query = query.unwrap_or_default();
    let option = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let missing = |what: &str| (StatusCode::NOT_FOUND, format!("{what} of {namespace}/{pod} {container}\n"));

    let uid = node.uid_of(&namespace, &pod).ok_or_else(|| missing("no pod"))?;
    let folder = node.pod_logs_folder(&namespace, &pod, &uid).join(&container);
    let starts = std::fs::read_dir(&folder).map_err(|_| missing("no log"))?.count();
    let back = if option("previous") == Some("true") { 2 } else { 1 };
    let start = starts.checked_sub(back).ok_or_else(|| missing("no previous log"))?;
    let path = folder.join(format!("{start}.log"));
    let text = std::fs::read(&path).map_err(|error| (StatusCode::NOT_FOUND, error.to_string()))?;
    let lines = option("tailLines").and_then(|lines| lines.parse().ok());
    let skipped = lines.map_or(0, |lines| beginning_of_last(&text, lines));
    if option("follow") != Some("true") {
        return Ok(Body::from(text[skipped..].to_vec()));
    }
    let running = node.pod_folder(&uid).join("containers").join(&container).join("pid");
    let mut file = File::open(&path).await.map_err(|error| (StatusCode::NOT_FOUND, error.to_string()))?;
    let offset = SeekFrom::Start(u64::try_from(skipped).unwrap_or_default());
    file.seek(offset).await.map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    Ok(Body::from_stream(stream::unfold((file, running), |(file, running)| more(file, running))))
}

/// The next piece of a growing file; none when the container has ended and all has been read.
async fn more(mut file: File, running: PathBuf) -> Option<(std::io::Result<Vec<u8>>, (File, PathBuf))> {
    let mut piece = vec![0; 64 << 10];
    loop {
        let over = !running.exists(); // asked before reading, so that the last words are read
        match file.read(&mut piece).await {
            Ok(0) if over => return None,
            Ok(0) => sleep(Duration::from_millis(200)).await,
            Ok(length) => {
                piece.truncate(length);
                return Some((Ok(piece), (file, running)));
            }
            Err(error) => return Some((Err(error), (file, running))),
        }
    }
}

/// Where the last so many lines begin.
fn beginning_of_last(text: &[u8], lines: usize) -> usize {
    let whole = text.strip_suffix(b"\n").unwrap_or(text);
    let ends: Vec<usize> = (0..whole.len()).filter(|at| whole[*at] == b'\n').collect();
    match (lines, ends.len().checked_sub(lines)) {
        (0, _) => text.len(),
        (_, Some(at)) => ends[at] + 1,
        (_, None) => 0,
    }
}
