//! One kind of object, kept current by a watch.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use kube::{Api, Client};
use tokio::sync::{Notify, watch};

use super::index::Index;
use super::projection::Projected;
use crate::facts::{Kind, Lookup};
use crate::watch::{News, Watch, WatchError};

/// How many objects a page of the first list holds.
const PAGE: u32 = 100;

/// One kind of object, by namespace and name.
pub(super) struct Store<T> {
    index: RwLock<Index<T>>,
    synced: AtomicBool,
    /// Whether the watch has failed and brought nothing since.
    broken: AtomicBool,
    /// Milliseconds between the stores' start and the last news.
    news: AtomicU64,
    /// All that the API server knew at this version is known here.
    version: watch::Sender<u64>,
    /// Told when somebody waits for a version.
    awaited: Notify,
}

impl<T> Default for Store<T> {
    fn default() -> Self {
        Self {
            index: RwLock::default(),
            synced: AtomicBool::new(false),
            broken: AtomicBool::new(false),
            news: AtomicU64::default(),
            version: watch::Sender::default(),
            awaited: Notify::new(),
        }
    }
}

/// What all stores share.
pub(super) struct Following {
    /// When the stores were made.
    pub(super) start: Instant,
    /// Told when a first list is complete.
    pub(super) changed: Notify,
    /// Whether the API server could not be reached and nothing has come since.
    pub(super) away: AtomicBool,
    /// How long the API server may say nothing about a kind.
    pub(super) silence: Duration,
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

impl<T: Kind> Store<T> {
    /// The object of this name.
    pub(super) fn get(&self, namespace: &str, name: &str) -> Lookup<Arc<T>> {
        self.read().get(namespace, name)
    }

    /// Shows all objects of a namespace with their names.
    pub(super) fn each(&self, namespace: &str, mut show: impl FnMut(&str, &Arc<T>)) {
        self.read().each(namespace, &mut show);
    }

    fn read(&self) -> RwLockReadGuard<'_, Index<T>> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Index<T>> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether its first list is complete.
    pub(super) fn is_synced(&self) -> bool {
        self.synced.load(Ordering::Acquire)
    }

    /// Whether the watch has failed and brought nothing since: what it holds may be old.
    pub(super) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }

    /// Whether every object could be read.
    pub(super) fn is_readable(&self) -> bool {
        self.read().malformed() == 0
    }

    /// How many objects it holds.
    pub(super) fn objects(&self) -> u64 {
        self.read().objects()
    }

    /// What metrics say of it; `start` is when the stores were made.
    pub(super) fn state(&self, start: Instant) -> StoreState {
        let news = Duration::from_millis(self.news.load(Ordering::Relaxed));
        let (objects, malformed) = {
            let index = self.read();
            (index.objects(), index.malformed())
        };
        StoreState {
            name: T::RESOURCE.plural,
            synced: self.is_synced(),
            broken: self.is_broken(),
            objects,
            malformed,
            age: start.elapsed().saturating_sub(news),
        }
    }

    /// Waits until it knows all that the API server knew at this version: the watch is asked for a bookmark.
    pub(super) async fn reached(&self, version: u64) {
        let mut reached = self.version.subscribe();
        if *reached.borrow_and_update() < version {
            self.awaited.notify_one();
            // It is never dropped while the store is there.
            let _ = reached.wait_for(|reached| *reached >= version).await;
        }
    }

    /// Follows the API server until the end of the program.
    pub(super) async fn follow(&self, client: Client, following: &Following) {
        let api: Api<Projected<T>> = Api::all_with(client, &PhantomData);
        let watch = Watch::new(api, following.silence).paged(PAGE);
        let mut list = Index::default();
        let tell = |news| {
            if let News::Failed(error) = &news {
                self.fails(error, following);
            } else {
                self.news.store(millis(following.start.elapsed()), Ordering::Relaxed);
            }
            self.apply(news, &mut list, following);
        };
        watch.follow(&self.awaited, tell).await;
    }

    /// Notes that the watch has brought something.
    fn goes_on(&self, following: &Following) {
        if !self.broken.swap(false, Ordering::AcqRel) {
            return;
        }
        if following.away.swap(false, Ordering::AcqRel) {
            tracing::info!("the API server is reached again");
        } else {
            tracing::info!(store = T::RESOURCE.plural, "the watch goes on");
        }
    }

    /// Notes that the watch has failed. One line until it goes on, and one for all stores where it is the API server
    /// that cannot be reached: an outage must not fill the log.
    fn fails(&self, error: &WatchError, following: &Following) {
        let first = !self.broken.swap(true, Ordering::AcqRel);
        let cause = error.cause();
        if error.is_away() {
            if !following.away.swap(true, Ordering::AcqRel) {
                tracing::warn!(
                    cause,
                    "the API server cannot be reached; stores stay as they are and it is tried again"
                );
            }
        } else if first {
            tracing::warn!(store = T::RESOURCE.plural, cause, "the watch failed and is tried again");
        }
    }

    /// Applies what the watch tells; `list` is the list that is under way.
    fn apply(&self, news: News<Projected<T>>, list: &mut Index<T>, following: &Following) {
        match news {
            News::Listed(projected) => list.put(noted(projected)),
            News::Complete => {
                let mut list = std::mem::take(list);
                list.shrink();
                *self.write() = list;
                if !self.synced.swap(true, Ordering::AcqRel) {
                    following.changed.notify_waiters();
                }
                // Only now: nobody may take what was known before for current.
                self.goes_on(following);
            }
            News::Changed(projected) => self.write().put(noted(projected)),
            News::Deleted(projected) => {
                let (namespace, name) = projected.key();
                self.write().remove(namespace, name);
            }
            News::Reached(version) => {
                self.version.send_replace(version);
            }
            News::Failed(_) => *list = Index::default(),
        }
    }
}

/// Logs an object that could not be read.
fn noted<T: Kind>(projected: Projected<T>) -> Projected<T> {
    if projected.projection.is_none() {
        let (namespace, name) = projected.key();
        tracing::warn!(store = T::RESOURCE.plural, %namespace, %name, "an object could not be read and is left out");
    }
    projected
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
