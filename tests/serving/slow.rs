//! Clients that are slow, silent or speak something else: they lose their connections, and nobody else notices.

use std::time::Duration;

use super::api::Api;
use super::client::{Connection, post, request};
use super::objects::set_creation;
use super::patience::until;
use super::served::Served;

/// Shorter than patience, longer than what an honest client needs.
const SHORT: Duration = Duration::from_secs(2);

async fn is_served(served: &Served) {
    let verdict = served.connect().await.review("/validate", &set_creation()).await;
    assert_eq!(verdict["uid"], "0b1f");
}

#[tokio::test]
async fn closes_a_connection_that_never_shakes_hands() {
    let served = Served::ready_with(Api::default(), |settings| settings.limits.handshake = SHORT).await;
    let mut silent = Connection::plain(served.reviews).await.expect("it is accepted");
    let mut halting = Connection::plain(served.reviews).await.expect("it is accepted");
    halting.send(&[0x16, 0x03, 0x01]).await.expect("the start of a handshake is sent");
    is_served(&served).await;
    silent.closed().await;
    halting.closed().await;
    is_served(&served).await;
    assert!(served.counts("stsguard_connections_closed_total{reason=\"handshake\"}", 2.0).await);
}

#[tokio::test]
async fn shakes_hands_while_as_many_as_may_never_finish_theirs() {
    let served = Served::ready_with(Api::default(), |settings| {
        settings.limits.handshakes = 2;
        settings.limits.handshake = Duration::from_secs(600);
    })
    .await;
    let mut silent = Vec::new();
    let mut halting = Vec::new();
    for _ in 0..8 {
        silent.push(Connection::plain(served.reviews).await.expect("it is accepted"));
        let mut half = Connection::plain(served.reviews).await.expect("it is accepted");
        half.send(&[0x16, 0x03, 0x01]).await.expect("the start of a handshake is sent");
        halting.push(half);
    }
    until("all to be accepted", async || served.metric("stsguard_connections").await >= 10.0).await;
    is_served(&served).await;
    halting[0].closed().await;
}

// With threads of its own, the server has many handshakes under way while the clients are still at theirs.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn more_honest_handshakes_than_may_be_under_way_all_succeed() {
    let served = Served::ready_with(Api::default(), |settings| settings.limits.handshakes = 2).await;
    let dialled = futures::future::join_all((0..64).map(|_| served.dial())).await;
    let failed: Vec<_> = dialled.iter().filter_map(|connection| connection.as_ref().err()).collect();
    assert!(failed.is_empty(), "{} of 64 failed: {:?}", failed.len(), failed[0]);
}

#[tokio::test]
async fn closes_a_connection_whose_first_header_does_not_come() {
    let served = Served::ready_with(Api::default(), |settings| settings.limits.first_header = SHORT).await;
    let mut halting = halting(&served).await;
    is_served(&served).await;
    halting.closed().await;
    is_served(&served).await;
}

#[tokio::test]
async fn closes_silent_connections_early_where_they_are_many() {
    let served = Served::ready_with(Api::default(), |settings| {
        settings.limits.first_header = SHORT;
        settings.limits.connections = 8;
    })
    .await;
    let (mut first, _second, _third) = (served.connect().await, served.connect().await, served.connect().await);
    first.closed().await;
    is_served(&served).await;
}

/// Go's clients keep a connection that they have opened and not needed, and use it later.
#[tokio::test]
async fn waits_for_the_first_request_of_a_silent_connection_as_for_any_other() {
    let served = Served::ready_with(Api::default(), |settings| settings.limits.first_header = SHORT).await;
    let mut silent = served.connect().await;
    // Time goes by: twice the limit, as the other's end shows.
    let mut other = halting(&served).await;
    other.closed().await;
    let verdict = silent.review("/validate", &set_creation()).await;
    assert_eq!(verdict["uid"], "0b1f");
}

/// A connection on which half a header has come.
async fn halting(served: &Served) -> Connection {
    let mut halting = served.connect().await;
    halting.send(b"POST /validate HTTP/1.1\r\nhost: loc").await.expect("half a header is sent");
    halting
}

#[tokio::test]
async fn keeps_a_connection_that_has_been_heard_beyond_the_first_headers_time() {
    let limit = Duration::from_millis(500);
    let served = Served::ready_with(Api::default(), |settings| settings.limits.first_header = limit).await;
    let mut heard = None;
    // On a busy machine an honest client may be too slow for this limit as well.
    until("a review in time", async || {
        let mut connection = served.connect().await;
        let answered = connection.exchange(&post("/validate", set_creation().to_string().as_bytes())).await.is_ok();
        heard = answered.then_some(connection);
        answered
    })
    .await;
    let mut other = halting(&served).await;
    other.closed().await;
    let verdict = heard.expect("it was just set").review("/validate", &set_creation()).await;
    assert_eq!(verdict["uid"], "0b1f");
}

#[tokio::test]
async fn answers_408_where_the_body_does_not_come() {
    let served = Served::ready_with(Api::default(), |settings| settings.limits.body = SHORT).await;
    let mut halting = served.connect().await;
    halting.begin("/validate", set_creation().to_string().as_bytes()).await;
    is_served(&served).await;
    let response = halting.receive().await.expect("it is answered");
    assert_eq!((response.status, response.closes()), (408, true));
    halting.closed().await;
    is_served(&served).await;
}

#[tokio::test]
async fn answers_408_when_the_time_that_the_caller_gives_is_over() {
    let served = Served::ready().await;
    let mut halting = served.connect().await;
    halting.begin("/validate?timeout=1s", set_creation().to_string().as_bytes()).await;
    assert_eq!(halting.receive().await.expect("it is answered").status, 408);
}

#[tokio::test]
async fn closes_an_idle_connection_after_its_time() {
    let served = Served::ready_with(Api::default(), |settings| settings.limits.idle = SHORT).await;
    let mut idle = served.connect().await;
    idle.review("/validate", &set_creation()).await;
    idle.closed().await;
}

#[tokio::test]
async fn is_not_harmed_by_what_is_no_tls() {
    let served = Served::ready().await;
    for nonsense in
        [request("GET", "/validate", &[], b""), vec![0; 4096], vec![0xff; 4096], b"\x16\x03\x01\xff\xff".into()]
    {
        let mut plain = Connection::plain(served.reviews).await.expect("it is accepted");
        plain.send(&nonsense).await.expect("nonsense is sent");
        is_served(&served).await;
        if nonsense.len() > 5 {
            plain.closed().await;
        }
    }
}

#[tokio::test]
async fn refuses_a_header_that_is_too_large() {
    let served = Served::ready().await;
    let long = "x".repeat(64 << 10);
    let asked = request("POST", "/validate", &[("x-long", &long)], b"");
    let response = served.connect().await.exchange(&asked).await;
    assert!(response.as_ref().map_or(true, |response| response.status == 431), "{response:?}");
    is_served(&served).await;
}
