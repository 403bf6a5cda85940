//! Notes whenever the API server says something about a kind, and gives up on an answer that has gone silent.
//!
//! A watch of a kind that never changes is quiet for hours, and so is one whose connection has been cut without a word.
//! What tells them apart is below the events: the API server ends each watch after the time that it was asked for, and
//! sends bookmarks in between.

use std::time::Duration;

use futures::stream;
use http::Request;
use http_body_util::{BodyExt as _, StreamBody};
use kube::Client;
use kube::client::Body;
use tokio::time::timeout;
use tower::BoxError;

/// Nothing has been heard for as long as an API server that is there needs at most.
#[derive(Debug, thiserror::Error)]
#[error("the API server has said nothing for {0:?}")]
struct Silent(Duration);

/// A client that calls `heard` for each good answer and each piece of it, and fails after `silence` without any.
pub fn heard(client: Client, silence: Duration, heard: impl Fn() + Clone + Send + Sync + 'static) -> Client {
    let namespace = client.default_namespace().to_owned();
    let service = tower::service_fn(move |request: Request<Body>| {
        let (client, heard) = (client.clone(), heard.clone());
        async move {
            let answered = timeout(silence, client.send(request)).await;
            let response = answered.map_err(|_| BoxError::from(Silent(silence)))??;
            let good = response.status().is_success();
            if good {
                heard();
            }
            let next = move |body: Option<Body>| {
                let heard = heard.clone();
                async move {
                    let mut body = body?;
                    match timeout(silence, body.frame()).await {
                        Ok(Some(Ok(frame))) => {
                            if good {
                                heard();
                            }
                            Some((Ok(frame), Some(body)))
                        }
                        Ok(Some(Err(error))) => Some((Err(BoxError::from(error)), None)),
                        Ok(None) => None,
                        Err(_) => Some((Err(BoxError::from(Silent(silence))), None)),
                    }
                }
            };
            Ok::<_, BoxError>(response.map(|body| StreamBody::new(stream::unfold(Some(body), next))))
        }
    });
    Client::new(service, namespace)
}
