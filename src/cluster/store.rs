//! One kind of object, kept current by a watch.

use std::hash::{BuildHasher as _, RandomState};
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use kube::runtime::watcher;
use kube::{Api, Client};
use tokio::sync::Notify;

use super::kept::Kept;
use super::observed::{Observed, Projection};
use crate::evaluation::Lookup;

/// The server ends each watch after this, so that a connection that went silent is noticed.
const WATCH_SECONDS: u32 = 60;
/// How long to wait before a failed watch is begun anew, at first and at most.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LAST_WAIT: Duration = Duration::from_secs(30);
/// How many objects a page of the first list holds.
const PAGE: u32 = 100;

/// One kind of object, by namespace and name.
pub(super) struct Store<T> {
    kept: RwLock<Kept<T>>,
    synced: AtomicBool,
    /// Whether the watch has failed and brought nothing since.
    broken: AtomicBool,
    /// Milliseconds between the stores' start and the last news.
    news: AtomicU64,
}

impl<T> Default for Store<T> {
    fn default() -> Self {
        Self {
            kept: RwLock::default(),
            synced: AtomicBool::new(false),
            broken: AtomicBool::new(false),
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
    /// Whether its watch has failed and brought nothing since.
    pub broken: bool,
    /// How many objects it holds.
    pub objects: u64,
    /// How many objects could not be read.
    pub malformed: u64,
    /// How long ago the API server last said something about this kind.
    pub age: Duration,
}

impl<T: Projection> Store<T> {
    /// The object of this name.
    pub(super) fn get(&self, namespace: &str, name: &str) -> Lookup<Arc<T>> {
        self.read().get(namespace, name)
    }

    /// All objects of a namespace for which `wanted` says yes.
    pub(super) fn select(&self, namespace: &str, wanted: impl Fn(&T) -> bool) -> Vec<Arc<T>> {
        self.read().all(namespace).filter(|object| wanted(object)).cloned().collect()
    }

    fn read(&self) -> RwLockReadGuard<'_, Kept<T>> {
        self.kept.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Kept<T>> {
        self.kept.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether its first list is complete.
    pub(super) fn is_synced(&self) -> bool {
        self.synced.load(Ordering::Acquire)
    }

    /// Whether the watch has failed and brought nothing since: what it holds may be old.
    pub(super) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }

    /// Whether all that is asked of it can be answered: current, and every object readable.
    pub(super) fn is_whole(&self) -> bool {
        self.is_synced() && !self.is_broken() && self.read().malformed() == 0
    }

    /// What metrics say of it; `start` is when the stores were made.
    pub(super) fn state(&self, start: Instant) -> StoreState {
        let news = Duration::from_millis(self.news.load(Ordering::Relaxed));
        let (objects, malformed) = {
            let kept = self.read();
            (kept.objects(), kept.malformed())
        };
        StoreState {
            name: T::PLURAL,
            synced: self.is_synced(),
            broken: self.is_broken(),
            objects,
            malformed,
            age: start.elapsed().saturating_sub(news),
        }
    }

    /// Follows the API server until the end of the program.
    ///
    /// A watch that fails is begun anew with a list: kube's watcher would go on without a word, and a store of a kind
    /// that seldom changes could not tell for hours whether it is current again.
    pub(super) async fn follow(&self, client: Client, start: Instant, changed: &Notify) {
        let api: Api<Observed<T>> = Api::all_with(client, &PhantomData);
        let config = watcher::Config::default().timeout(WATCH_SECONDS).page_size(PAGE);
        let jitter = RandomState::new();
        let mut tries = 0_u32;
        loop {
            let mut events = watcher(api.clone(), config.clone()).boxed();
            let mut first_list = Kept::default();
            while let Some(event) = events.next().await {
                match event {
                    Ok(event) => {
                        // The watcher says `Init` before it asks: nothing has been heard by then.
                        if !matches!(event, watcher::Event::Init | watcher::Event::InitApply(_)) {
                            tries = 0;
                            if self.broken.swap(false, Ordering::AcqRel) {
                                tracing::info!(store = T::PLURAL, "the watch goes on");
                            }
                        }
                        if !matches!(event, watcher::Event::Init) {
                            self.news.store(millis(start.elapsed()), Ordering::Relaxed);
                        }
                        if self.apply(event, &mut first_list) {
                            changed.notify_waiters();
                        }
                    }
                    Err(error) => {
                        // Once until it goes on: an API server that is away for long must not fill the log.
                        if !self.broken.swap(true, Ordering::AcqRel) {
                            tracing::warn!(store = T::PLURAL, %error, "the watch failed and is tried again");
                        }
                        break;
                    }
                }
            }
            // Half a second at first, half a minute at most, and no two replicas at the same moment.
            let wait = FIRST_WAIT.saturating_mul(1 << tries.min(6)).min(LAST_WAIT);
            let share = f64::from(u16::try_from(jitter.hash_one(tries) & 0xffff).unwrap_or(0)) / 65_536.0;
            tokio::time::sleep(wait.mul_f64(0.5 + share / 2.0)).await;
            tries = tries.saturating_add(1);
        }
    }

    /// Applies one event; says whether the first list has just become complete.
    fn apply(&self, event: watcher::Event<Observed<T>>, first_list: &mut Kept<T>) -> bool {
        match event {
            watcher::Event::Init => *first_list = Kept::default(),
            watcher::Event::InitApply(observed) => first_list.put(noted(observed)),
            watcher::Event::InitDone => {
                let mut list = std::mem::take(first_list);
                list.shrink();
                *self.write() = list;
                return !self.synced.swap(true, Ordering::AcqRel);
            }
            watcher::Event::Apply(observed) => self.write().put(noted(observed)),
            watcher::Event::Delete(observed) => {
                let (namespace, name) = observed.key();
                self.write().remove(namespace, name);
            }
        }
        false
    }
}

/// Logs an object that could not be read.
fn noted<T: Projection>(observed: Observed<T>) -> Observed<T> {
    if observed.kept.is_none() {
        let (namespace, name) = observed.key();
        tracing::warn!(store = T::PLURAL, %namespace, %name, "an object could not be read and is left out");
    }
    observed
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
