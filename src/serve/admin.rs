//! The admin port: probes and metrics, apart from reviews so that overload never fails a probe.
//!
//! Its connections are few and short: those that stay open in silence must not use up the file descriptors that reviews
//! need.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State as Shared;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::accept::accept;
use super::caller::Callers;
use super::connection::{Connections, OpenConnection};
use super::metrics::Metrics;
use crate::certificates::Serving;
use crate::cluster::Stores;

/// How long a connection may take from its opening to the end of its one answer.
const LIMIT: Duration = Duration::from_secs(10);

/// What the admin port tells about.
#[derive(Clone)]
pub(super) struct State {
    pub(super) stores: Arc<Stores>,
    pub(super) serving: Arc<Serving>,
    /// Whether the API server has once been able to verify what is served.
    pub(super) guarded: Arc<AtomicBool>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) callers: Arc<Callers>,
}

/// Serves `/live`, `/ready` and `/metrics`, one request a connection; with `most` open, the oldest makes room.
pub(super) async fn serve(listener: TcpListener, most: usize, state: State) {
    let router = Router::new()
        .route("/live", get(async || "live\n"))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
        .with_state(state);
    let connections = Connections::new(most, LIMIT);
    let serve = |stream, connection| answer(stream, connection, router.clone());
    accept(&listener, &connections, |_| {}, serve).await;
}

async fn answer(stream: TcpStream, connection: OpenConnection, router: Router) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(LIMIT).keep_alive(false);
    let served = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::select! {
        // A failure is not logged: the client that sent the request sees it.
        _ = timeout(LIMIT, served) => {}
        () = connection.evicted.notified() => {}
    }
}

/// Ready once every store has synced, there is a pair to serve, there is a client CA where one is needed and, where
/// stsguard makes its pair itself, every webhook entry has once shown its CA. No call to the API server is made for it.
async fn ready(Shared(state): Shared<State>) -> (StatusCode, String) {
    let unsynced: Vec<_> = state.stores.states().iter().filter(|store| !store.synced).map(|store| store.name).collect();
    if !unsynced.is_empty() {
        return (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: not synced yet: {}\n", unsynced.join(", ")));
    }
    if state.serving.pair().is_none() {
        return (StatusCode::SERVICE_UNAVAILABLE, "not ready: there has been no usable certificate yet\n".to_owned());
    }
    if !state.guarded.load(Ordering::Acquire) {
        let why = "not ready: the webhook entries do not show the CA of the served certificate yet\n";
        return (StatusCode::SERVICE_UNAVAILABLE, why.to_owned());
    }
    if !state.callers.can_tell() {
        return (StatusCode::SERVICE_UNAVAILABLE, "not ready: there has been no usable client CA yet\n".to_owned());
    }
    (StatusCode::OK, "ready\n".to_owned())
}

async fn metrics(Shared(state): Shared<State>) -> impl IntoResponse {
    let text = state.metrics.encode(&state.stores.states());
    ([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text)
}
