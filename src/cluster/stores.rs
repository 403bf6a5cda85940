//! Stores: small projections of what the API server holds, kept current by watches.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use futures::future::join_all;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client};
use tokio::sync::Notify;

use super::observed::{Observed, Projection};
use super::projections::{Class, Reservation, Terminating};
use crate::evaluation::{Answer, Facts, Lookup, Question, ServiceFacts, SetFacts, Source};

/// The server ends each watch after this, so that a connection that went silent is noticed.
const WATCH_SECONDS: u32 = 60;
/// How many objects a page of the first list holds.
const PAGE: u32 = 100;

type Kept<T> = HashMap<Box<str>, HashMap<Box<str>, Arc<T>>>;

/// One kind of object, by namespace and name.
struct Store<T> {
    kept: RwLock<Kept<T>>,
    synced: AtomicBool,
    objects: AtomicU64,
    malformed: AtomicU64,
    /// Milliseconds between the stores' start and the last news.
    news: AtomicU64,
}

impl<T> Default for Store<T> {
    fn default() -> Self {
        Self {
            kept: RwLock::default(),
            synced: AtomicBool::new(false),
            objects: AtomicU64::new(0),
            malformed: AtomicU64::new(0),
            news: AtomicU64::new(0),
        }
    }
}

/// What metrics say of a store.
#[derive(Debug, Clone, Copy)]
pub struct StoreState {
    /// The resource.
    pub name: &'static str,
    /// Whether its first list is complete.
    pub synced: bool,
    /// How many objects it holds.
    pub objects: u64,
    /// How many objects could not be read.
    pub malformed: u64,
    /// How long ago the API server last said something about this kind.
    pub age: Duration,
}

impl<T: Projection> Store<T> {
    fn get(&self, namespace: &str, name: &str) -> Option<Arc<T>> {
        self.kept.read().unwrap_or_else(PoisonError::into_inner).get(namespace)?.get(name).cloned()
    }

    /// All objects of a namespace for which `wanted` says yes.
    fn select(&self, namespace: &str, wanted: impl Fn(&T) -> bool) -> Vec<Arc<T>> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        let mut selected: Vec<_> = kept.get(namespace).into_iter().flat_map(HashMap::values).cloned().collect();
        selected.retain(|object| wanted(object));
        selected
    }

    fn is_synced(&self) -> bool {
        self.synced.load(Ordering::Acquire)
    }

    fn state(&self, start: Instant) -> StoreState {
        let news = Duration::from_millis(self.news.load(Ordering::Relaxed));
        StoreState {
            name: T::PLURAL,
            synced: self.is_synced(),
            objects: self.objects.load(Ordering::Relaxed),
            malformed: self.malformed.load(Ordering::Relaxed),
            age: start.elapsed().saturating_sub(news),
        }
    }

    /// Follows the API server until the end of the program.
    async fn follow(&self, client: Client, start: Instant, changed: &Notify) {
        let api: Api<Observed<T>> = Api::all_with(client, &PhantomData);
        let config = watcher::Config::default().timeout(WATCH_SECONDS).page_size(PAGE);
        let mut events = watcher(api, config).default_backoff().boxed();
        let mut first_list: Kept<T> = HashMap::new();
        let mut failing = false;
        while let Some(event) = events.next().await {
            match event {
                Ok(event) => {
                    if std::mem::take(&mut failing) {
                        tracing::info!(store = T::PLURAL, "the watch goes on");
                    }
                    self.news.store(millis(start.elapsed()), Ordering::Relaxed);
                    if self.apply(event, &mut first_list) {
                        changed.notify_waiters();
                    }
                }
                Err(error) => {
                    // Once until it goes on: an API server that is away for long must not fill the log.
                    if !std::mem::replace(&mut failing, true) {
                        tracing::warn!(store = T::PLURAL, %error, "the watch failed and is tried again");
                    }
                }
            }
        }
    }

    /// Applies one event; says whether the first list has just become complete.
    fn apply(&self, event: watcher::Event<Observed<T>>, first_list: &mut Kept<T>) -> bool {
        match event {
            watcher::Event::Init => first_list.clear(),
            watcher::Event::InitApply(observed) => self.put(first_list, observed),
            watcher::Event::InitDone => {
                let mut list = std::mem::take(first_list);
                list.shrink_to_fit();
                self.objects.store(list.values().map(|of| of.len() as u64).sum(), Ordering::Relaxed);
                *self.kept.write().unwrap_or_else(PoisonError::into_inner) = list;
                return !self.synced.swap(true, Ordering::AcqRel);
            }
            watcher::Event::Apply(observed) => {
                let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
                self.put(&mut kept, observed);
                self.objects.store(kept.values().map(|of| of.len() as u64).sum(), Ordering::Relaxed);
            }
            watcher::Event::Delete(observed) => {
                let (namespace, name) = observed.key();
                let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
                if let Some(objects) = kept.get_mut(namespace) {
                    objects.remove(name);
                    if objects.is_empty() {
                        kept.remove(namespace);
                    }
                }
                self.objects.store(kept.values().map(|of| of.len() as u64).sum(), Ordering::Relaxed);
            }
        }
        false
    }

    fn put(&self, kept: &mut Kept<T>, observed: Observed<T>) {
        let (namespace, name) = observed.key();
        let (namespace, name): (Box<str>, Box<str>) = (namespace.into(), name.into());
        match observed.kept {
            Some(object) => {
                kept.entry(namespace).or_default().insert(name, Arc::new(object));
            }
            None => {
                // What cannot be read is unknown: it must not be remembered as it was before either.
                self.malformed.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(store = T::PLURAL, %namespace, %name, "an object could not be read and is left out");
                kept.entry(namespace).or_default().remove(&name);
            }
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

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
