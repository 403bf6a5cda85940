//! Certificates that stsguard makes itself: a Secret that every replica reads and any may write, and the caBundle in our
//! webhook entries.
//!
//! No replica leads. Each looks at the same three objects (the Secret and the two webhook configurations), decides the
//! same, and writes with the version that it has read; a conflict means that another was faster, and its result is read.

mod objects;
mod pace;
mod seen;
mod settings;
mod turn;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use k8s_openapi::api::admissionregistration::v1::{MutatingWebhookConfiguration, ValidatingWebhookConfiguration};
use k8s_openapi::api::core::v1::Secret;
use kube::Client;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::authority::{Lives, Stored};
use super::entries::Entries;
use super::serving::Serving;
use objects::Objects;
use pace::Pace;
use seen::{Seen, follow};
pub use settings::{Event, ObjectNames, SelfManaged};
use turn::TurnError;

/// How soon a turn that failed is taken again, and how late at most.
const RETRY: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(30)];

/// The one that keeps the certificates of this replica.
pub struct Keeper {
    lives: Lives,
    tick: Duration,
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
    /// A keeper that serves through `serving`, and says `guarded` once the API server can verify what is served.
    pub fn new(
        settings: SelfManaged,
        client: Client,
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
            serving,
            guarded,
        }
    }

    /// Keeps the certificates until the end of the program.
    pub async fn keep(self) {
        let (tell, seen) = watch::channel(Seen::default());
        let (place, observe) = (self.objects.names.clone(), Arc::clone(&self.observe));
        let fails = || observe(Event::Failed);
        let secrets = self.objects.secrets();
        let secret = |found: Option<Secret>| tell.send_modify(|seen| seen.secret = Some(found.into()));
        let validating = self.objects.all::<ValidatingWebhookConfiguration>();
        let mutating = self.objects.all::<MutatingWebhookConfiguration>();
        tokio::join!(
            follow(secrets, &place.secret, secret, fails),
            follow(
                validating,
                &place.configuration,
                |found| {
                    let entries = found.map(|found| Entries::of(&found, &place.service, &place.namespace));
                    tell.send_modify(|seen| seen.validating = Some(entries.unwrap_or_default()));
                },
                fails
            ),
            follow(
                mutating,
                &place.configuration,
                |found| {
                    let entries = found.map(|found| Entries::of(&found, &place.service, &place.namespace));
                    tell.send_modify(|seen| seen.mutating = Some(entries.unwrap_or_default()));
                },
                fails
            ),
            self.turn_on_news(seen, &tell),
        );
    }

    async fn turn_on_news(mut self, mut seen: watch::Receiver<Seen>, tell: &watch::Sender<Seen>) {
        let mut retry = RETRY[0];
        loop {
            let now = seen.borrow_and_update().clone();
            let turned = self.turn(now, tell).await;
            let rest = self.pace.rest(Instant::now());
            let wait = match turned.and_then(|()| if rest.is_zero() { Ok(()) } else { Err(TurnError::Contested) }) {
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
                changed = seen.changed() => if changed.is_err() { return },
                () = sleep(wait) => {}
            }
        }
    }
}
