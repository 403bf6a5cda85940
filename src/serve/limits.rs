//! What one client may ask for at most, and how long a shutdown waits.

use std::time::Duration;

/// Limits on connections and requests.
#[derive(Debug, Clone)]
pub struct Limits {
    /// How many connections may be open; at this number the one idle for longest makes room.
    pub connections: usize,
    /// The same for the admin port.
    pub admin_connections: usize,
    /// How many TLS handshakes may be under way.
    pub handshakes: usize,
    /// How long a TLS handshake may take.
    pub handshake: Duration,
    /// How long a TLS handshake may take while others wait for theirs because too many are under way, and a body while
    /// there is no room for others: an honest client is done by then.
    pub crowded: Duration,
    /// How long the first request's header of a connection may take from its first byte (up to twice this, for it is
    /// looked at from time to time). A connection on which nothing has come yet is idle like any other, unless more than
    /// a quarter of `connections` are open: Go's clients keep connections that they have opened and not needed, and
    /// their first request must not meet a close.
    pub first_header: Duration,
    /// How long a request's body may take.
    pub body: Duration,
    /// How long a connection may be idle. The API server closes its own after 90 s; a shorter time here would now and
    /// then close one on which a request is arriving, and that request fails.
    pub idle: Duration,
    /// How old a connection gets before a response closes it, so that load spreads anew; each one's age lies between
    /// half of this and all of it.
    pub age: Duration,
    /// How large a body may be, in bytes: an update carries two objects of up to 3 MiB.
    pub body_bytes: usize,
    /// How many bytes of bodies may be in memory.
    pub bytes_in_flight: usize,
    /// How many bytes the reviews that are being decided may take beside their bodies: their weight, as estimated from
    /// their structure. A third of it is for light ones, which need not wait for heavy ones then.
    pub weight_in_flight: usize,
    /// How many reviews are decided at once.
    pub in_flight: usize,
    /// How many reviews wait for their turn.
    pub queue: usize,
}

impl Limits {
    /// The part of the weight that light reviews have to themselves.
    pub(super) fn light_weight(&self) -> usize {
        self.weight_in_flight / LIGHT
    }

    /// The part of the weight that all others share.
    pub(super) fn heavy_weight(&self) -> usize {
        self.weight_in_flight - self.light_weight()
    }

    /// The least weight in flight that leaves room for a body of this size.
    pub fn least_weight_for(body_bytes: usize) -> usize {
        body_bytes.saturating_add(body_bytes / (LIGHT - 1) + 1)
    }
}

/// Light reviews have one part of so many to themselves.
const LIGHT: usize = 3;

impl Default for Limits {
    /// Limits of which the sum fits into a pod of 128 MiB: 20 MiB for the program and the stores of a large cluster,
    /// connections with 33 KiB each at the worst, twice 24 MiB for reviews, and 16 MiB for live reads.
    /// tests/serving/siege.rs measures it.
    fn default() -> Self {
        Self {
            connections: 1024,
            admin_connections: 64,
            handshakes: 256,
            handshake: Duration::from_secs(10),
            crowded: Duration::from_millis(500),
            first_header: Duration::from_secs(5),
            body: Duration::from_secs(10),
            idle: Duration::from_secs(120),
            age: Duration::from_secs(600),
            body_bytes: 8 << 20,
            bytes_in_flight: 24 << 20,
            weight_in_flight: 24 << 20,
            in_flight: 256,
            queue: 1024,
        }
    }
}

/// How long each step of a shutdown takes.
#[derive(Debug, Clone)]
pub struct Drain {
    /// How long to go on as before, so that every proxy and API server learns that this pod leaves.
    pub propagation: Duration,
    /// How long no request must have come before the next step, within `idle`.
    pub quiet: Duration,
    /// How long to wait for clients to close their idle connections; 95 s is longer than the API server keeps them.
    pub idle: Duration,
    /// How long requests in flight may take after that.
    pub finish: Duration,
}

impl Default for Drain {
    fn default() -> Self {
        Self {
            propagation: Duration::from_secs(10),
            quiet: Duration::from_secs(5),
            idle: Duration::from_secs(95),
            finish: Duration::from_secs(15),
        }
    }
}
