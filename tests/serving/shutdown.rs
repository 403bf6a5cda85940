//! A shutdown loses no review.

use std::time::Duration;

use stsguard::serve::{Drain, Settings};
use tokio::net::TcpStream;

use super::api::Api;
use super::client::post;
use super::objects::set_creation;
use super::patience::until;
use super::served::Served;

/// No limit of time plays a part here.
const NEVER: Duration = Duration::from_secs(3600);

/// Waits for idle connections for so long.
fn waits(idle: Duration) -> impl FnOnce(&mut Settings) {
    move |settings| {
        settings.drain = Drain { propagation: Duration::ZERO, quiet: Duration::ZERO, idle, finish: NEVER };
    }
}

#[tokio::test]
async fn every_response_closes_its_connection_once_the_end_has_begun() {
    let served = Served::ready_with(Api::default(), waits(NEVER)).await;
    let mut idle = served.connect().await;
    let review = set_creation().to_string();
    let before = idle.exchange(&post("/validate", review.as_bytes())).await.expect("it is answered");
    assert!(!before.closes());
    let mut other = served.connect().await;
    other.review("/validate", &set_creation()).await;
    served.shutdown.cancel();
    // The first answers may come before the server has heard of the end; the connection then stays open.
    until("a response that closes", async || {
        let response = idle.exchange(&post("/validate", review.as_bytes())).await.expect("it is answered");
        assert_eq!(response.status, 200);
        response.closes()
    })
    .await;
    idle.closed().await;
    // Connections are still accepted, for not everybody has learned of the end.
    let newcomer = served.connect().await.exchange(&post("/validate", review.as_bytes())).await;
    assert!(newcomer.is_ok_and(|response| response.status == 200 && response.closes()));
    assert!(!served.run.is_finished(), "an idle connection is open");
    let last = other.exchange(&post("/validate", review.as_bytes())).await.expect("an idle one may still be used");
    assert!(last.status == 200 && last.closes());
    drop(other);
    served.ended().await;
}

#[tokio::test]
async fn stays_alive_and_ready_while_draining() {
    let served = Served::ready_with(Api::default(), waits(NEVER)).await;
    let idle = served.connect().await;
    served.shutdown.cancel();
    let review = set_creation().to_string();
    until("the drain", async || {
        let response = served.connect().await.exchange(&post("/validate", review.as_bytes())).await;
        response.is_ok_and(|response| response.closes())
    })
    .await;
    assert_eq!((served.admin("/live").await.status, served.admin("/ready").await.status), (200, 200));
    drop(idle);
    served.ended().await;
}

#[tokio::test]
async fn ends_when_peers_close_their_idle_connections() {
    let served = Served::ready_with(Api::default(), waits(NEVER)).await;
    let mut idle = served.connect().await;
    idle.review("/validate", &set_creation()).await;
    served.shutdown.cancel();
    drop(idle);
    served.ended().await;
}

#[tokio::test]
async fn closes_idle_connections_when_their_time_is_over() {
    let served = Served::ready_with(Api::default(), waits(Duration::from_millis(50))).await;
    let mut idle = served.connect().await;
    idle.review("/validate", &set_creation()).await;
    served.shutdown.cancel();
    idle.closed().await;
    let address = served.reviews;
    served.ended().await;
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens");
}

#[tokio::test]
async fn a_stranger_that_says_nothing_does_not_keep_it_from_ending() {
    let served = Served::ready_with(Api::default(), |settings| {
        waits(Duration::from_millis(50))(settings);
        settings.limits.first_header = Duration::from_secs(1);
        settings.limits.handshake = Duration::from_secs(1);
    })
    .await;
    let _silent = TcpStream::connect(served.reviews).await.expect("it is accepted");
    let _stranger = served.connect().await;
    served.shutdown.cancel();
    served.ended().await;
}

#[tokio::test]
async fn a_review_under_way_is_answered_before_the_end() {
    let served = Served::ready_with(Api::default(), waits(Duration::ZERO)).await;
    let mut idle = served.connect().await;
    idle.review("/validate", &set_creation()).await;
    let mut busy = served.connect().await;
    let review = set_creation().to_string();
    let last = busy.begin("/validate?timeout=30s", review.as_bytes()).await;
    served.shutdown.cancel();
    // The idle one is closed when the drain is over; the other is not.
    idle.closed().await;
    assert!(!served.run.is_finished(), "a review is under way");
    busy.send(last).await.expect("the last byte is sent");
    let response = busy.receive().await.expect("it is answered");
    assert!(response.closes());
    assert_eq!(response.verdict()["uid"], "0b1f");
    busy.closed().await;
    served.ended().await;
}

#[tokio::test]
async fn ends_even_if_a_request_never_does() {
    let served = Served::ready_with(Api::default(), |settings| {
        settings.drain = Drain {
            propagation: Duration::ZERO,
            quiet: Duration::ZERO,
            idle: Duration::ZERO,
            finish: Duration::from_millis(50),
        };
    })
    .await;
    let mut busy = served.connect().await;
    let review = set_creation().to_string();
    busy.begin("/validate?timeout=30s", review.as_bytes()).await;
    served.shutdown.cancel();
    served.ended().await;
}
