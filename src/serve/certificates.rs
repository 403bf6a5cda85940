//! Where the served pair comes from: a folder that others fill, or stsguard itself.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use kube::Client;

use super::metrics::Metrics;
use crate::certificates::{Folder, FolderError, Keeper, Look, SelfManaged, Serving};

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
    (folder, name): (PathBuf, Option<String>),
    poll: Duration,
    serving: Arc<Serving>,
    metrics: Arc<Metrics>,
) -> impl Future<Output = ()> {
    let mut folder = Folder::new(folder, name);
    let mut said = None;
    look(&mut folder, &serving, &metrics, &mut said);
    async move {
        let mut ticks = tokio::time::interval(poll);
        // The first look has been made.
        ticks.tick().await;
        loop {
            ticks.tick().await;
            look(&mut folder, &serving, &metrics, &mut said);
        }
    }
}

/// Looks into the folder once; each distinct fault is logged once.
fn look(folder: &mut Folder, serving: &Serving, metrics: &Metrics, said: &mut Option<FolderError>) {
    match folder.look(serving) {
        Look::Unchanged => *said = None,
        Look::Replaced => {
            *said = None;
            if let Some(pair) = serving.pair() {
                metrics.certificate_not_after(pair.not_after);
                tracing::info!(not_after = pair.not_after, "a new certificate is served");
            }
        }
        Look::Kept(error) => {
            metrics.certificate_fault();
            if said.as_ref() != Some(&error) {
                let goes_on = serving.pair().is_some();
                tracing::error!(%error, last_pair_goes_on = goes_on, "the certificate cannot be used");
                *said = Some(error);
            }
        }
    }
}
