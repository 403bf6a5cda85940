//! Open connections: which of them makes room when there are too many.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use crate::jitter::jitter;

/// One open connection.
pub(super) struct Connection {
    /// Where it comes from.
    pub(super) peer: IpAddr,
    opened: Instant,
    /// When a response closes it.
    retires: Instant,
    /// Milliseconds from its opening to the end of its last request.
    last: AtomicU64,
    /// Whether a request is being answered, so that the connection does not make room: from the moment at which its body
    /// has come. Where the connection has carried a review before, also while the body comes, for as long as an honest
    /// one needs.
    pub(super) busy: AtomicBool,
    /// Whether a byte has come since the handshake.
    pub(super) first_byte: AtomicBool,
    /// Whether a request's header has come.
    pub(super) header: AtomicBool,
    /// Whether it has carried a review: strangers, which have not, make room first.
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

/// All open connections of a port, and the tasks that serve them.
pub(super) struct Connections {
    /// How many may be open.
    most: usize,
    /// How old one gets at the most.
    age: Duration,
    open: Mutex<Open>,
    next: AtomicU64,
    tasks: TaskTracker,
}

#[derive(Default)]
struct Open {
    all: HashMap<u64, Arc<Connection>>,
    /// How many of them come from an address.
    from: HashMap<IpAddr, usize>,
    /// How many of them have been told to make room: they may still have a request to answer.
    leaving: usize,
}

/// A connection that counts as open until this is dropped.
pub(super) struct OpenConnection {
    connections: Arc<Connections>,
    id: u64,
    connection: Arc<Connection>,
}

impl Deref for OpenConnection {
    type Target = Arc<Connection>;

    fn deref(&self) -> &Arc<Connection> {
        &self.connection
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        let mut open = self.connections.lock();
        open.all.remove(&self.id);
        if self.leaving.load(Ordering::Relaxed) {
            open.leaving -= 1;
        }
        if let Entry::Occupied(mut from) = open.from.entry(self.peer) {
            *from.get_mut() -= 1;
            if *from.get() == 0 {
                from.remove();
            }
        }
    }
}

impl Connections {
    /// None yet, of `most` at the most; each retires at an age between half of `age` and all of it.
    pub(super) fn new(most: usize, age: Duration) -> Arc<Self> {
        let (open, next, tasks) = (Mutex::default(), AtomicU64::new(0), TaskTracker::new());
        Arc::new(Self { most, age, open, next, tasks })
    }

    /// Adds a connection from `peer`.
    pub(super) fn add(self: &Arc<Self>, peer: IpAddr) -> OpenConnection {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let opened = Instant::now();
        let connection = Arc::new(Connection {
            peer,
            opened,
            retires: opened + jitter(self.age),
            last: AtomicU64::new(0),
            busy: AtomicBool::new(false),
            first_byte: AtomicBool::new(false),
            header: AtomicBool::new(false),
            proven: AtomicBool::new(false),
            leaving: AtomicBool::new(false),
            evicted: Notify::new(),
        });
        let mut open = self.lock();
        open.all.insert(id, Arc::clone(&connection));
        *open.from.entry(peer).or_default() += 1;
        drop(open);
        OpenConnection { connections: Arc::clone(self), id, connection }
    }

    /// Runs the task that serves a connection.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }

    /// Waits for a moment at which no connection is open.
    pub(super) async fn all_closed(&self) {
        // A closed tracker still takes tasks: new connections may come as long as somebody accepts them.
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// How many are open.
    pub(super) fn count(&self) -> usize {
        self.lock().all.len()
    }

    /// Whether as many are open as may be, without those that have been told to make room.
    pub(super) fn are_too_many(&self) -> bool {
        let open = self.lock();
        open.all.len() - open.leaving >= self.most
    }

    /// Tells a connection to make room: first those that never carried a review, among them those of the address that has
    /// most of them open, and of these the one that has been idle for longest; never one that is being answered. Says
    /// whether there was one.
    pub(super) fn make_room(&self) -> bool {
        self.make_room_by(|_| true)
    }

    /// The same, but spares all that have carried a review: what is short may be held elsewhere, by the other port or by
    /// open files, and closing them would then help nobody.
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
            // Anyone can send a review to be spared, but a single client seldom has many addresses.
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
mod tests;
