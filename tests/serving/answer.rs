//! What the API server of the tests answers.

use axum::body::{Body, Bytes};
use http::{HeaderValue, Response, StatusCode};
use serde_json::{Value, json};

/// What a list or a GET is answered.
#[derive(Debug, Clone)]
pub enum Read {
    Object(Value),
    /// A failure with this HTTP status.
    Status(u16),
    /// Nothing, until it is something else.
    Hang,
    /// A panic in whoever asks: the client of the tests runs in the review that waits for its answer.
    Panic,
}

/// An event of a watch.
pub fn line(event: &Value) -> Bytes {
    Bytes::from(format!("{event}\n"))
}

/// How the API server says that it failed.
pub fn failure(code: u16) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": "no", "code": code})
}

/// The response to a list or GET.
#[expect(clippy::panic, reason = "that is what is asked for")]
pub fn respond(read: Read) -> Response<Body> {
    let (code, body) = match read {
        Read::Object(object) => (200, object),
        Read::Status(code) => (code, failure(code)),
        Read::Hang => (500, failure(500)),
        Read::Panic => panic!("hunter2"),
    };
    let mut response = Response::new(Body::from(body.to_string()));
    if code == 429 {
        response.headers_mut().insert("retry-after", HeaderValue::from_static("1"));
    }
    *response.status_mut() = StatusCode::from_u16(code).expect("tests use statuses that exist");
    response
}
