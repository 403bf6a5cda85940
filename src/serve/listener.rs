//! The TLS accept loop and its limits.
//!
//! hyper has one timer for a connection's first header and for its idle time, so the first header has a deadline of its
//! own here. An idle connection is never closed while a client may still use it: a POST that arrives at that moment is
//! not tried again by the API server, and the user's request fails.

mod conversation;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::TokioTimer;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::ServeError;
use super::caller::Callers;
use super::connection::Connections;
use super::handshake::Handshakes;
use super::limits::{Drain, Limits};
use super::metrics::Metrics;
use super::review::Reviewer;
use super::router::Router;
use super::shutdown::Shutdown;
use super::tally::Gauged;
use crate::certificates::Serving;

/// The largest header that is read: what the API server sends has a few hundred bytes.
const HEADER: usize = 16 << 10;
/// How long to wait when the system has no more file descriptors.
const OUT_OF_FILES: Duration = Duration::from_millis(50);
/// How often the drain looks whether it may go on.
const LOOK: Duration = Duration::from_millis(20);

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
    connections: Connections,
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
        tls12: bool,
        limits: Limits,
        reviewer: Arc<Reviewer>,
        callers: Arc<Callers>,
    ) -> Result<Self, ServeError> {
        let metrics = Arc::clone(&reviewer.metrics);
        let handshakes = Handshakes::new(serving, Arc::clone(&callers), tls12, &limits, Arc::clone(&metrics))?;
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(limits.idle).max_buf_size(HEADER);
        http.max_header_size(HEADER);
        let shared = Arc::new(Shared {
            handshakes,
            http,
            router: Router::new(reviewer, limits.clone()),
            limits,
            callers,
            metrics,
            connections: Connections::default(),
            phase: watch::Sender::new(Phase::Serving),
            start: Instant::now(),
            last_request: AtomicU64::new(0),
        });
        Ok(Self { tcp, shared })
    }

    /// Serves until the shutdown begins, then drains: nothing that was accepted is lost.
    pub(super) async fn serve(self, drain: &Drain, shutdown: &Shutdown) {
        let Self { tcp, shared } = self;
        tokio::select! {
            () = accept(&tcp, &shared) => {}
            () = shutdown.begun() => {}
        }
        // The pod is leaving the endpoints; until everybody knows, requests come and are answered as before, but each
        // answer closes its connection.
        shared.phase.send_replace(Phase::Draining);
        tokio::select! {
            () = accept(&tcp, &shared) => {}
            () = shared.drained(drain) => {}
        }
        drop(tcp);
        shared.phase.send_replace(Phase::Closing);
        let finished = timeout(drain.finish, async {
            while shared.connections.count() > 0 {
                sleep(LOOK).await;
            }
        });
        if finished.await.is_err() {
            tracing::warn!(connections = shared.connections.count(), "stopped with connections open");
        }
        tracing::info!("stopped");
    }
}

async fn accept(tcp: &TcpListener, shared: &Arc<Shared>) {
    // Said once, until one can be accepted again.
    let mut refused = false;
    loop {
        match tcp.accept().await {
            Ok((stream, peer)) => {
                refused = false;
                if shared.connections.staying() >= shared.limits.connections {
                    shared.metrics.connection_closed("crowd");
                    if !shared.connections.make_room() {
                        continue; // Every one of them is being answered: the newcomer is dropped and may come again.
                    }
                }
                let shared = Arc::clone(shared);
                let (id, connection) = shared.connections.add(peer.ip(), shared.limits.age);
                tokio::spawn(async move {
                    let _place = shared.connections.place(id);
                    let _open = Gauged::new(&shared.metrics.connections);
                    shared.serve(stream, &connection).await;
                });
            }
            Err(error) if is_of_the_peer(&error) => {}
            Err(error) => {
                if !refused {
                    tracing::warn!(%error, "no connection can be accepted; raise the limit of open files if this lasts");
                }
                refused = true;
                if shared.connections.send_a_stranger_away() {
                    shared.metrics.connection_closed("files");
                }
                sleep(OUT_OF_FILES).await;
            }
        }
    }
}

/// A connection that was gone before it was accepted.
fn is_of_the_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

impl Shared {
    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Waits until nobody knows the way here any more: the propagation, then quiet and no connection, or the idle time.
    async fn drained(&self, drain: &Drain) {
        sleep(drain.propagation).await;
        let quiet = u64::try_from(drain.quiet.as_millis()).unwrap_or(u64::MAX);
        let _ = timeout(drain.idle, async {
            while self.connections.count() > 0
                || self.now().saturating_sub(self.last_request.load(Ordering::Relaxed)) < quiet
            {
                sleep(LOOK).await;
            }
        })
        .await;
    }
}
