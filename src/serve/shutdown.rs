//! When to stop: the first signal drains, the second ends at once.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

/// Tells everybody that the server stops.
#[derive(Debug, Default)]
pub struct Shutdown {
    begun: AtomicBool,
    changed: Notify,
}

impl Shutdown {
    /// A shutdown that begins with SIGTERM or SIGINT; a second signal ends the process at once.
    ///
    /// # Errors
    /// When the system hands out no signals.
    pub fn on_signals() -> io::Result<Arc<Self>> {
        let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let shutdown = Arc::new(Self::default());
        let ours = Arc::clone(&shutdown);
        tokio::spawn(async move {
            tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
            tracing::info!("stopping: draining connections");
            ours.begin();
            tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
            tracing::warn!("stopping at once: a second signal came");
            std::process::exit(1);
        });
        Ok(shutdown)
    }

    /// Begins the shutdown.
    pub fn begin(&self) {
        self.begun.store(true, Ordering::Release);
        self.changed.notify_waiters();
    }

    /// Whether it has begun.
    pub fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Acquire)
    }

    /// Waits until it begins.
    pub async fn begun(&self) {
        loop {
            let changed = self.changed.notified();
            if self.has_begun() {
                return;
            }
            changed.await;
        }
    }
}
