//! Answers of limited size.

use http::Request;
use http_body_util::Limited;
use kube::Client;
use kube::client::Body;
use tower::BoxError;

/// A client that fails on an answer of more than so many bytes, before it is in memory: what is read live is named by
/// whoever sends a review, and may be as large as they like.
pub(super) fn bounded(client: Client, bytes: usize) -> Client {
    let namespace = client.default_namespace().to_owned();
    let service = tower::service_fn(move |request: Request<Body>| {
        let client = client.clone();
        async move { Ok::<_, BoxError>(client.send(request).await?.map(|body| Limited::new(body, bytes))) }
    });
    Client::new(service, namespace)
}
