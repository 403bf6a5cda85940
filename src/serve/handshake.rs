//! TLS handshakes: how many at once, how long, and which of them make room for the next.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::gauge::Gauge;
use rustls::server::NoServerSessionStorage;
use tokio::net::TcpStream;
use tokio::sync::{Notify, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::caller::Callers;
use super::connection::Connection;
use super::gauge_guard::GaugeGuard;
use super::limits::Limits;
use super::metrics::Metrics;
use crate::certificates::Serving;

/// Shakes hands within limits.
pub(super) struct Handshakes {
    tls: TlsAcceptor,
    callers: Arc<Callers>,
    turns: Semaphore,
    limit: Duration,
    crowded_limit: Duration,
    /// Connections that have begun to speak and wait for their turn.
    waiting: Gauge,
    crowded: Notify,
    metrics: Arc<Metrics>,
}

impl Handshakes {
    /// Handshakes that show the current pair.
    pub(super) fn new(
        serving: Arc<Serving>,
        callers: Arc<Callers>,
        tls12: bool,
        limits: &Limits,
        metrics: Arc<Metrics>,
    ) -> Result<Self, rustls::Error> {
        let versions: &[&rustls::SupportedProtocolVersion] =
            if tls12 { &[&rustls::version::TLS13, &rustls::version::TLS12] } else { &[&rustls::version::TLS13] };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ServerConfig::builder_with_provider(provider).with_protocol_versions(versions)?;
        let tls = match callers.verifier() {
            Some(verifier) => tls.with_client_cert_verifier(verifier),
            None => tls.with_no_client_auth(),
        };
        let mut tls = tls.with_cert_resolver(serving);
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        // The API server keeps no sessions; a resumed one would skip the checks of a full handshake.
        tls.send_tls13_tickets = 0;
        tls.session_storage = Arc::new(NoServerSessionStorage {});
        Ok(Self {
            tls: TlsAcceptor::from(Arc::new(tls)),
            callers,
            turns: Semaphore::new(limits.handshakes),
            limit: limits.handshake,
            crowded_limit: limits.crowded,
            waiting: Gauge::default(),
            crowded: Notify::new(),
            metrics,
        })
    }

    /// Shakes hands; `None` when that fails, takes too long or the connection has to make room.
    pub(super) async fn shake(&self, stream: TcpStream, connection: &Connection) -> Option<TlsStream<TcpStream>> {
        let shaken = tokio::select! {
            shaken = timeout(self.limit, self.in_turn(stream)) => shaken,
            () = connection.evicted.notified() => return None,
        };
        match shaken {
            Ok(Some(Ok(stream))) => return Some(stream),
            Ok(Some(Err(error))) => {
                self.callers.count(&error);
                tracing::debug!(%error, "a handshake failed");
            }
            Ok(None) => self.ended("a handshake that stalled made room for others"),
            Err(_) => self.ended("a handshake took too long"),
        }
        None
    }

    fn ended(&self, why: &str) {
        self.metrics.connection_closed("handshake");
        tracing::debug!("{why}");
    }

    /// Waits for a turn and shakes hands; `None` when the handshake stalls while others wait for their turns.
    async fn in_turn(&self, stream: TcpStream) -> Option<std::io::Result<TlsStream<TcpStream>>> {
        // A connection takes its turn only once its first bytes have come: those that stay silent hold up nobody.
        if let Err(error) = stream.readable().await {
            return Some(Err(error));
        }
        let _turn = if let Ok(turn) = self.turns.try_acquire() {
            turn
        } else {
            let _waiting = GaugeGuard::new(&self.waiting);
            self.crowded.notify_waiters();
            self.turns.acquire().await.ok()?
        };
        tokio::select! {
            shaken = self.tls.accept(stream) => Some(shaken),
            () = self.stalls() => None,
        }
    }

    /// Ends once a handshake has had the time that an honest one needs, and another waits for its turn. A burst of honest
    /// ones must not end each other; those who never answer must not keep everybody else waiting.
    async fn stalls(&self) {
        sleep(self.crowded_limit).await;
        loop {
            let crowded = self.crowded.notified();
            if self.waiting.get() > 0 {
                return;
            }
            crowded.await;
        }
    }
}
