//! Certificates that stsguard makes itself: a Secret that every replica reads and any may write, and the caBundle in our
//! webhook entries.
//!
//! No replica leads. Each looks at the same three objects (the Secret and the two webhook configurations), decides the
//! same, and writes with the version that it has read; a conflict means that another was faster, and its result is read.

mod objects;
mod pace;
mod reconcile;
mod settings;
mod watch;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use k8s_openapi::api::admissionregistration::v1::{MutatingWebhookConfiguration, ValidatingWebhookConfiguration};
use k8s_openapi::api::core::v1::Secret;
use kube::Client;
use tokio::sync::watch::{Receiver, Sender, channel};
use tokio::time::{Instant, sleep};

use super::authority::{Lives, Stored};
use super::serving::Serving;
use crate::watch::Watch;
use objects::Objects;
use pace::Pace;
use reconcile::ReconcileError;
pub use settings::{Event, ObjectNames, SelfManaged};
use watch::{Known, entries, follow};

/// How soon what failed is tried again, and how late at most.
const RETRY: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(30)];

/// The one that keeps the certificates of this replica.
pub struct Keeper {
    lives: Lives,
    tick: Duration,
    /// How long the API server may say nothing about an object.
    silence: Duration,
    objects: Objects,
    /// What the certificate must cover.
    name: String,
    serving: Arc<Serving>,
    guarded: Arc<AtomicBool>,
    observe: Arc<dyn Fn(Event) + Send + Sync>,
    /// What the served pair comes from.
    served: Option<Stored>,
    /// Since when every entry has shown a CA.
    shown: HashMap<String, Instant>,
    /// How often it may still write.
    pace: Pace,
    /// The last failure, which is logged once.
    said: Option<String>,
}

impl Keeper {
    /// A keeper that serves through `serving`, and says `guarded` once the API server can verify what is served; its watches
    /// are begun anew when the API server says nothing for `silence`.
    pub fn new(
        settings: SelfManaged,
        (client, silence): (Client, Duration),
        serving: Arc<Serving>,
        guarded: Arc<AtomicBool>,
        observe: impl Fn(Event) + Send + Sync + 'static,
    ) -> Self {
        let SelfManaged { names: place, lives, tick } = settings;
        Self {
            name: format!("{}.{}.svc", place.service, place.namespace),
            objects: Objects { client, names: place },
            pace: Pace::new(tick, Instant::now()),
            observe: Arc::new(observe),
            shown: HashMap::new(),
            served: None,
            said: None,
            lives,
            tick,
            silence,
            serving,
            guarded,
        }
    }

    /// Keeps the certificates until the end of the program.
    pub async fn keep(self) {
        let (tell, known) = channel(Known::default());
        let (names, observe) = (self.objects.names.clone(), Arc::clone(&self.observe));
        let fails = || observe(Event::Failed);
        let secrets = self.objects.secrets();
        let secret = |found: Option<Secret>| tell.send_modify(|known| known.secret = Some(found.into()));
        let validating = |found: Option<ValidatingWebhookConfiguration>| {
            tell.send_modify(|known| known.validating = Some(entries(found, &names)));
        };
        let mutating = |found: Option<MutatingWebhookConfiguration>| {
            tell.send_modify(|known| known.mutating = Some(entries(found, &names)));
        };
        let silence = self.silence;
        let (all_validating, all_mutating) = (self.objects.all(), self.objects.all());
        tokio::join!(
            follow(Watch::new(secrets, silence), &names.secret, secret, fails),
            follow(Watch::new(all_validating, silence), &names.configuration, validating, fails),
            follow(Watch::new(all_mutating, silence), &names.configuration, mutating, fails),
            self.reconcile_on_changes(known, &tell),
        );
    }

    async fn reconcile_on_changes(mut self, mut known: Receiver<Known>, tell: &Sender<Known>) {
        let mut retry = RETRY[0];
        loop {
            let now = known.borrow_and_update().clone();
            let done = self.reconcile(now, tell).await;
            let rest = self.pace.rest(Instant::now());
            let wait = match done.and_then(|()| if rest.is_zero() { Ok(()) } else { Err(ReconcileError::Contested) }) {
                Ok(()) => {
                    if self.said.take().is_some() {
                        tracing::info!("the certificates are in order again");
                    }
                    retry = RETRY[0];
                    // While a CA settles, what it waits for is time alone.
                    self.tick.min(self.lives.settle.max(Duration::from_millis(50)))
                }
                Err(error) => {
                    (self.observe)(Event::Failed);
                    let error = error.to_string();
                    if self.said.as_ref() != Some(&error) {
                        let goes_on = self.served.is_some();
                        tracing::error!(error, last_pair_goes_on = goes_on, "the certificates cannot be kept");
                        self.said = Some(error);
                    }
                    let wait = retry;
                    retry = (retry * 2).min(RETRY[1]);
                    wait
                }
            };
            // Whatever comes meanwhile is looked at afterwards.
            sleep(rest).await;
            tokio::select! {
                changed = known.changed() => if changed.is_err() { return },
                () = sleep(wait) => {}
            }
        }
    }
}
