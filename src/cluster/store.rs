//! One store: projections of one kind of object, by namespace and name, kept current by a watch.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client};
use tokio::sync::Notify;

use super::observed::{Observed, Projection};

/// The server ends each watch after this, so that a connection that went silent is noticed.
const WATCH_SECONDS: u32 = 60;
/// How many objects a page of the first list holds.
const PAGE: u32 = 500;

type Kept<T> = HashMap<Box<str>, HashMap<Box<str>, Arc<T>>>;

/// One kind of object, by namespace and name.
pub(super) struct Store<T> {
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
    /// The object of this name.
    pub(super) fn get(&self, namespace: &str, name: &str) -> Option<Arc<T>> {
        self.kept.read().unwrap_or_else(PoisonError::into_inner).get(namespace)?.get(name).cloned()
    }

    /// All objects of a namespace for which `wanted` says yes.
    pub(super) fn select(&self, namespace: &str, wanted: impl Fn(&T) -> bool) -> Vec<Arc<T>> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        let mut selected: Vec<_> = kept.get(namespace).into_iter().flat_map(HashMap::values).cloned().collect();
        selected.retain(|object| wanted(object));
        selected
    }

    /// Whether the first list is complete.
    pub(super) fn is_synced(&self) -> bool {
        self.synced.load(Ordering::Acquire)
    }

    /// What metrics say of it.
    pub(super) fn state(&self, start: Instant) -> StoreState {
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
    pub(super) async fn follow(&self, client: Client, start: Instant, changed: &Notify) {
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
