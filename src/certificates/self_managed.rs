//! Certificates that stsguard makes itself: a Secret that every replica reads and any may write, and the caBundle in our
//! webhook entries.
//!
//! No replica leads. Each looks at the same three objects (the Secret and the two webhook configurations), decides the
//! same, and writes with the version that it has read; a conflict means that another was faster, and its result is read.

mod seen;

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use k8s_openapi::api::admissionregistration::v1::{MutatingWebhookConfiguration, ValidatingWebhookConfiguration};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::authority::{Lives, MakeError, Moment, Stored};
use super::entries::{Configuration, Entries};
use super::reload::Serving;
use super::{Pair, PairError};
use seen::{Found, Seen, follow};

/// Whose fields the caBundle and the Secret's data are.
const MANAGER: &str = "stsguard";
/// How long one call to the API server may take.
const CALL: Duration = Duration::from_secs(10);
/// How soon a turn that failed is taken again, and how late at most.
const RETRY: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(30)];

/// Where the certificates are kept, and for whom.
#[derive(Debug, Clone)]
pub struct Place {
    /// The namespace of the Service and the Secret.
    pub namespace: String,
    /// The Service that the webhook entries call.
    pub service: String,
    /// The Secret.
    pub secret: String,
    /// The name of both webhook configurations.
    pub configuration: String,
}

/// Settings of certificates that stsguard makes itself.
#[derive(Debug, Clone)]
pub struct SelfManaged {
    /// Where they are kept, and for whom.
    pub place: Place,
    /// How long they live.
    pub lives: Lives,
    /// How often the clock is looked at; timers stop while a machine sleeps, the clock does not.
    pub tick: Duration,
}

/// What happened, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A pair is served; until when, in seconds since 1970: the certificate and its CA.
    Served(i64, i64),
    /// The Secret was written.
    Stored,
    /// A webhook configuration was given the bundle.
    Published,
    /// A turn failed and is taken again.
    Failed,
}

