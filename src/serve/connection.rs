//! Open connections: which of them makes room when there are too many.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// One open connection.
pub(super) struct Connection {
    opened: Instant,
    /// When a response closes it.
    retires: Instant,
    /// Milliseconds from its opening to the end of its last request.
    last: AtomicU64,
    /// Whether a request is being answered; of a stranger, only once its body has come.
    pub(super) busy: AtomicBool,
    /// Whether a byte has come since the handshake.
    pub(super) spoken: AtomicBool,
    /// Whether a request's header has come.
    pub(super) heard: AtomicBool,
    /// Whether it has carried a review: strangers make room first.
    pub(super) proven: AtomicBool,
    /// Whether it has been told to make room.
    leaving: AtomicBool,
    /// Tells it to make room.
    pub(super) evicted: Notify,
}

impl Connection {
    /// Notes that a request has been answered.
    pub(super) fn rested(&self) {
        let since = self.opened.elapsed().as_millis();
        self.last.store(u64::try_from(since).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.busy.store(false, Ordering::Release);
    }

    /// Whether it is old enough for a response to close it.
    pub(super) fn is_old(&self) -> bool {
        Instant::now() >= self.retires
    }

    fn idle_since(&self) -> Instant {
        self.opened + Duration::from_millis(self.last.load(Ordering::Relaxed))
    }
}

/// All open connections.
#[derive(Default)]
pub(super) struct Connections {
    open: Mutex<Open>,
    next: AtomicU64,
    jitter: RandomState,
}

#[derive(Default)]
struct Open {
    all: HashMap<u64, Arc<Connection>>,
    /// How many of them have been told to make room: they may still have a request to answer.
    leaving: usize,
}

/// A connection's place among the open ones, given back when it is dropped.
pub(super) struct Place<'a> {
    connections: &'a Connections,
    id: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut open = self.connections.lock();
        if open.all.remove(&self.id).is_some_and(|connection| connection.leaving.load(Ordering::Relaxed)) {
            open.leaving -= 1;
        }
    }
}

impl Connections {
    /// Adds a connection that retires at an age between half of `age` and all of it; [`Connections::place`] removes it.
    pub(super) fn add(&self, age: Duration) -> (u64, Arc<Connection>) {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let share = f64::from(u16::try_from(self.jitter.hash_one(id) & 0xffff).unwrap_or(0)) / 65_536.0;
        let opened = Instant::now();
        let connection = Arc::new(Connection {
            opened,
            retires: opened + age.mul_f64(0.5 + share / 2.0),
            last: AtomicU64::new(0),
            busy: AtomicBool::new(false),
            spoken: AtomicBool::new(false),
            heard: AtomicBool::new(false),
            proven: AtomicBool::new(false),
            leaving: AtomicBool::new(false),
            evicted: Notify::new(),
        });
        self.lock().all.insert(id, Arc::clone(&connection));
        (id, connection)
    }

    /// The place of the connection that was added as `id`.
    pub(super) fn place(&self, id: u64) -> Place<'_> {
        Place { connections: self, id }
    }

    /// How many are open.
    pub(super) fn count(&self) -> usize {
        self.lock().all.len()
    }

    /// How many are open and have not been told to make room.
    pub(super) fn staying(&self) -> usize {
        let open = self.lock();
        open.all.len() - open.leaving
    }

    /// Tells the connection that has been idle for longest to make room: first those that never carried a review, never
    /// one that is being answered. Says whether there was one.
    pub(super) fn make_room(&self) -> bool {
        self.make_room_by(|_| true)
    }

    /// The same, but spares all that carried a review: somebody else may hold what is short.
    pub(super) fn send_a_stranger_away(&self) -> bool {
        self.make_room_by(|connection| !connection.proven.load(Ordering::Relaxed))
    }

    fn make_room_by(&self, eligible: impl Fn(&Connection) -> bool) -> bool {
        let mut open = self.lock();
        let may_leave = |connection: &&Arc<Connection>| {
            !connection.busy.load(Ordering::Acquire) && !connection.leaving.load(Ordering::Relaxed)
        };
        let idle = open.all.values().filter(may_leave).filter(|connection| eligible(connection));
        let longest =
            idle.min_by_key(|connection| (connection.proven.load(Ordering::Relaxed), connection.idle_since()));
        let Some(connection) = longest else { return false };
        connection.leaving.store(true, Ordering::Relaxed);
        connection.evicted.notify_one();
        open.leaving += 1;
        true
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn strangers_make_room_before_those_who_sent_reviews() {
        let connections = Connections::default();
        let age = Duration::from_secs(600);
        let (_, proven) = connections.add(age);
        proven.proven.store(true, Ordering::Relaxed);
        let (id, stranger) = connections.add(age);
        stranger.last.store(60_000, Ordering::Relaxed);
        let (_, busy) = connections.add(age);
        busy.busy.store(true, Ordering::Relaxed);
        assert!(connections.make_room());
        stranger.evicted.notified().await;
        assert!(!connections.send_a_stranger_away(), "it has been told already");
        assert!(connections.make_room());
        proven.evicted.notified().await;
        assert!(!connections.make_room(), "the busy one stays");
        assert_eq!((connections.count(), connections.staying()), (3, 1));
        drop(connections.place(id));
        assert_eq!((connections.count(), connections.staying()), (2, 1));
    }
}
