//! Open connections: which of them makes room when there are too many.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::jitter::jitter;

/// One open connection.
pub(super) struct Connection {
    peer: IpAddr,
    opened: Instant,
    /// When a response closes it.
    retires: Instant,
    /// Milliseconds from its opening to the end of its last request.
    last: AtomicU64,
    /// Whether a request is being answered: once its body has come, or while it comes for as long as an honest one needs,
    /// unless it is a stranger's.
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
}

#[derive(Default)]
struct Open {
    all: HashMap<u64, Arc<Connection>>,
    /// How many of them come from an address.
    from: HashMap<IpAddr, usize>,
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
        let Some(connection) = open.all.remove(&self.id) else { return };
        if connection.leaving.load(Ordering::Relaxed) {
            open.leaving -= 1;
        }
        if let Entry::Occupied(mut from) = open.from.entry(connection.peer) {
            *from.get_mut() -= 1;
            if *from.get() == 0 {
                from.remove();
            }
        }
    }
}

impl Connections {
    /// Adds a connection from `peer` that retires at an age between half of `age` and all of it; [`Connections::place`]
    /// removes it.
    pub(super) fn add(&self, peer: IpAddr, age: Duration) -> (u64, Arc<Connection>) {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let opened = Instant::now();
        let connection = Arc::new(Connection {
            peer,
            opened,
            retires: opened + jitter(age),
            last: AtomicU64::new(0),
            busy: AtomicBool::new(false),
            spoken: AtomicBool::new(false),
            heard: AtomicBool::new(false),
            proven: AtomicBool::new(false),
            leaving: AtomicBool::new(false),
            evicted: Notify::new(),
        });
        let mut open = self.lock();
        open.all.insert(id, Arc::clone(&connection));
        *open.from.entry(peer).or_default() += 1;
        drop(open);
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

    /// Tells a connection to make room: first those that never carried a review, among them those of the address that has
    /// most of them open, and of these the one that has been idle for longest; never one that is being answered. Says
    /// whether there was one.
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
        let chosen = idle.min_by_key(|connection| {
            // Anyone may send a review, but nobody has many addresses.
            let together = Reverse(open.from.get(&connection.peer));
            (connection.proven.load(Ordering::Relaxed), together, connection.idle_since())
        });
        let Some(connection) = chosen.cloned() else { return false };
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
        let peer = IpAddr::from([10, 0, 0, 1]);
        let (_, proven) = connections.add(peer, age);
        proven.proven.store(true, Ordering::Relaxed);
        let (id, stranger) = connections.add(peer, age);
        stranger.last.store(60_000, Ordering::Relaxed);
        let (_, busy) = connections.add(peer, age);
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

    #[tokio::test]
    async fn who_has_most_connections_makes_room_first() {
        let connections = Connections::default();
        let age = Duration::from_secs(600);
        let (few, many) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let (_, alone) = connections.add(few, age);
        let crowd: Vec<_> = (0..3).map(|_| connections.add(many, age)).collect();
        for one in crowd.iter().map(|(_, connection)| connection).chain([&alone]) {
            one.proven.store(true, Ordering::Relaxed);
        }
        crowd[1].1.last.store(0, Ordering::Relaxed);
        for (_, one) in [&crowd[0], &crowd[2]] {
            one.last.store(60_000, Ordering::Relaxed);
        }
        assert!(connections.make_room());
        crowd[1].1.evicted.notified().await;
        for (id, _) in &crowd {
            drop(connections.place(*id));
        }
        assert!(!connections.lock().from.contains_key(&many), "none is left");
        assert!(connections.make_room());
        alone.evicted.notified().await;
    }
}
