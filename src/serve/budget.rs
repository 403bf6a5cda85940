//! What requests share: bytes of bodies, memory for what is read, and turns.

use http_body_util::{BodyExt as _, Limited};
use hyper::StatusCode;
use hyper::body::{Body as _, Incoming};
use tokio::sync::{Notify, Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep, timeout_at};

use super::limits::Limits;
use super::weight;

/// How much room a body gets before any of it has come.
const FIRST: usize = 4 << 10;
/// The unit of bytes and weight: a semaphore counts no more than 2^29.
const UNIT: usize = 1024;
/// How many of the heaviest light reviews fit into the part of the weight that light ones have.
const LIGHT_ONES: usize = 8;

/// Why a request is not answered with a review.
pub(super) type Refused = (StatusCode, String);

/// What requests share, and the queue for it.
pub(super) struct Budget {
    limits: Limits,
    bytes: Semaphore,
    /// Told when there is no room for a body.
    crowded: Notify,
    light: Semaphore,
    heavy: Semaphore,
    turns: Semaphore,
    /// The places of those that wait for their turn or for weight.
    queue: Semaphore,
}

impl Budget {
    /// All of it, unused.
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            bytes: Semaphore::new(limits.bytes_in_flight.div_ceil(UNIT)),
            crowded: Notify::new(),
            light: Semaphore::new(limits.light_weight().div_ceil(UNIT)),
            heavy: Semaphore::new(limits.heavy_weight().div_ceil(UNIT)),
            turns: Semaphore::new(limits.in_flight),
            queue: Semaphore::new(limits.queue.min(Semaphore::MAX_PERMITS)),
            limits,
        }
    }

    /// Reads the body. One that is refused is still read to its end: a client that is still sending when the connection is
    /// closed may not see the answer.
    pub(super) async fn body(
        &self,
        mut body: Incoming,
        deadline: Instant,
    ) -> Result<(Vec<u8>, SemaphorePermit<'_>), Refused> {
        let end = deadline.min(Instant::now() + self.limits.body);
        let read = tokio::select! {
            read = timeout_at(end, self.gather(&mut body)) => read,
            () = self.stalls() => Ok(Err(busy("the body came slowly while there was no room for others"))),
        };
        let Ok(read) = read else {
            return Err((StatusCode::REQUEST_TIMEOUT, "the body took too long".to_owned()));
        };
        if let Err((StatusCode::TOO_MANY_REQUESTS | StatusCode::PAYLOAD_TOO_LARGE, _)) = read {
            let mut rest = Limited::new(body, self.limits.body_bytes.saturating_mul(2));
            let _ = timeout_at(end, async { while let Some(Ok(_)) = rest.frame().await {} }).await;
        }
        read
    }

    /// Takes from the budget of bytes what has come, not what was announced: a few connections that announce much and
    /// send nothing must not hold up all others.
    async fn gather(&self, body: &mut Incoming) -> Result<(Vec<u8>, SemaphorePermit<'_>), Refused> {
        let announced = body.size_hint().upper();
        let expected = announced.map_or(self.limits.body_bytes, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        if expected > self.limits.body_bytes {
            return Err(too_large(self.limits.body_bytes));
        }
        let mut bytes = Vec::with_capacity(expected.min(FIRST));
        // The API server tries again after a 429, within the time of its own request.
        let overload = |_| {
            self.crowded.notify_waiters();
            busy("too many bytes are being reviewed")
        };
        let mut held = self.bytes.try_acquire().map_err(overload)?;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| (StatusCode::BAD_REQUEST, "the body ended too early".to_owned()))?;
            let Ok(data) = frame.into_data() else { continue };
            if bytes.len() + data.len() > self.limits.body_bytes {
                return Err(too_large(self.limits.body_bytes));
            }
            let more = units(bytes.len() + data.len()).saturating_sub(units(held.num_permits() * UNIT));
            held.merge(self.bytes.try_acquire_many(more).map_err(overload)?);
            // The budget has granted what has come: now there is memory for all of it at once, for a growing Vec would copy
            // the body, and hold it twice meanwhile.
            if bytes.len() + data.len() > bytes.capacity() {
                bytes.reserve_exact(expected.saturating_sub(bytes.len()).max(data.len()));
            }
            bytes.extend_from_slice(&data);
        }
        Ok((bytes, held))
    }

    /// Ends when another body finds no room, but not before this one has had the time that an honest one needs: a few
    /// bodies that never end must not keep the bytes that all share.
    async fn stalls(&self) {
        sleep(self.limits.crowded).await;
        self.crowded.notified().await;
    }

    /// Waits for its turn.
    pub(super) async fn turn(&self, deadline: Instant) -> Result<SemaphorePermit<'_>, Refused> {
        self.wait(&self.turns, 1, deadline).await
    }

    /// Waits until others give back what is asked for, in a queue of limited length, no longer than the request may take.
    async fn wait<'a>(
        &'a self,
        semaphore: &'a Semaphore,
        permits: u32,
        deadline: Instant,
    ) -> Result<SemaphorePermit<'a>, Refused> {
        if let Ok(permit) = semaphore.try_acquire_many(permits) {
            return Ok(permit);
        }
        let Ok(_queued) = self.queue.try_acquire() else {
            return Err(busy("too many reviews wait already"));
        };
        match timeout_at(deadline, semaphore.acquire_many(permits)).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err((StatusCode::SERVICE_UNAVAILABLE, "this review's time ran out in the queue".to_owned())),
        }
    }

    /// Takes a review's weight from the budget, and waits until there is that much; `None` where there never will be.
    /// Light ones have a part of their own: they need not wait behind heavy ones.
    pub(super) async fn weigh(&self, body: &[u8], deadline: Instant) -> Result<Option<SemaphorePermit<'_>>, Refused> {
        let light = self.limits.light_weight() / LIGHT_ONES;
        // While even the upper bound leaves half of the light weight free, the exact weight is not worth counting.
        let most = weight::at_most(body);
        let half = units(self.limits.light_weight()) / 2;
        if most <= light
            && self.light.available_permits() >= (half + units(most)) as usize
            && let Ok(permit) = self.light.try_acquire_many(units(most))
        {
            return Ok(Some(permit));
        }
        let weight = weight::of(body);
        if weight > self.limits.heavy_weight() {
            return Ok(None);
        }
        let semaphore = if weight <= light { &self.light } else { &self.heavy };
        self.wait(semaphore, units(weight), deadline).await.map(Some)
    }
}

/// How many permits of a budget so many bytes take.
fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
}

fn busy(message: &str) -> Refused {
    (StatusCode::TOO_MANY_REQUESTS, message.to_owned())
}

fn too_large(limit: usize) -> Refused {
    (StatusCode::PAYLOAD_TOO_LARGE, format!("the body is larger than {} MiB", limit >> 20))
}
