//! Requests: which are reviews, how much of them is read, and what is answered to the rest.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::{ALLOW, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode};
use tokio::sync::{Notify, Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep, timeout_at};

use super::caller::Refusal;
use super::limits::Limits;
use super::review::{Outcome, Reviewer};
use super::tally::{Gauged, Tally};
use super::weight;
use crate::admission::{Endpoint, Review};

/// What the API server waits for an answer when it does not say; and the longest that it may say.
const TIMEOUT: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(30));
/// Kept for the way back.
const WAY_BACK: Duration = Duration::from_millis(50);
/// How much room a body gets before any of it has come.
const FIRST: usize = 4 << 10;
/// The unit of the budget of bytes: a semaphore counts no more than 2^29.
const UNIT: usize = 1024;
/// How many of the heaviest light reviews fit into the part of the weight that light ones have.
const LIGHT_ONES: usize = 8;

/// Why a request is not answered with a review.
type Refused = (StatusCode, String);

/// Answers requests within limits.
pub(super) struct Router {
    reviewer: Arc<Reviewer>,
    limits: Limits,
    bytes: Semaphore,
    /// Told when there is no room for a body.
    crowded: Notify,
    light: Semaphore,
    heavy: Semaphore,
    turns: Semaphore,
    waiting: Tally,
}

/// What was answered.
pub(super) struct Answered {
    pub(super) response: Response<Full<Bytes>>,
    /// Whether it was a review: who sends one has earned its connection.
    pub(super) review: bool,
}

impl Router {
    pub(super) fn new(reviewer: Arc<Reviewer>, limits: Limits) -> Self {
        Self {
            bytes: Semaphore::new(limits.bytes_in_flight.div_ceil(UNIT)),
            crowded: Notify::new(),
            light: Semaphore::new(limits.light_weight().div_ceil(UNIT)),
            heavy: Semaphore::new(limits.heavy_weight().div_ceil(UNIT)),
            turns: Semaphore::new(limits.in_flight),
            waiting: Tally::default(),
            reviewer,
            limits,
        }
    }

    /// Answers one request; `received` is called once its body has come.
    pub(super) async fn answer(&self, request: Request<Incoming>, received: impl Fn()) -> Answered {
        let endpoint = match request.uri().path() {
            "/mutate" => Endpoint::Mutate,
            "/validate" => Endpoint::Validate,
            _ => {
                let message = "not found: reviews are served at /mutate and /validate";
                return self.refuse("other", StatusCode::NOT_FOUND, message);
            }
        };
        match self.review(endpoint, request, received).await {
            Ok(answer) => {
                self.reviewer.metrics.request(endpoint.as_str(), 200);
                let mut response = Response::new(Full::new(Bytes::from(answer)));
                response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                Answered { response, review: true }
            }
            Err((status, message)) => self.refuse(endpoint.as_str(), status, &message),
        }
    }

    async fn review(
        &self,
        endpoint: Endpoint,
        request: Request<Incoming>,
        received: impl Fn(),
    ) -> Result<Vec<u8>, Refused> {
        check(&request)?;
        let deadline = Instant::now() + allowed_time(request.uri().query()).saturating_sub(WAY_BACK);
        let expected = request
            .body()
            .size_hint()
            .upper()
            .map_or(self.limits.body_bytes, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        let (body, _bytes) = self.body(request.into_body(), expected, deadline).await?;
        received();
        let weight = self.weigh(&body, deadline).await?;
        let _turn = self.wait(&self.turns, 1, deadline).await?;
        let _in_flight = Gauged::new(&self.reviewer.metrics.in_flight);
        let outcome = match weight {
            Some(_weight) => self.reviewer.answer(endpoint, &body, deadline).await,
            None => Review::unread(&body, "the review has more parts than any object needs").into(),
        };
        match outcome {
            Outcome::Answered(answer) => Ok(answer),
            Outcome::Bare(status, message) => {
                Err((StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST), message))
            }
            Outcome::Panicked => Err((
                StatusCode::INTERNAL_SERVER_ERROR,
                "this review cannot be decided: a fault in stsguard".to_owned(),
            )),
        }
    }

