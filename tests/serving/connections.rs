//! The cap on connections: who makes room for whom.

use std::time::Duration;

use super::api::Api;
use super::client::{Connection, post};
use super::objects::set_creation;
use super::patience::until;
use super::served::Served;

/// No limit of time plays a part here.
const NEVER: Duration = Duration::from_secs(3600);

async fn capped(connections: usize) -> Served {
    Served::ready_with(Api::default(), |settings| {
        settings.limits.connections = connections;
        settings.limits.first_header = NEVER;
        settings.limits.handshake = NEVER;
        settings.limits.body = NEVER;
        settings.limits.crowded = NEVER;
    })
    .await
}

async fn open(served: &Served, count: f64) {
    until("open connections", async || served.counts("stsguard_connections", count).await).await;
}

#[tokio::test]
async fn idle_strangers_make_room_for_a_newcomer() {
    let served = capped(3).await;
    let mut strangers = Vec::new();
    for _ in 0..3 {
        strangers.push(served.connect().await);
    }
    open(&served, 3.0).await;
    let verdict = served.connect().await.review("/validate", &set_creation()).await;
    assert_eq!(verdict["uid"], "0b1f");
    strangers[0].closed().await;
    assert!(served.counts("stsguard_connections_closed_total{reason=\"crowd\"}", 1.0).await);
}

#[tokio::test]
async fn those_that_never_shook_hands_make_room_too() {
    let served = capped(3).await;
    let mut silent = Vec::new();
    for _ in 0..12 {
        silent.push(Connection::plain(served.reviews).await.expect("it is accepted"));
    }
    let verdict = served.connect().await.review("/validate", &set_creation()).await;
    assert_eq!(verdict["uid"], "0b1f");
    for oldest in &mut silent[..9] {
        oldest.closed().await;
    }
}

#[tokio::test]
async fn whoever_sent_a_review_stays_while_strangers_come() {
    let served = capped(3).await;
    let mut known = served.connect().await;
    known.review("/validate", &set_creation()).await;
    let mut strangers = Vec::new();
    for _ in 0..12 {
        strangers.push(served.connect().await);
    }
    strangers[0].closed().await;
    let verdict = known.review("/validate", &set_creation()).await;
    assert_eq!(verdict["uid"], "0b1f");
}

#[tokio::test]
async fn who_asks_for_nonsense_stays_a_stranger() {
    let served = capped(2).await;
    let mut known = served.connect().await;
    known.review("/validate", &set_creation()).await;
    let mut stranger = served.connect().await;
    let response = stranger.exchange(&post("/validate", b"nonsense")).await.expect("it is answered");
    assert_eq!(response.status, 400);
    let mut newcomer = served.connect().await;
    newcomer.review("/validate", &set_creation()).await;
    stranger.closed().await;
    known.review("/validate", &set_creation()).await;
}

#[tokio::test]
async fn a_request_under_way_is_not_broken_off() {
    let served = capped(1).await;
    let mut busy = served.connect().await;
    busy.review("/validate", &set_creation()).await;
    let review = set_creation().to_string();
    let last = busy.begin("/validate?timeout=30s", review.as_bytes()).await;
    assert!(served.dial().await.is_err(), "there is no room");
    busy.send(last).await.expect("the last byte is sent");
    let verdict = busy.receive().await.expect("it is answered").verdict();
    assert_eq!(verdict["uid"], "0b1f");
    until("room after the request", async || served.dial().await.is_ok()).await;
}

#[tokio::test]
async fn a_strangers_trickle_of_a_body_makes_room() {
    let served = capped(1).await;
    let mut stranger = served.connect().await;
    stranger.begin("/validate?timeout=30s", set_creation().to_string().as_bytes()).await;
    let mut newcomer = served.connect().await;
    newcomer.review("/validate", &set_creation()).await;
    stranger.closed().await;
}

#[tokio::test]
async fn so_does_a_trickle_of_those_who_sent_reviews() {
    let served = Served::ready_with(Api::default(), |settings| {
        settings.limits.connections = 1;
        settings.limits.body = NEVER;
    })
    .await;
    let mut known = served.connect().await;
    known.review("/validate", &set_creation()).await;
    known.begin("/validate?timeout=30s", set_creation().to_string().as_bytes()).await;
    until("room", async || {
        let Ok(mut newcomer) = served.dial().await else { return false };
        let asked = post("/validate", set_creation().to_string().as_bytes());
        newcomer.exchange(&asked).await.is_ok_and(|answer| answer.status == 200)
    })
    .await;
    known.closed().await;
}

#[tokio::test]
async fn a_response_closes_a_connection_that_has_grown_old() {
    let served = Served::ready_with(Api::default(), |settings| settings.limits.age = Duration::ZERO).await;
    let mut old = served.connect().await;
    let response = old.exchange(&post("/validate", set_creation().to_string().as_bytes())).await;
    assert!(response.is_ok_and(|response| response.status == 200 && response.closes()));
    old.closed().await;
    let served = Served::ready().await;
    let young = served.connect().await.exchange(&post("/validate", b"nonsense")).await;
    assert!(young.is_ok_and(|response| !response.closes()));
}
