//! Certificates that stsguard makes itself: a Secret that every replica reads and any may write, and the caBundle in our
//! webhook entries.
//!
//! No replica leads. Each looks at the same three objects (the Secret and the two webhook configurations), decides the
//! same, and writes with the version that it has read; a conflict means that another was faster, and its result is read.

mod objects;
mod seen;
mod settings;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use k8s_openapi::api::admissionregistration::v1::{MutatingWebhookConfiguration, ValidatingWebhookConfiguration};
use k8s_openapi::api::core::v1::Secret;
use kube::Client;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::authority::{Lives, MakeError, Moment, Stored};
use super::entries::Entries;
use super::reload::Serving;
use super::{Pair, PairError};
use objects::{CallError, Objects, Written};
use seen::{Found, Seen, follow};
pub use settings::{Event, Place, SelfManaged};

/// How soon a turn that failed is taken again, and how late at most.
const RETRY: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(30)];

/// Why a turn failed.
#[derive(Debug, thiserror::Error)]
enum TurnError {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error(transparent)]
    Make(#[from] MakeError),
    #[error("what is stored cannot be served: {0}")]
    Pair(#[from] PairError),
}

/// The one that keeps the certificates of this replica.
pub struct Keeper {
    lives: Lives,
    tick: Duration,
    objects: Objects,
    /// What the certificate must cover.
    name: String,
    serving: Arc<Serving>,
    guarded: Arc<AtomicBool>,
    observe: Box<dyn Fn(Event) + Send + Sync>,
    /// What the served pair comes from.
    served: Option<Stored>,
    /// Since when every entry has shown a CA.
    shown: HashMap<String, Instant>,
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
        let SelfManaged { place, lives, tick } = settings;
        let name = format!("{}.{}.svc", place.service, place.namespace);
        let (objects, observe) = (Objects { client, place }, Box::new(observe));
        Self { lives, tick, objects, name, serving, guarded, observe, served: None, shown: HashMap::new(), said: None }
    }

    /// Keeps the certificates until the end of the program.
    pub async fn keep(self) {
        let (tell, seen) = watch::channel(Seen::default());
        let place = self.objects.place.clone();
        let secrets = self.objects.secrets();
        let validating = self.objects.all::<ValidatingWebhookConfiguration>();
        let mutating = self.objects.all::<MutatingWebhookConfiguration>();
        tokio::join!(
            follow(secrets, &place.secret, |found| {
                tell.send_modify(|seen| seen.secret = Some(found.into()));
            }),
            follow(validating, &place.configuration, |found| {
                let entries = found.map(|found| Entries::of(&found, &place.service, &place.namespace));
                tell.send_modify(|seen| seen.validating = Some(entries.unwrap_or_default()));
            }),
            follow(mutating, &place.configuration, |found| {
                let entries = found.map(|found| Entries::of(&found, &place.service, &place.namespace));
                tell.send_modify(|seen| seen.mutating = Some(entries.unwrap_or_default()));
            }),
            self.turn_on_news(seen, &tell),
        );
    }

    async fn turn_on_news(mut self, mut seen: watch::Receiver<Seen>, tell: &watch::Sender<Seen>) {
        let mut retry = RETRY[0];
        loop {
            let now = seen.borrow_and_update().clone();
            let wait = match self.turn(now, tell).await {
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
            tokio::select! {
                changed = seen.changed() => if changed.is_err() { return },
                () = sleep(wait) => {}
            }
        }
    }

    /// Looks at everything once and does what is due: store, publish, serve; in this order, for what is served must be
    /// published, and what is published must be stored.
    async fn turn(&mut self, mut seen: Seen, tell: &watch::Sender<Seen>) -> Result<(), TurnError> {
        let secret = match seen.secret.clone() {
            Some(Found::Secret(secret)) => Some(*secret),
            Some(Found::Nothing) => None,
            None => return Ok(()),
        };
        let Some(stored) = self.store(secret, tell).await? else { return Ok(()) };
        // Where that fails, what is published already may be enough to serve a certificate of the same CA.
        let published = self.publish(&mut seen, &stored, tell).await;
        self.note_shown(&seen, &stored);
        self.serve(&seen, stored)?;
        if let Some(served) = &self.served
            && seen.show(served.authority())
            && !self.guarded.swap(true, Ordering::AcqRel)
        {
            tracing::info!("every webhook entry has the CA of the served certificate");
        }
        published
    }

    /// Brings the Secret up to date; `None` when another replica was faster and its result is to be heard of.
    async fn store(&self, secret: Option<Secret>, tell: &watch::Sender<Seen>) -> Result<Option<Stored>, TurnError> {
        let stored = match secret.as_ref().map(objects::read) {
            Some(Ok(stored)) => Some(stored),
            Some(Err(error)) => {
                tracing::warn!(secret = self.objects.place.secret, %error, "the Secret is written anew");
                None
            }
            None => None,
        };
        // What is in memory mends what was lost: no connection has to be verified by another CA for it.
        let mut wanted = match (&stored, &self.served) {
            (Some(stored), Some(served)) => stored.remembering(served),
            (Some(stored), None) => stored.clone(),
            (None, Some(served)) => served.clone(),
            (None, None) => Stored::new(self.moment(None))?,
        };
        let shown = wanted.next_authority().and_then(|next| self.shown.get(next)).map(Instant::elapsed);
        if let Some(step) = wanted.next_step(self.moment(shown))? {
            wanted = step;
        }
        if stored.as_ref() == Some(&wanted) {
            return Ok(stored);
        }
        match self.objects.store(secret, wanted.data()).await? {
            Written::Done(written) => {
                (self.observe)(Event::Stored);
                tracing::info!(secret = self.objects.place.secret, "certificates are stored");
                tell.send_if_modified(|seen| {
                    seen.secret = Some(Found::Secret(written));
                    false
                });
                Ok(Some(wanted))
            }
            Written::Overtaken => {
                let found = self.objects.secret().await?;
                tell.send_modify(|seen| seen.secret = Some(found.into()));
                Ok(None)
            }
        }
    }

    /// Puts the bundle into our entries that show another.
    async fn publish(&self, seen: &mut Seen, stored: &Stored, tell: &watch::Sender<Seen>) -> Result<(), TurnError> {
        let bundle = stored.bundle();
        let differ =
            |entries: &Option<Entries>| entries.as_ref().is_some_and(|entries| entries.patch(&bundle).is_some());
        if !differ(&seen.validating) && !differ(&seen.mutating) {
            return Ok(());
        }
        // A replica whose watch of the Secret lags must not take a newer bundle back.
        let current = self.objects.secret().await?;
        if current.as_ref().and_then(|secret| objects::read(secret).ok()).as_ref() != Some(stored) {
            tell.send_modify(|seen| seen.secret = Some(current.into()));
            return Ok(());
        }
        let published =
            self.objects.publish::<ValidatingWebhookConfiguration>(seen.validating.as_ref(), &bundle).await?;
        self.note_published("validating", published, &mut seen.validating);
        let published = self.objects.publish::<MutatingWebhookConfiguration>(seen.mutating.as_ref(), &bundle).await?;
        self.note_published("mutating", published, &mut seen.mutating);
        Ok(())
    }

    fn note_published(&self, webhooks: &str, published: Option<Entries>, entries: &mut Option<Entries>) {
        if let Some(published) = published {
            (self.observe)(Event::Published);
            tracing::info!(webhooks, "the CA bundle is published");
            *entries = Some(published);
        }
    }

    /// Notes since when all entries have shown the CAs that something waits for.
    fn note_shown(&mut self, seen: &Seen, stored: &Stored) {
        let wanted = [Some(stored.authority()), stored.next_authority()];
        let shown: Vec<_> = wanted.into_iter().flatten().filter(|authority| seen.show(authority)).collect();
        self.shown.retain(|authority, _| shown.contains(&authority.as_str()));
        for authority in shown {
            self.shown.entry(authority.to_owned()).or_insert_with(Instant::now);
        }
    }

    /// Serves what is stored, as soon as the API server can verify it.
    fn serve(&mut self, seen: &Seen, stored: Stored) -> Result<(), TurnError> {
        let settled = self.shown.get(stored.authority()).is_some_and(|since| since.elapsed() >= self.lives.settle);
        let verified = match &self.served {
            None => true,
            Some(served) if served.pair() == stored.pair() => {
                // The same pair; its neighbours may have changed.
                self.served = Some(stored);
                return Ok(());
            }
            Some(served) => {
                let same = served.authority() == stored.authority();
                same || settled || seen.is_empty() || !served.is_valid(self.moment(None).now)
            }
        };
        if !verified {
            return Ok(());
        }
        let (certificate, key) = stored.pair();
        let pair = Pair::read(certificate.as_bytes(), key.as_bytes(), Some(&self.name))?;
        (self.observe)(Event::Served(pair.not_after, stored.authority_ends()));
        tracing::info!(not_after = pair.not_after, "a new certificate is served");
        self.serving.serve(pair);
        self.served = Some(stored);
        Ok(())
    }

    fn moment(&self, shown: Option<Duration>) -> Moment<'_> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        Moment { now, name: &self.name, lives: &self.lives, shown }
    }
}
