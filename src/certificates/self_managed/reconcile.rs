//! One look at everything, and what is done about it.

use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use k8s_openapi::api::admissionregistration::v1::{MutatingWebhookConfiguration, ValidatingWebhookConfiguration};
use k8s_openapi::api::core::v1::Secret;
use serde_json::Value;
use tokio::sync::watch::Sender;
use tokio::time::Instant;

use super::objects::{self, CallError, Written};
use super::watch::{Found, Known};
use super::{Event, Keeper};
use crate::certificates::authority::{MakeError, Moment, Stored};
use crate::certificates::entries::{Configuration, Entries};
use crate::certificates::{Pair, PairError};

/// Why the certificates could not be kept.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReconcileError {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error(transparent)]
    Make(#[from] MakeError),
    #[error("what is stored cannot be served: {0}")]
    Pair(#[from] PairError),
    #[error(
        "the Secret or a caBundle is changed again as often as it is written: by another writer (cert-manager's \
         annotation, a bundle in Git), or by a replica whose clock is wrong"
    )]
    Contested,
}

impl Keeper {
    /// Looks at everything once and does what is due: store, publish, serve; in this order, for what is served must be
    /// published, and what is published must be stored.
    pub(super) async fn reconcile(&mut self, mut known: Known, tell: &Sender<Known>) -> Result<(), ReconcileError> {
        let secret = match known.secret.clone() {
            Some(Found::Secret(secret)) => Some(*secret),
            Some(Found::Nothing) => None,
            None => return Ok(()),
        };
        let found = secret.as_ref().map(objects::read).transpose();
        let malformed = found.as_ref().err().map(ToString::to_string);
        let found = found.ok().flatten();
        let wanted = self.wanted(found.as_ref())?;
        let (stored, failed) = if found.as_ref() == Some(&wanted) {
            (wanted, None)
        } else {
            match self.store(secret, &wanted, tell).await {
                Ok(true) => {
                    let instead_of = malformed.unwrap_or_default();
                    tracing::info!(secret = self.objects.names.secret, instead_of, "certificates are stored");
                    (wanted, None)
                }
                Ok(false) => return Ok(()),
                // What is stored may do for a while yet.
                Err(error) => match found.filter(|found| self.can_use(found)) {
                    Some(found) => (found, Some(error)),
                    None => return Err(error),
                },
            }
        };
        // Where that fails, what is published already may be enough to serve a certificate of the same CA.
        let published = self.publish(&mut known, &stored, tell).await;
        self.note_shown(&known, &stored);
        self.serve(&known, stored)?;
        if let Some(served) = &self.served
            && known.show(served.authority())
            && !self.guarded.swap(true, Ordering::AcqRel)
        {
            tracing::info!("every webhook entry has the CA of the served certificate");
        }
        failed.map_or(published, Err)
    }

    /// What should be stored, given what is.
    fn wanted(&self, found: Option<&Stored>) -> Result<Stored, ReconcileError> {
        let now = self.moment(None).now;
        // What is in memory fixes what was lost: no connection has to be verified by another CA for it.
        let served = self.served.as_ref().filter(|served| served.is_valid(now));
        let found = found.filter(|found| served.is_none() || found.has_valid_authority(now));
        let base = match (found, served) {
            (Some(found), Some(served)) => found.remembering(served),
            (Some(one), None) | (None, Some(one)) => one.clone(),
            (None, None) => Stored::new(self.moment(None))?,
        };
        let shown = base.next_authority().and_then(|next| self.shown.get(next)).map(Instant::elapsed);
        Ok(base.next_step(self.moment(shown))?.unwrap_or(base))
    }

    /// Whether this can be published and served although something else should be stored.
    fn can_use(&self, found: &Stored) -> bool {
        found.is_valid(self.moment(None).now) && self.served.as_ref().is_none_or(|served| found.verifies(served))
    }

    /// Puts it into the Secret; `false` when another replica was faster and its result is to be heard of.
    async fn store(
        &mut self,
        secret: Option<Secret>,
        wanted: &Stored,
        tell: &Sender<Known>,
    ) -> Result<bool, ReconcileError> {
        self.pace.spend(Instant::now());
        if let Written::Done(written) = self.objects.store(secret, wanted.data()).await? {
            (self.observe)(Event::Stored);
            tell.send_if_modified(|known| {
                known.secret = Some(Some(written).into());
                false
            });
            return Ok(true);
        }
        let found = self.objects.secret().await?;
        tell.send_modify(|known| known.secret = Some(found.into()));
        Ok(false)
    }

    /// Puts the bundle into our entries that show another.
    async fn publish(
        &mut self,
        known: &mut Known,
        stored: &Stored,
        tell: &Sender<Known>,
    ) -> Result<(), ReconcileError> {
        let bundle = stored.bundle();
        let patch = |entries: &Option<Entries>| entries.as_ref().and_then(|entries| entries.patch(&bundle));
        let (validating, mutating) = (patch(&known.validating), patch(&known.mutating));
        if validating.is_none() && mutating.is_none() {
            return Ok(());
        }
        // A replica whose watch of the Secret lags must not take a newer bundle back.
        let current = self.objects.secret().await?;
        if current.as_ref().and_then(|secret| objects::read(secret).ok()).as_ref() != Some(stored) {
            tell.send_modify(|known| known.secret = Some(current.into()));
            return Ok(());
        }
        let one = self.publish_to::<ValidatingWebhookConfiguration>(validating, &mut known.validating).await;
        let other = self.publish_to::<MutatingWebhookConfiguration>(mutating, &mut known.mutating).await;
        one.and(other)
    }

    async fn publish_to<K: Configuration>(
        &mut self,
        patch: Option<Value>,
        entries: &mut Option<Entries>,
    ) -> Result<(), ReconcileError> {
        let Some(patch) = patch else { return Ok(()) };
        self.pace.spend(Instant::now());
        if let Written::Done(published) = self.objects.publish::<K>(patch).await? {
            (self.observe)(Event::Published);
            tracing::info!(to = %K::kind(&()), "the CA bundle is published");
            *entries = Some(published);
        }
        Ok(())
    }

    /// Notes since when all entries have shown the CAs that something waits for.
    fn note_shown(&mut self, known: &Known, stored: &Stored) {
        let wanted = [Some(stored.authority()), stored.next_authority()];
        let shown: Vec<_> = wanted.into_iter().flatten().filter(|authority| known.show(authority)).collect();
        self.shown.retain(|authority, _| shown.contains(&authority.as_str()));
        for authority in shown {
            self.shown.entry(authority.to_owned()).or_insert_with(Instant::now);
        }
    }

    /// Serves what is stored, as soon as the API server can verify it.
    fn serve(&mut self, known: &Known, stored: Stored) -> Result<(), ReconcileError> {
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
                // Where it is not verified any more, there is nothing to lose.
                same || settled || !known.show(served.authority()) || !served.is_valid(self.moment(None).now)
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
