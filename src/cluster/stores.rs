//! Stores: small projections of what the API server holds, kept current by watches.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use futures::future::join_all;
use kube::Client;
use tokio::sync::Notify;

use super::projections::{Class, Reservation, Terminating};
use super::store::{Following, Store, StoreState};
use crate::evaluation::{Answer, Facts, Lookup, Question, ServiceFacts, SetFacts, Source};

/// How long the API server may say nothing about a kind: it ends each watch after 60 s, and answers lists in less.
pub const SILENCE: Duration = Duration::from_secs(64);

/// All stores.
pub struct Stores {
    following: Following,
    services: Store<ServiceFacts>,
    sets: Store<SetFacts>,
    volumes: Store<Reservation>,
    classes: Store<Class>,
    namespaces: Store<Terminating>,
}

impl Stores {
    /// Stores that know nothing yet; a watch that brings nothing at all for `silence` is begun anew.
    pub fn new(silence: Duration) -> Arc<Self> {
        let (start, changed, away) = (Instant::now(), Notify::new(), AtomicBool::new(false));
        Arc::new(Self {
            following: Following { start, changed, away, silence },
            services: Store::default(),
            sets: Store::default(),
            volumes: Store::default(),
            classes: Store::default(),
            namespaces: Store::default(),
        })
    }

    /// Follows the API server until the future is dropped.
    pub async fn follow(self: Arc<Self>, client: Client) {
        let following = &self.following;
        let follow: [futures::future::BoxFuture<'_, ()>; 5] = [
            Box::pin(self.services.follow(client.clone(), following)),
            Box::pin(self.sets.follow(client.clone(), following)),
            Box::pin(self.volumes.follow(client.clone(), following)),
            Box::pin(self.classes.follow(client.clone(), following)),
            Box::pin(self.namespaces.follow(client, following)),
        ];
        join_all(follow).await;
    }

    /// Whether every store has completed its first list.
    pub fn synced(&self) -> bool {
        self.states().iter().all(|state| state.synced)
    }

    /// Waits until every store has completed its first list.
    pub async fn until_synced(&self) {
        loop {
            let changed = self.following.changed.notified();
            if self.synced() {
                return;
            }
            changed.await;
        }
    }

    /// What metrics say of each store.
    pub fn states(&self) -> [StoreState; 5] {
        [
            self.services.state(self.following.start),
            self.sets.state(self.following.start),
            self.volumes.state(self.following.start),
            self.classes.state(self.following.start),
            self.namespaces.state(self.following.start),
        ]
    }

    fn class(&self, name: Option<&str>) -> Lookup<Arc<crate::evaluation::StorageClassFacts>> {
        let found = self.classes.select("", |class| match name {
            Some(name) => class.facts.name == name,
            None => class.is_default,
        });
        match found.as_slice() {
            [] => Lookup::Absent,
            [class] => Lookup::Found(Arc::new(class.facts.clone())),
            // Several defaults: the newest would win, which is not kept here, so it is not known.
            _ => Lookup::Unknown,
        }
    }
}

impl Facts for Stores {
    fn answer(&self, question: &Question) -> Option<(Answer, Source)> {
        // Asked first: what was taken while it was broken must not count as current a moment later.
        let broken = match question {
            Question::Service { .. } => self.services.is_broken(),
            Question::GovernedSets { .. } => !self.sets.is_whole(),
            Question::NamespaceTerminating { .. } => self.namespaces.is_broken(),
            _ => false,
        };
        let answer = match question {
            Question::Service { namespace, name } if self.services.is_synced() => {
                Answer::Service(self.services.get(namespace, name))
            }
            Question::GovernedSets { namespace, service } if self.sets.is_synced() => {
                Answer::GovernedSets(Lookup::Found(self.sets.select(namespace, |set| *set.service_name == **service)))
            }
            Question::ReservedVolumes { namespace, set, template } if self.volumes.is_whole() => {
                let reserved = self
                    .volumes
                    .select("", |volume| *volume.namespace == **namespace && is_claim_of(&volume.claim, set, template));
                let mut names: Vec<_> = reserved.iter().map(|volume| volume.claim.to_string()).collect();
                names.sort();
                Answer::Names(Lookup::Found(names))
            }
            Question::FreeVolumes { class } if self.volumes.is_whole() => {
                let free = self.volumes.select("", |volume| volume.claim.is_empty() && *volume.class == **class);
                Answer::Holds(Lookup::Found(!free.is_empty()))
            }
            Question::StorageClass { name } if self.classes.is_whole() => {
                Answer::StorageClass(self.class(name.as_deref()))
            }
            Question::NamespaceTerminating { name } if self.namespaces.is_synced() => {
                Answer::Holds(match self.namespaces.get("", name) {
                    Lookup::Found(found) => Lookup::Found(found.0),
                    Lookup::Absent | Lookup::Unknown => Lookup::Unknown,
                })
            }
            // There are no rights on ConfigMaps, on purpose: nobody else could answer either.
            Question::ConfigMap { .. } => return Some((Answer::ConfigMap(Lookup::Unknown), Source::Final)),
            _ => return None,
        };
        Some((answer, if broken { Source::Stale } else { Source::Store }))
    }
}

/// Whether a claim has the name that a StatefulSet gives: `<template>-<set>-<ordinal>`.
pub(super) fn is_claim_of(claim: &str, set: &str, template: &str) -> bool {
    let ordinal = claim
        .strip_prefix(template)
        .and_then(|rest| rest.strip_prefix('-'))
        .and_then(|rest| rest.strip_prefix(set))
        .and_then(|rest| rest.strip_prefix('-'));
    ordinal.is_some_and(|ordinal| !ordinal.is_empty() && ordinal.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::is_claim_of;

    #[test]
    fn knows_a_sets_claims_by_their_names() {
        assert!(is_claim_of("data-pg-0", "pg", "data") && is_claim_of("data-pg-12", "pg", "data"));
        for other in ["data-pg-", "data-pg-x", "data-pgx-0", "data-pg-0-0", "log-pg-0", "data-pg"] {
            assert!(!is_claim_of(other, "pg", "data"), "{other}");
        }
    }
}
