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

use super::heard::heard;
use super::index::Index as Kept;
use super::projection::Projected as Observed;
use crate::facts::{Kind, Lookup};

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
    news: Arc<AtomicU64>,
}

impl<T> Default for Store<T> {
    fn default() -> Self {
        Self {
            kept: RwLock::default(),
            synced: AtomicBool::new(false),
            broken: AtomicBool::new(false),
            news: Arc::default(),
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
            let kept = self.read();
            (kept.objects(), kept.malformed())
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

    /// Waits until it knows all that the API server knew at this version.
    pub(super) async fn reached(&self, _version: u64) {
        std::future::pending::<()>().await;
    }

    /// Follows the API server until the end of the program.
    ///
    /// A watch that fails is begun anew with a list: kube's watcher would go on without a word, and a store of a kind
    /// that seldom changes could not tell for hours whether it is current again.
    pub(super) async fn follow(&self, client: Client, following: &Following) {
        let (start, news) = (following.start, Arc::clone(&self.news));
        let client = heard(client, following.silence, move || news.store(millis(start.elapsed()), Ordering::Relaxed));
        let api: Api<Observed<T>> = Api::all_with(client, &PhantomData);
        let config = watcher::Config::default().timeout(WATCH_SECONDS).page_size(PAGE);
        let jitter = RandomState::new();
        let mut tries = 0_u32;
        loop {
            let begun = Instant::now();
            let mut events = watcher(api.clone(), config.clone()).boxed();
            let mut first_list = Kept::default();
            while let Some(event) = events.next().await {
                match event {
                    Ok(event) => {
                        // The watcher says `Init` before it asks: nothing has been heard by then.
                        let heard = !matches!(event, watcher::Event::Init | watcher::Event::InitApply(_));
                        if self.apply(event, &mut first_list) {
                            following.changed.notify_waiters();
                        }
                        // Only now: nobody may take what was known before for current.
                        if heard {
                            self.goes_on(following);
                        }
                    }
                    Err(error) => {
                        self.fails(&error, following);
                        break;
                    }
                }
            }
            // A list that succeeds before a watch that fails at once must not be asked for again and again.
            if begun.elapsed() > LAST_WAIT {
                tries = 0;
            }
            // Half a second at first, half a minute at most, and no two replicas at the same moment.
            let wait = FIRST_WAIT.saturating_mul(1 << tries.min(6)).min(LAST_WAIT);
            let share = f64::from(u16::try_from(jitter.hash_one(tries) & 0xffff).unwrap_or(0)) / 65_536.0;
            tokio::time::sleep(wait.mul_f64(0.5 + share / 2.0)).await;
            tries = tries.saturating_add(1);
        }
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
    fn fails(&self, error: &watcher::Error, following: &Following) {
        let first = !self.broken.swap(true, Ordering::AcqRel);
        let cause = cause(error);
        if is_away(error) {
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
fn noted<T: Kind>(observed: Observed<T>) -> Observed<T> {
    if observed.projection.is_none() {
        let (namespace, name) = observed.key();
        tracing::warn!(store = T::RESOURCE.plural, %namespace, %name, "an object could not be read and is left out");
    }
    observed
}

/// Whether there was no answer at all, or it broke off.
fn is_away(error: &watcher::Error) -> bool {
    use kube::Error::{HyperError, ReadEvents, Service};
    let (watcher::Error::InitialListFailed(error)
    | watcher::Error::WatchStartFailed(error)
    | watcher::Error::WatchFailed(error)) = error
    else {
        return false;
    };
    matches!(error, HyperError(_) | ReadEvents(_) | Service(_))
}

/// What lies at the bottom of an error: `connection refused`. What could not be read is not told: it may be anything.
fn cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    match error.downcast_ref::<serde_json::Error>() {
        Some(error) => format!("the answer cannot be read, at its line {} column {}", error.line(), error.column()),
        None => error.to_string(),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
