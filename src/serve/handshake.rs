//! TLS handshakes: how many at once, how long, and which of them makes room for the next.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustls::server::NoServerSessionStorage;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::connection::{Connection, Connections};
use super::limits::Limits;
use crate::certificates::Serving;

/// Shakes hands within limits.
pub(super) struct Handshakes {
    tls: TlsAcceptor,
    permits: Semaphore,
    limit: Duration,
}

impl Handshakes {
    /// Handshakes that show the current pair.
    pub(super) fn new(serving: Arc<Serving>, tls12: bool, limits: &Limits) -> Result<Self, rustls::Error> {
        let versions: &[&rustls::SupportedProtocolVersion] =
            if tls12 { &[&rustls::version::TLS13, &rustls::version::TLS12] } else { &[&rustls::version::TLS13] };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)?
            .with_no_client_auth()
            .with_cert_resolver(serving);
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        // The API server keeps no sessions; a resumed one would skip the checks of a full handshake.
        tls.send_tls13_tickets = 0;
        tls.session_storage = Arc::new(NoServerSessionStorage {});
        let (tls, permits) = (TlsAcceptor::from(Arc::new(tls)), Semaphore::new(limits.handshakes));
        Ok(Self { tls, permits, limit: limits.handshake })
    }

    /// Shakes hands; `None` when that fails, takes too long or the connection has to make room.
    pub(super) async fn shake(
        &self,
        stream: TcpStream,
        connection: &Connection,
        connections: &Connections,
    ) -> Option<TlsStream<TcpStream>> {
        let shaking = async {
            if self.permits.available_permits() == 0 {
                // Who never answers must not keep everybody else waiting.
                connections.end_longest_handshake();
            }
            let _permit = self.permits.acquire().await;
            connection.shaking.store(true, Ordering::Release);
            let shaken = self.tls.accept(stream).await;
            connection.shaking.store(false, Ordering::Release);
            shaken
        };
        let shaken = tokio::select! {
            shaken = timeout(self.limit, shaking) => shaken,
            () = connection.evicted.notified() => return None,
        };
        match shaken {
            Ok(Ok(stream)) => return Some(stream),
            Ok(Err(error)) => tracing::debug!(%error, "a handshake failed"),
            Err(_) => tracing::debug!("a handshake took too long"),
        }
        None
    }
}
