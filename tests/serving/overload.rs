//! More than can be reviewed: answered so that the API server tries again.

use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;

use super::answer::Read;
use super::api::Api;
use super::client::{Connection, Response, post};
use super::objects::{DB, creation, service, set, set_creation};
use super::patience::until;
use super::served::Served;

/// An API server whose Service `db` calls for a live read that hangs.
fn hanging() -> Api {
    let api = Api::default();
    api.put("services", &service("db", false));
    api.read(DB, Read::Hang);
    api
}

async fn ask(connection: &mut Connection, path: &str) -> Response {
    connection.exchange(&post(path, set_creation().to_string().as_bytes())).await.expect("it is answered")
}

/// Asks at `path` while another review waits for its live read, as often as it takes to meet it: the wait is short.
async fn ask_meanwhile(served: &Served, path: &str, wanted: u16) -> Response {
    let mut found = None;
    until("a request to come while another is under way", async || {
        let mut first = served.connect().await;
        let mut second = served.connect().await;
        let reads = served.api.seen().len();
        first.send(&post("/validate", set_creation().to_string().as_bytes())).await.expect("a review is sent");
        until("the live read", async || served.api.seen().len() > reads).await;
        let response = ask(&mut second, path).await;
        assert_eq!(first.receive().await.expect("it is answered").status, 200);
        found = (response.status == wanted).then_some(response);
        found.is_some()
    })
    .await;
    found.expect("it was just set")
}

#[tokio::test]
async fn answers_429_where_nobody_may_wait_and_serves_again_afterwards() {
    let served = Served::ready_with(hanging(), |settings| {
        settings.limits.in_flight = 1;
        settings.limits.queue = 0;
    })
    .await;
    let response = ask_meanwhile(&served, "/validate", 429).await;
    assert_eq!(response.header("retry-after"), Some("1"));
    assert!(served.counts("stsguard_requests_total{endpoint=\"validate\",code=\"429\"}", 1.0).await);
    served.api.read(DB, Read::Object(service("db", true)));
    assert_eq!(ask(&mut served.connect().await, "/validate").await.verdict()["allowed"], true);
}

#[tokio::test]
async fn answers_503_when_the_time_runs_out_in_the_queue() {
    let served = Served::ready_with(hanging(), |settings| settings.limits.in_flight = 1).await;
    let response = ask_meanwhile(&served, "/validate?timeout=0.3s", 503).await;
    assert_eq!(response.header("retry-after"), Some("1"));
}

#[tokio::test]
async fn who_waits_in_the_queue_is_served_in_the_end() {
    let served = Served::ready_with(hanging(), |settings| {
        settings.limits.in_flight = 1;
        settings.limits.queue = 1;
    })
    .await;
    assert_eq!(ask_meanwhile(&served, "/validate", 200).await.verdict()["uid"], "0b1f");
    assert_eq!(ask_meanwhile(&served, "/mutate", 200).await.verdict()["uid"], "0b1f");
}

#[tokio::test]
async fn answers_429_where_too_many_bytes_are_under_way() {
    let review = set_creation().to_string();
    let served = Served::ready_with(Api::default(), |settings| {
        settings.limits.bytes_in_flight = review.len();
        settings.limits.crowded = Duration::from_secs(600);
    })
    .await;
    let mut first = served.connect().await;
    let last = first.begin("/validate?timeout=30s", review.as_bytes()).await;
    let mut second = served.connect().await;
    let refused = ask(&mut second, "/validate").await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("1")));
    first.send(last).await.expect("the last byte is sent");
    assert_eq!(first.receive().await.expect("it is answered").verdict()["uid"], "0b1f");
    assert_eq!(ask(&mut second, "/validate").await.verdict()["uid"], "0b1f");
}

#[tokio::test]
async fn bodies_that_never_end_make_room_for_others() {
    let review = set_creation().to_string();
    let served = Served::ready_with(Api::default(), |settings| {
        settings.limits.bytes_in_flight = review.len();
        settings.limits.body = Duration::from_secs(600);
    })
    .await;
    let mut halting = served.connect().await;
    let last = halting.begin("/validate?timeout=30s", review.as_bytes()).await;
    let mut honest = served.connect().await;
    until("room", async || ask(&mut honest, "/validate").await.status == 200).await;
    halting.send(last).await.expect("the last byte is sent");
    let refused = halting.receive().await.expect("it is answered");
    assert_eq!((refused.status, refused.header("retry-after"), refused.closes()), (429, Some("1"), false));
}

