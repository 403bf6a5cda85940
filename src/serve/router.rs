//! Requests: which are reviews, and what is answered to the rest.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode};
use tokio::time::Instant;

use super::budget::{Budget, Refused};
use super::caller::Refusal;
use super::gauge_guard::GaugeGuard;
use super::limits::Limits;
use super::review::{Reply, Reviewer};
use crate::admission::{Endpoint, Review};

/// What the API server waits for an answer when it does not say; and the longest that it may say.
const TIMEOUT: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(30));
/// How long before the end of its time a request must be answered, so that the answer still arrives.
const WAY_BACK: Duration = Duration::from_millis(50);

/// Answers requests within limits.
pub(super) struct Router {
    reviewer: Arc<Reviewer>,
    budget: Budget,
}

/// What was answered.
pub(super) struct Answered {
    pub(super) response: Response<Full<Bytes>>,
    /// Whether it was a review: who sends one has earned its connection.
    pub(super) review: bool,
}

impl Router {
    pub(super) fn new(reviewer: Arc<Reviewer>, limits: Limits) -> Self {
        Self { reviewer, budget: Budget::new(limits) }
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
        let (body, _bytes) = self.budget.body(request.into_body(), deadline).await?;
        received();
        let weight = self.budget.weigh(&body, deadline).await?;
        let _turn = self.budget.turn(deadline).await?;
        let _in_flight = GaugeGuard::new(&self.reviewer.metrics.in_flight);
        let reply = match weight {
            Some(_weight) => self.reviewer.answer(endpoint, &body, deadline).await,
            None => Review::unread(&body, "the review has more parts than any object needs").into(),
        };
        match reply {
            Reply::Answered(answer) => Ok(answer),
            Reply::Bare(status, message) => {
                Err((StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST), message))
            }
            Reply::Panicked => Err((
                StatusCode::INTERNAL_SERVER_ERROR,
                "this review cannot be decided: a fault in stsguard".to_owned(),
            )),
        }
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
            // What is left of the body is not read; and another client certificate can only come with another connection.
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
