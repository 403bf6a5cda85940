//! The TLS accept loop and its limits.
//!
//! hyper has one timer for a connection's first header and for its idle time, so the first header has a deadline of its
//! own here. An idle connection is never closed while a client may still use it: a POST that arrives at that moment is
//! not tried again by the API server, and the user's request fails.

mod conversation;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::TokioTimer;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::ServeError;
use super::accept::accept;
use super::caller::Callers;
use super::connection::{Connections, OpenConnection};
use super::gauge_guard::GaugeGuard;
use super::handshake::{Handshakes, Tls};
use super::limits::{Drain, Limits};
use super::metrics::Metrics;
use super::review::Reviewer;
use super::router::Router;
use crate::certificates::Serving;

/// The largest header that is read: what the API server sends has a few hundred bytes.
const HEADER: usize = 16 << 10;

/// Accepts connections and serves them.
pub(super) struct Listener {
    tcp: TcpListener,
    shared: Arc<Shared>,
}

struct Shared {
    handshakes: Handshakes,
    http: http1::Builder,
    limits: Limits,
    router: Router,
    callers: Arc<Callers>,
    metrics: Arc<Metrics>,
    connections: Arc<Connections>,
    phase: watch::Sender<Phase>,
    start: Instant,
    /// Milliseconds from the start to the last request.
    last_request: AtomicU64,
}

/// How far a shutdown is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// There is none.
    Serving,
    /// Responses close their connections.
    Draining,
    /// Connections finish what they are at and close, also those that have just been made.
    Closing,
}

impl Listener {
    /// A listener that serves the current pair.
    pub(super) fn new(
        tcp: TcpListener,
        serving: Arc<Serving>,
        tls: Tls,
        limits: Limits,
        reviewer: Arc<Reviewer>,
        callers: Arc<Callers>,
    ) -> Result<Self, ServeError> {
        let metrics = Arc::clone(&reviewer.metrics);
        let handshakes = Handshakes::new(serving, Arc::clone(&callers), tls, &limits, Arc::clone(&metrics))?;
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(limits.idle).max_buf_size(HEADER);
        http.max_header_size(HEADER);
        let connections = Connections::new(limits.connections, limits.age);
        let shared = Arc::new(Shared {
            handshakes,
            http,
            router: Router::new(reviewer, limits.clone()),
            limits,
            callers,
            metrics,
            connections,
            phase: watch::Sender::new(Phase::Serving),
            start: Instant::now(),
            last_request: AtomicU64::new(0),
        });
        Ok(Self { tcp, shared })
    }

    /// Serves until the shutdown begins, then drains: nothing that was accepted is lost.
    pub(super) async fn serve(self, drain: &Drain, shutdown: &CancellationToken) {
        let Self { tcp, shared } = self;
        tokio::select! {
            () = shared.accept(&tcp) => {}
            () = shutdown.cancelled() => {}
        }
        // The pod is leaving the endpoints; until everybody knows, requests come and are answered as before, but each
        // answer closes its connection.
        shared.phase.send_replace(Phase::Draining);
        tokio::select! {
            () = shared.accept(&tcp) => {}
            () = shared.drained(drain) => {}
        }
        drop(tcp);
        shared.phase.send_replace(Phase::Closing);
        if timeout(drain.finish, shared.connections.all_closed()).await.is_err() {
            tracing::warn!(connections = shared.connections.count(), "stopped with connections open");
        }
        tracing::info!("stopped");
    }
}

impl Shared {
    /// Milliseconds since the start.
    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Accepts connections until the future is dropped.
    async fn accept(self: &Arc<Self>, tcp: &TcpListener) {
        let count = |reason| self.metrics.connection_closed(reason);
        let serve = |stream, connection: OpenConnection| {
            let shared = Arc::clone(self);
            async move {
                let _open = GaugeGuard::new(&shared.metrics.connections);
                shared.serve(stream, &connection).await;
            }
        };
        accept(tcp, &self.connections, count, serve).await;
    }

    /// Waits until clients have learned that this pod is leaving: for the propagation time, then until no connection is
    /// open and no request has come for the quiet time, but no longer than the idle time.
    async fn drained(&self, drain: &Drain) {
        sleep(drain.propagation).await;
        let _ = timeout(drain.idle, async {
            loop {
                self.connections.all_closed().await;
                let last = Duration::from_millis(self.last_request.load(Ordering::Relaxed));
                let rest = (last + drain.quiet).saturating_sub(self.start.elapsed());
                if rest.is_zero() {
                    return;
                }
                sleep(rest).await;
            }
        })
        .await;
    }
}