    /// Reads the body; one that is refused is still taken to its end, for who is sending when the connection closes may
    /// never see why.
    async fn body(
        &self,
        mut body: Incoming,
        expected: usize,
        deadline: Instant,
    ) -> Result<(Vec<u8>, SemaphorePermit<'_>), Refused> {
        let end = deadline.min(Instant::now() + self.limits.body);
        let read = tokio::select! {
            read = timeout_at(end, self.gather(&mut body, expected)) => read,
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
    async fn gather(&self, body: &mut Incoming, expected: usize) -> Result<(Vec<u8>, SemaphorePermit<'_>), Refused> {
        if expected > self.limits.body_bytes {
            return Err(too_large(self.limits.body_bytes));
        }
        let mut bytes = Vec::with_capacity(expected.min(FIRST));
        // Overload is answered so that the API server tries again, within its own time.
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
            // Once it has earned that, room for all of it: growing by steps would take it twice.
            if bytes.len() + data.len() > bytes.capacity() {
                bytes.reserve_exact(expected.saturating_sub(bytes.len()).max(data.len()));
            }
            bytes.extend_from_slice(&data);
        }
        Ok((bytes, held))
    }

    /// Ends when there is no room for somebody, once a body has had the time that an honest one needs: a few that never
    /// end must not hold what all others share.
    async fn stalls(&self) {
        sleep(self.limits.crowded).await;
        self.crowded.notified().await;
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
        let Some(_waiting) = self.waiting.one_of(self.limits.queue) else {
            return Err(busy("too many reviews wait already"));
        };
        match timeout_at(deadline, semaphore.acquire_many(permits)).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err((StatusCode::SERVICE_UNAVAILABLE, "this review's time ran out in the queue".to_owned())),
        }
    }

    /// Takes a review's weight from the budget, and waits until there is that much; `None` where there never will be.
    /// Light ones have a part of their own: they need not wait behind heavy ones.
    async fn weigh(&self, body: &[u8], deadline: Instant) -> Result<Option<SemaphorePermit<'_>>, Refused> {
        let light = self.limits.light_weight() / LIGHT_ONES;
        // Where there is room for the worst that it can be, by half of what there is, it need not be looked at closely.
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

    /// Answers somebody who may not call; nothing of the body is read.
    pub(super) fn refuse_caller(&self, refusal: Refusal) -> Answered {
        let (status, message) = refusal.answer();
        self.refuse("other", status, message)
    }

    fn refuse(&self, endpoint: &'static str, status: StatusCode, message: &str) -> Answered {
        self.reviewer.metrics.request(endpoint, status.as_u16());
        let mut response = Response::new(Full::new(Bytes::from(format!("stsguard: {message}\n"))));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        match status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            StatusCode::METHOD_NOT_ALLOWED => {
                headers.insert(ALLOW, HeaderValue::from_static("POST"));
            }
            // What is left of the body is not waited for; and with a new certificate, only a new connection helps.
            StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::REQUEST_TIMEOUT
            | StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN => {
                headers.insert(CONNECTION, HeaderValue::from_static("close"));
            }
            _ => {}
        }
        Answered { response, review: false }
    }
}

fn check(request: &Request<Incoming>) -> Result<(), Refused> {
    if request.method() != Method::POST {
        return Err((StatusCode::METHOD_NOT_ALLOWED, "reviews come by POST".to_owned()));
    }
    let media = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !media.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json") {
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, "the content type must be application/json".to_owned()));
    }
    let identity = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
    if !request.headers().get_all(CONTENT_ENCODING).iter().all(identity) {
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body must not be compressed".to_owned()));
    }
    Ok(())
}

/// The time that `?timeout=5s` allows, as the API server sends it.
fn allowed_time(query: Option<&str>) -> Duration {
    let written = query.into_iter().flat_map(|query| query.split('&')).find_map(|pair| pair.strip_prefix("timeout="));
    let seconds = written.and_then(|text| text.strip_suffix('s')).and_then(|text| text.parse::<f64>().ok());
    let given = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    given.filter(|given| !given.is_zero()).unwrap_or(TIMEOUT.0).min(TIMEOUT.1)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_time_that_the_api_server_allows() {
        for (query, seconds) in [
            (Some("timeout=5s"), 5),
            (Some("a=b&timeout=2s"), 2),
            (Some("timeout=900s"), 30),
            (Some("timeout=x"), 10),
            (None, 10),
        ] {
            assert_eq!(allowed_time(query), Duration::from_secs(seconds), "{query:?}");
        }
    }
}
