//! Where the served pair comes from: a folder that others fill, or stsguard itself.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use kube::Client;

use super::metrics::Metrics;
use super::polled::{Look, Polled};
use crate::certificates::{Folder, Keeper, SelfManaged, Serving};

/// Keeps a pair and a CA of our own; `guarded` says when every webhook entry shows that CA. `watched` is the API server,
/// and how long it may say nothing.
pub(super) async fn keep(
    own: SelfManaged,
    watched: (Client, Duration),
    serving: Arc<Serving>,
    guarded: Arc<AtomicBool>,
    metrics: Arc<Metrics>,
) {
    let observe = move |event| metrics.certificate_event(event);
    Box::pin(Keeper::new(own, watched, serving, guarded, observe).keep()).await;
}

/// Looks into a folder now and every `poll`, and serves what it holds once it is sound.
pub(super) fn follow(
    folder: Folder,
    poll: Duration,
    serving: Arc<Serving>,
    metrics: Arc<Metrics>,
) -> impl Future<Output = ()> {
    let files = folder.clone();
    let fetch = move || files.bytes().map_err(|error| error.to_string());
    let files = Polled::new(fetch, move |bytes| folder.pair(bytes).map_err(|error| error.to_string()));
    files.follow(poll, move |look| match look {
        Look::Unchanged => {}
        Look::Replaced(pair) => {
            let not_after = pair.not_after;
            serving.serve(pair);
            metrics.certificate_not_after(not_after);
            tracing::info!(not_after, "a new certificate is served");
        }
        Look::Kept { fault, new } => {
            metrics.certificate_fault();
            if new {
                let goes_on = serving.pair().is_some();
                tracing::error!(error = %fault, last_pair_goes_on = goes_on, "the certificate cannot be used");
            }
        }
    })
}
