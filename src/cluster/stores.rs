//! All stores together: what can be answered without asking the API server.

use std::sync::Arc;
use std::time::Instant;

use futures::future::join_all;
use kube::Client;
use tokio::sync::Notify;

use super::projections::{Class, Reservation, Terminating};
use super::store::{Store, StoreState};
use crate::evaluation::{Answer, Facts, Lookup, Question, ServiceFacts, SetFacts, Source, StorageClassFacts};

/// All stores.
pub struct Stores {
    start: Instant,
    services: Store<ServiceFacts>,
    sets: Store<SetFacts>,
    volumes: Store<Reservation>,
    classes: Store<Class>,
    namespaces: Store<Terminating>,
    changed: Notify,
}

impl Stores {
    /// Stores that know nothing yet.
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            start: Instant::now(),
            services: Store::default(),
            sets: Store::default(),
            volumes: Store::default(),
            classes: Store::default(),
            namespaces: Store::default(),
            changed: Notify::new(),
        })
    }

    /// Follows the API server until the future is dropped.
    pub async fn follow(self: Arc<Self>, client: Client) {
        let (start, changed) = (self.start, &self.changed);
        let follow: [futures::future::BoxFuture<'_, ()>; 5] = [
            Box::pin(self.services.follow(client.clone(), start, changed)),
            Box::pin(self.sets.follow(client.clone(), start, changed)),
            Box::pin(self.volumes.follow(client.clone(), start, changed)),
            Box::pin(self.classes.follow(client.clone(), start, changed)),
            Box::pin(self.namespaces.follow(client, start, changed)),
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
            let changed = self.changed.notified();
            if self.synced() {
                return;
            }
            changed.await;
        }
    }

    /// What metrics say of each store.
    pub fn states(&self) -> [StoreState; 5] {
        [
            self.services.state(self.start),
            self.sets.state(self.start),
            self.volumes.state(self.start),
            self.classes.state(self.start),
            self.namespaces.state(self.start),
        ]
    }

    fn class(&self, name: Option<&str>) -> Lookup<Arc<StorageClassFacts>> {
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
        let answer = match question {
            Question::Service { namespace, name } if self.services.is_synced() => {
                Answer::Service(self.services.get(namespace, name).map_or(Lookup::Absent, Lookup::Found))
            }
            Question::GovernedSets { namespace, service } if self.sets.is_synced() => {
                Answer::GovernedSets(Lookup::Found(self.sets.select(namespace, |set| *set.service_name == **service)))
            }
            Question::ReservedVolumes { namespace, set, template } if self.volumes.is_synced() => {
                let reserved = self
                    .volumes
                    .select("", |volume| *volume.namespace == **namespace && is_claim_of(&volume.claim, set, template));
                let mut names: Vec<_> = reserved.iter().map(|volume| volume.claim.to_string()).collect();
                names.sort();
                Answer::Names(Lookup::Found(names))
            }
            Question::StorageClass { name } if self.classes.is_synced() => {
                Answer::StorageClass(self.class(name.as_deref()))
            }
            Question::NamespaceTerminating { name } if self.namespaces.is_synced() => Answer::Terminating(
                self.namespaces.get("", name).map_or(Lookup::Unknown, |found| Lookup::Found(found.0)),
            ),
            // There are no rights on ConfigMaps, on purpose: nobody else could answer either.
            Question::ConfigMap { .. } => return Some((Answer::ConfigMap(Lookup::Unknown), Source::Final)),
            _ => return None,
        };
        Some((answer, Source::Store))
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