#[tokio::test]
async fn who_sends_all_before_it_reads_is_told_why_it_was_refused() {
    let served = Served::ready_with(Api::default(), |settings| settings.limits.bytes_in_flight = 1 << 20).await;
    for (bytes, status) in [(7 << 20, 429), (9 << 20, 413)] {
        let mut connection = served.connect().await;
        connection.send(&post("/validate?timeout=30s", &vec![b' '; bytes])).await.expect("all of it is taken");
        assert_eq!(connection.receive().await.expect("it is answered").status, status);
    }
}

#[tokio::test]
async fn a_light_review_does_not_wait_behind_heavy_ones() {
    let served = Served::ready_with(hanging(), |settings| settings.limits.weight_in_flight = 3 << 19).await;
    let mut heavy = set();
    heavy["metadata"]["annotations"] = json!({ "notes": "x".repeat(800 << 10) });
    let heavy = creation("apps", "statefulsets", &heavy).to_string();
    let light = post("/validate", creation("", "services", &service("other", true)).to_string().as_bytes());
    until("a light review to overtake", async || {
        let (mut first, mut second) = (served.connect().await, served.connect().await);
        let reads = served.api.seen().len();
        first.send(&post("/validate", heavy.as_bytes())).await.expect("a review is sent");
        until("the live read", async || served.api.seen().len() > reads).await;
        second.send(&post("/validate", heavy.as_bytes())).await.expect("a review is sent");
        // By now it waits; if it did not, the third would be first without overtaking anybody.
        sleep(Duration::from_millis(100)).await;
        let mut third = served.connect().await;
        let overtakes = tokio::select! {
            biased;
            _ = first.receive() => false,
            answer = third.exchange(&light) => answer.is_ok_and(|it| it.status == 200),
        };
        assert_eq!(second.receive().await.expect("it is answered").status, 200);
        overtakes
    })
    .await;
}

#[tokio::test]
async fn probes_are_answered_while_reviews_are_refused() {
    let served = Served::ready_with(Api::default(), |settings| settings.limits.bytes_in_flight = 0).await;
    assert_eq!(ask(&mut served.connect().await, "/validate").await.status, 429);
    assert_eq!((served.admin("/live").await.status, served.admin("/ready").await.status), (200, 200));
}

#[tokio::test]
async fn who_leaves_the_queue_leaves_a_place_to_the_next() {
    let served = Served::ready_with(hanging(), |settings| {
        settings.limits.in_flight = 1;
        settings.limits.queue = 1;
    })
    .await;
    let review = set_creation().to_string();
    until("somebody to wait in the queue", async || {
        let (mut first, mut waiting, mut third) =
            (served.connect().await, served.connect().await, served.connect().await);
        let reads = served.api.seen().len();
        first.send(&post("/validate", review.as_bytes())).await.expect("a review is sent");
        until("the live read", async || served.api.seen().len() > reads).await;
        waiting.send(&post("/validate", review.as_bytes())).await.expect("a review is sent");
        // Its place is taken only if the one before is still there.
        let refused = ask(&mut third, "/validate").await.status == 429;
        drop(waiting);
        assert_eq!(first.receive().await.expect("it is answered").status, 200);
        refused
    })
    .await;
    assert_eq!(ask_meanwhile(&served, "/validate", 200).await.verdict()["uid"], "0b1f");
}

#[tokio::test]
async fn a_review_whose_sender_has_left_is_not_in_flight_any_more() {
    let served = Served::ready_with(hanging(), |_| {}).await;
    let in_flight = "stsguard_in_flight";
    until("a review in flight", async || {
        let mut leaving = served.connect().await;
        let reads = served.api.seen().len();
        leaving.send(&post("/validate", set_creation().to_string().as_bytes())).await.expect("a review is sent");
        until("the live read", async || served.api.seen().len() > reads).await;
        served.counts(in_flight, 1.0).await
    })
    .await;
    until("none in flight", async || !served.counts(in_flight, 1.0).await).await;
}

#[tokio::test]
async fn silent_clients_of_the_admin_port_make_room_for_probes() {
    let served = Served::ready().await;
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(Connection::plain(served.admin).await.expect("it is accepted"));
    }
    assert_eq!((served.admin("/live").await.status, served.admin("/ready").await.status), (200, 200));
    for oldest in &mut silent[..100] {
        oldest.closed().await;
    }
}
