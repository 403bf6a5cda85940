//! The admin port: probes and metrics, apart from reviews so that overload never fails a probe.

use std::sync::Arc;

use axum::Router;
use axum::extract::State as Shared;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;

use super::metrics::Metrics;
use crate::certificates::Serving;
use crate::cluster::Stores;

/// What the admin port tells about.
#[derive(Clone)]
pub(super) struct State {
    pub(super) stores: Arc<Stores>,
    pub(super) serving: Arc<Serving>,
    pub(super) metrics: Arc<Metrics>,
}

/// Serves `/live`, `/ready` and `/metrics`.
pub(super) async fn serve(listener: TcpListener, state: State) {
    let router = Router::new()
        .route("/live", get(async || "live\n"))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
        .with_state(state);
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!(%error, "the admin port is lost");
    }
}

/// Ready once every store has synced and there is a pair to serve; never dependent on a call to the API server.
async fn ready(Shared(state): Shared<State>) -> (StatusCode, String) {
    let unsynced: Vec<_> = state.stores.states().iter().filter(|store| !store.synced).map(|store| store.name).collect();
    if !unsynced.is_empty() {
        return (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: not synced yet: {}\n", unsynced.join(", ")));
    }
    if state.serving.pair().is_none() {
        return (StatusCode::SERVICE_UNAVAILABLE, "not ready: there has been no usable certificate yet\n".to_owned());
    }
    (StatusCode::OK, "ready\n".to_owned())
}

async fn metrics(Shared(state): Shared<State>) -> impl IntoResponse {
    let text = state.metrics.encode(&state.stores.states());
    ([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text)
}