/// Why a turn failed. Holds nothing of a key.
#[derive(Debug, thiserror::Error)]
enum TurnError {
    #[error("{what} cannot be {done}: {fault}")]
    Call { what: String, done: &'static str, fault: String },
    #[error(transparent)]
    Make(#[from] MakeError),
    #[error("what is stored cannot be served: {0}")]
    Pair(#[from] PairError),
}

/// The one that keeps the certificates of this replica.
pub struct Keeper {
    settings: SelfManaged,
    /// What the certificate must cover.
    name: String,
    client: Client,
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
        let observe = Box::new(observe);
        let name = format!("{}.{}.svc", settings.place.service, settings.place.namespace);
        Self { settings, name, client, serving, guarded, observe, served: None, shown: HashMap::new(), said: None }
    }

    /// Keeps the certificates until the end of the program.
    pub async fn keep(self) {
        let (tell, seen) = watch::channel(Seen::default());
        let place = self.settings.place.clone();
        let secrets = Api::<Secret>::namespaced(self.client.clone(), &place.namespace);
        let validating = Api::<ValidatingWebhookConfiguration>::all(self.client.clone());
        let mutating = Api::<MutatingWebhookConfiguration>::all(self.client.clone());
        let entries = |found: Option<Entries>| Some(found.unwrap_or_default());
        tokio::join!(
            follow(secrets, &place.secret, |found| {
                tell.send_modify(|seen| seen.secret = Some(found.into()));
            }),
            follow(validating, &place.configuration, |found| {
                let found = found.map(|found| Entries::of(&found, &place.service, &place.namespace));
                tell.send_modify(|seen| seen.validating = entries(found));
            }),
            follow(mutating, &place.configuration, |found| {
                let found = found.map(|found| Entries::of(&found, &place.service, &place.namespace));
                tell.send_modify(|seen| seen.mutating = entries(found));
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
                    self.settings.tick.min(self.settings.lives.settle.max(Duration::from_millis(50)))
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
        self.publish(&mut seen, &stored, tell).await?;
        self.note_shown(&seen, &stored);
        self.serve(&seen, stored)?;
        if let Some(served) = &self.served
            && seen.show(served.authority())
            && !self.guarded.swap(true, Ordering::AcqRel)
        {
            tracing::info!("every webhook entry has the CA of the served certificate");
        }
        Ok(())
    }

    /// Brings the Secret up to date; `None` when another replica was faster and its result is to be heard of.
    async fn store(&self, secret: Option<Secret>, tell: &watch::Sender<Seen>) -> Result<Option<Stored>, TurnError> {
        let found = secret.as_ref().map(|secret| {
            let data = secret.data.iter().flatten().map(|(key, value)| (key.clone(), value.0.as_slice()));
            Stored::read(&data.collect())
        });
        let stored = match found {
            Some(Ok(stored)) => Some(stored),
            Some(Err(error)) => {
                tracing::warn!(secret = self.settings.place.secret, %error, "the Secret is written anew");
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
        let secrets = Api::<Secret>::namespaced(self.client.clone(), &self.settings.place.namespace);
        let name = &self.settings.place.secret;
        let mut next = secret.clone().unwrap_or_default();
        next.metadata.name = Some(name.clone());
        next.metadata.managed_fields = None;
        next.metadata.labels.get_or_insert_default().insert("app.kubernetes.io/managed-by".into(), "stsguard".into());
        next.data = Some(wanted.data().into_iter().map(|(key, value)| (key, k8s_openapi::ByteString(value))).collect());
        let options = PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
        let done = if secret.is_some() { "updated" } else { "created" };
        let written = match secret {
            Some(_) => timeout(CALL, secrets.replace(name, &options, &next)).await,
            None => timeout(CALL, secrets.create(&options, &next)).await,
        };
        match written {
            Ok(Ok(written)) => {
                (self.observe)(Event::Stored);
                tracing::info!(secret = name, "certificates are stored");
                tell.send_if_modified(|seen| {
                    seen.secret = Some(Found::Secret(Box::new(written)));
                    false
                });
                Ok(Some(wanted))
            }
            // Another replica was faster: the watch brings what it wrote.
            Ok(Err(kube::Error::Api(status))) if status.code == 409 || status.code == 404 => {
                let found = timeout(CALL, secrets.get_opt(name)).await;
                if let Ok(Ok(found)) = found {
                    tell.send_modify(|seen| seen.secret = Some(found.into()));
                }
                Ok(None)
            }
            Ok(Err(error)) => Err(call(&format!("Secret {name}"), done, &error)),
            Err(_) => Err(call(&format!("Secret {name}"), done, &"no answer in time")),
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
        let secrets = Api::<Secret>::namespaced(self.client.clone(), &self.settings.place.namespace);
        let current = called("Secret", "read", secrets.get_opt(&self.settings.place.secret)).await?;
        let read = current.as_ref().and_then(|secret| {
            let data = secret.data.iter().flatten().map(|(key, value)| (key.clone(), value.0.as_slice()));
            Stored::read(&data.collect()).ok()
        });
        if read.as_ref() != Some(stored) {
            tell.send_modify(|seen| seen.secret = Some(current.into()));
            return Ok(());
        }
        if let Some(found) = self.patch::<ValidatingWebhookConfiguration>(seen.validating.as_ref(), &bundle).await? {
            seen.validating = Some(found);
        }
        if let Some(found) = self.patch::<MutatingWebhookConfiguration>(seen.mutating.as_ref(), &bundle).await? {
            seen.mutating = Some(found);
        }
        Ok(())
    }

    async fn patch<K: Configuration>(
        &self,
        entries: Option<&Entries>,
        bundle: &str,
    ) -> Result<Option<Entries>, TurnError> {
        let Some(operations) = entries.and_then(|entries| entries.patch(bundle)) else { return Ok(None) };
        let Place { configuration, service, namespace, .. } = &self.settings.place;
        let api = Api::<K>::all(self.client.clone());
        let what = format!("{} {configuration}", K::kind(&()));
        let patch = serde_json::from_value(operations).map_err(|error| call(&what, "patched", &error))?;
        let patch = Patch::<()>::Json(patch);
        let patched = timeout(
            CALL,
            api.patch(
                configuration,
                &PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() },
                &patch,
            ),
        )
        .await;
        match patched {
            Ok(Ok(found)) => {
                (self.observe)(Event::Published);
                tracing::info!(configuration = what, "the CA bundle is published");
                Ok(Some(Entries::of(&found, service, namespace)))
            }
            // Entries were renamed, moved or deleted meanwhile (422: a test failed): the watch brings them.
            Ok(Err(kube::Error::Api(status))) if matches!(status.code, 404 | 409 | 422) => Ok(None),
            Ok(Err(error)) => Err(call(&what, "patched", &error)),
            Err(_) => Err(call(&what, "patched", &"no answer in time")),
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
        let settled =
            self.shown.get(stored.authority()).is_some_and(|since| since.elapsed() >= self.settings.lives.settle);
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
        Moment { now, name: &self.name, lives: &self.settings.lives, shown }
    }
}

async fn called<T>(
    what: &str,
    done: &'static str,
    answer: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, TurnError> {
    match timeout(CALL, answer).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(call(what, done, &error)),
        Err(_) => Err(call(what, done, &"no answer in time")),
    }
}

fn call(what: &str, done: &'static str, fault: &dyn std::fmt::Display) -> TurnError {
    TurnError::Call { what: what.to_owned(), done, fault: fault.to_string() }
}
