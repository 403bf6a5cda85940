//! An API server that is slow, strict, silent or away: what is known stays right, and all of it heals.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::answer::Read;
use super::api::Api;
use super::objects::{DB, service, set_creation, warnings};
use super::patience::until;
use super::served::Served;

const SERVICES: &str = "stsguard_store_objects{store=\"services\"}";
const SETS: &str = "stsguard_store_objects{store=\"statefulsets\"}";
const AGE: &str = "stsguard_store_age_seconds{store=\"services\"}";

async fn validated(served: &Served) -> Value {
    served.connect().await.review("/validate", &set_creation()).await
}

async fn is_well(served: &Served) {
    assert_eq!((served.admin("/ready").await.status, served.admin("/live").await.status), (200, 200));
}

/// A server that knows a headless Service `db`.
async fn knowing() -> Served {
    let api = Api::default();
    api.put("services", &service("db", true));
    api.read(DB, Read::Object(service("db", true)));
    Served::ready_with(api, |_| {}).await
}

#[tokio::test]
async fn goes_on_when_lists_and_watches_are_throttled() {
    let served = knowing().await;
    let lists = served.api.lists("services");
    served.api.list("services", Some(Read::Status(429)));
    served.api.compact("services");
    until("further lists", async || served.api.lists("services") > lists + 2).await;
    let verdict = validated(&served).await;
    assert!(verdict["allowed"] == true && warnings(&verdict).is_empty(), "{verdict}");
    is_well(&served).await;
    served.api.refuse_watches("services", Some(429));
    served.api.list("services", None);
    let watches = served.api.watches("services");
    until("further watches", async || served.api.watches("services") > watches + 1).await;
    is_well(&served).await;
    served.api.refuse_watches("services", None);
    served.api.put("services", &service("other", true));
    until("the next Service", async || served.counts(SERVICES, 2.0).await).await;
}

#[tokio::test]
async fn lists_ever_more_seldom_while_watches_are_refused() {
    let served = knowing().await;
    served.api.refuse_watches("services", Some(403));
    served.api.compact("services");
    let mut waits = Vec::new();
    for _ in 0..5 {
        let (lists, begun) = (served.api.lists("services"), Instant::now());
        until("the next list", async || served.api.lists("services") > lists).await;
        waits.push(begun.elapsed());
    }
    // The first waits are half a second at the most, the last two seconds at the least.
    assert!(waits[4] > waits[0] && waits[4] > waits[1], "{waits:?}");
    is_well(&served).await;
}

#[tokio::test]
async fn stays_right_when_one_resource_is_forbidden() {
    let api = Api::default();
    api.put("services", &service("db", false));
    api.read(DB, Read::Object(service("db", false)));
    let served = Served::ready_with(api, |_| {}).await;
    assert_eq!(validated(&served).await["allowed"], false);
    served.api.list("services", Some(Read::Status(403)));
    served.api.read(DB, Read::Status(403));
    let lists = served.api.lists("services");
    served.api.compact("services");
    until("further lists", async || served.api.lists("services") > lists + 1).await;
    // What was known cannot be confirmed: nobody is denied over it.
    let verdict = validated(&served).await;
    assert!(verdict["allowed"] == true && !warnings(&verdict).is_empty(), "{verdict}");
    is_well(&served).await;
    // All other kinds are followed as before.
    served.api.put("statefulsets", &super::objects::set());
    until("the set", async || served.counts(SETS, 1.0).await).await;
    served.api.list("services", None);
    served.api.read(DB, Read::Object(service("db", false)));
    until("a denial again", async || validated(&served).await["allowed"] == false).await;
}

#[tokio::test]
async fn notices_a_watch_that_has_gone_silent() {
    let api = Api::default();
    api.put("services", &service("other", true));
    let served = Served::ready_with(api, |settings| settings.silence = Duration::from_millis(500)).await;
    served.api.fall_silent("services");
    served.api.put("services", &service("db", true));
    until("what only a list can tell", async || served.counts(SERVICES, 2.0).await).await;
    is_well(&served).await;
}

#[tokio::test]
async fn asks_again_for_a_list_that_never_comes() {
    let api = Api::default();
    api.list("services", Some(Read::Hang));
    let served = Served::start(api, |settings| settings.silence = Duration::from_millis(500)).await;
    until("a second list", async || served.api.lists("services") > 1).await;
    assert_eq!(served.admin("/ready").await.status, 503);
    served.api.list("services", None);
    served.becomes_ready().await;
}

#[tokio::test]
async fn reports_how_old_its_stores_are_and_recovers_when_the_api_server_is_back() {
    let served = knowing().await;
    served.api.go_away();
    let gone = served.metric(AGE).await;
    until("further tries", async || served.api.refused() >= 10).await;
    assert!(served.metric(AGE).await > gone, "the age is reported");
    let verdict = validated(&served).await;
    assert!(verdict["allowed"] == true && warnings(&verdict).is_empty(), "{verdict}");
    is_well(&served).await;
    served.api.put_unseen("services", &service("other", true));
    served.api.come_back();
    until("what changed meanwhile", async || served.counts(SERVICES, 2.0).await).await;
    until("news", async || served.metric(AGE).await < gone.max(1.0)).await;
}

#[tokio::test]
async fn becomes_ready_when_an_api_server_that_was_away_at_the_start_comes() {
    let api = Api::default();
    api.go_away();
    let served = Served::start(api, |_| {}).await;
    until("further tries", async || served.api.refused() >= 10).await;
    assert_eq!((served.admin("/ready").await.status, served.admin("/live").await.status), (503, 200));
    served.api.come_back();
    served.becomes_ready().await;
}
