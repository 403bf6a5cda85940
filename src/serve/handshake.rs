//! TLS handshakes: how many at once, how long, and which of them make room for the next.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::gauge::Gauge;
use rustls::ServerConfig;
use rustls::server::{Acceptor, NoServerSessionStorage};
use tokio::net::TcpStream;
use tokio::sync::{Notify, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use super::caller::Callers;
use super::connection::Connection;
use super::gauge_guard::GaugeGuard;
use super::incompatible::Incompatible;
use super::limits::Limits;
use super::metrics::Metrics;
use crate::certificates::Serving;

/// Which TLS is spoken, and by which name an API server asks for it.
pub(super) struct Tls {
    /// Whether 1.2 is spoken beside 1.3.
    pub(super) tls12: bool,
    /// The name; without one, whoever asks for any name may be an API server.
    pub(super) name: Option<String>,
}

/// Why no hands were shaken.
struct Failure {
    error: io::Error,
    /// Whether the client had asked for our name.
    for_us: bool,
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self { error, for_us: false }
    }
}

/// Shakes hands within limits.
pub(super) struct Handshakes {
    tls: Arc<ServerConfig>,
    /// The name that API servers call us by; `None` takes any for it.
    name: Option<String>,
    callers: Arc<Callers>,
    incompatible: Incompatible,
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
        Tls { tls12, name }: Tls,
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
            tls: Arc::new(tls),
            name,
            callers,
            incompatible: Incompatible::new(tls12, Arc::clone(&metrics)),
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
            Ok(Some(Ok(stream))) => {
                self.metrics.handshake(stream.get_ref().1.protocol_version());
                return Some(stream);
            }
            Ok(Some(Err(Failure { error, for_us }))) => {
                self.callers.count(&error);
                self.incompatible.count(&error, for_us, connection.peer);
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
    async fn in_turn(&self, stream: TcpStream) -> Option<Result<TlsStream<TcpStream>, Failure>> {
        // A connection takes its turn only once its first bytes have come: those that stay silent hold up nobody.
        if let Err(error) = stream.readable().await {
            return Some(Err(error.into()));
        }
        let _turn = if let Ok(turn) = self.turns.try_acquire() {
            turn
        } else {
            let _waiting = GaugeGuard::new(&self.waiting);
            self.crowded.notify_waiters();
            self.turns.acquire().await.ok()?
        };
        tokio::select! {
            shaken = self.accept(stream) => Some(shaken),
            () = self.stalls() => None,
        }
    }

    /// Shakes hands; in two steps, so that of one that fails is known whom the client had asked for.
    async fn accept(&self, stream: TcpStream) -> Result<TlsStream<TcpStream>, Failure> {
        let begun = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let for_us = match (begun.client_hello().server_name(), &self.name) {
            (Some(asked), Some(name)) => asked.eq_ignore_ascii_case(name),
            (asked, _) => asked.is_some(),
        };
        begun.into_stream(Arc::clone(&self.tls)).await.map_err(|error| Failure { error, for_us })
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
