//! Stores: what the server knows from watches, and what happens when those fail.

use serde_json::{Value, json};
use stsguard::facts::resources;
use tokio::time::Instant;

use super::answer::Read;
use super::api::Api;
use super::objects::{DB, service, set_creation, warnings};
use super::patience::until;
use super::served::Served;

const SERVICES: &str = "stsguard_store_objects{store=\"services\"}";
const MALFORMED: &str = "stsguard_store_malformed{store=\"services\"}";

async fn validated(served: &Served) -> Value {
    served.connect().await.review("/validate", &set_creation()).await
}

/// Whether the store knows a headless Service `db`: then nothing is read live and nothing is said.
async fn knows_headless(served: &Served) -> bool {
    let reads = served.api.seen().len();
    let verdict = validated(served).await;
    served.api.seen().len() == reads && warnings(&verdict).is_empty()
}

/// The collections that stores keep, in the order of the table of kinds.
fn stored() -> impl Iterator<Item = &'static str> {
    resources().into_iter().filter(|resource| resource.stored).map(|resource| resource.plural)
}

#[tokio::test]
async fn is_ready_only_after_the_first_lists() {
    let api = Api::default();
    for collection in stored() {
        api.list(collection, Some(Read::Hang));
    }
    let served = Served::start(api, |_| {}).await;
    for collection in stored() {
        until("the list", async || served.api.lists(collection) > 0).await;
        let response = served.admin("/ready").await;
        assert_eq!(response.status, 503);
        assert!(response.text().contains(collection), "{}", response.text());
        assert_eq!(served.admin("/live").await.status, 200);
        served.api.list(collection, None);
        until("the store", async || !served.admin("/ready").await.text().contains(collection)).await;
    }
    assert_eq!(served.admin("/ready").await.status, 200);
}

#[tokio::test]
async fn follows_what_is_created_and_deleted() {
    let api = Api::default();
    api.put("services", &service("other", true));
    let served = Served::ready_with(api, |_| {}).await;
    assert!(served.counts(SERVICES, 1.0).await && !served.counts(SERVICES, 2.0).await);
    served.api.put("services", &service("db", true));
    until("the creation", async || knows_headless(&served).await).await;
    served.api.delete("services", &service("db", true));
    until("the deletion", async || !knows_headless(&served).await).await;
    until("the other alone", async || !served.counts(SERVICES, 2.0).await).await;
}

#[tokio::test]
async fn lists_again_when_the_watch_is_gone() {
    let api = Api::default();
    api.put("services", &service("other", true));
    let served = Served::ready_with(api, |_| {}).await;
    let lists = served.api.lists("services");
    served.api.put_unseen("services", &service("db", true));
    assert!(!knows_headless(&served).await, "no watch has shown it");
    served.api.compact("services");
    until("the Service that only a list shows", async || knows_headless(&served).await).await;
    assert!(served.api.lists("services") > lists);
    served.api.put("services", &service("third", true));
    until("the new watch", async || served.counts(SERVICES, 3.0).await).await;
    assert_eq!(served.admin("/ready").await.status, 200);
}

#[tokio::test]
async fn leaves_out_what_cannot_be_read_and_keeps_the_others() {
    let mut malformed = service("bad", true);
    malformed["spec"]["selector"] = json!(7);
    let api = Api::default();
    api.put("services", &malformed);
    api.put("services", &service("db", true));
    let served = Served::ready_with(api, |_| {}).await;
    assert!(served.counts(MALFORMED, 1.0).await);
    assert!(knows_headless(&served).await);
    let before = served.metric(MALFORMED).await;
    malformed["metadata"]["name"] = json!("worse");
    served.api.put("services", &malformed);
    served.api.put("services", &service("third", true));
    until("what comes after it", async || served.counts(SERVICES, 2.0).await).await;
    assert!(served.metric(MALFORMED).await > before && knows_headless(&served).await);
}

#[tokio::test]
async fn says_nothing_of_an_object_that_has_become_unreadable() {
    let api = Api::default();
    api.put("services", &service("db", false));
    api.read(DB, Read::Object(service("db", false)));
    let served = Served::ready_with(api, |_| {}).await;
    assert_eq!(validated(&served).await["allowed"], false);
    let mut malformed = service("db", true);
    malformed["spec"]["selector"] = json!(7);
    served.api.put("services", &malformed);
    until("the fault to be counted", async || served.counts(MALFORMED, 1.0).await).await;
    let verdict = validated(&served).await;
    assert!(verdict["allowed"] == true && warnings(&verdict).is_empty(), "{verdict}");
}

#[tokio::test]
async fn counts_each_unreadable_object_once_and_until_it_is_mended() {
    let mut malformed = service("bad", true);
    malformed["spec"]["selector"] = json!(7);
    let api = Api::default();
    api.put("services", &malformed);
    let served = Served::ready_with(api, |_| {}).await;
    served.api.put("services", &malformed);
    let lists = served.api.lists("services");
    served.api.compact("services");
    served.api.put("services", &service("db", true));
    until("what comes after it", async || knows_headless(&served).await).await;
    until("the next list", async || served.api.lists("services") > lists).await;
    assert!(!served.counts(MALFORMED, 2.0).await && served.counts(MALFORMED, 1.0).await);
    served.api.put("services", &service("bad", true));
    until("the fixed object", async || served.counts(SERVICES, 2.0).await).await;
    assert!(!served.counts(MALFORMED, 1.0).await);
}

#[tokio::test]
async fn answers_from_its_stores_when_the_api_server_has_gone() {
    let api = Api::default();
    api.put("services", &service("db", true));
    let served = Served::ready_with(api, |_| {}).await;
    served.api.go_away();
    until("further tries", async || served.api.refused() >= 10).await;
    assert!(knows_headless(&served).await);
    assert_eq!((served.admin("/ready").await.status, served.admin("/live").await.status), (200, 200));
}

#[tokio::test]
async fn becomes_ready_when_lists_succeed_at_last() {
    let api = Api::default();
    api.list("services", Some(Read::Status(403)));
    let served = Served::start(api, |_| {}).await;
    until("a second try", async || served.api.lists("services") > 1).await;
    assert_eq!(served.admin("/ready").await.status, 503);
    served.api.list("services", None);
    served.becomes_ready().await;
}

#[tokio::test]
async fn a_try_that_fails_is_no_news() {
    let api = Api::default();
    api.list("services", Some(Read::Status(500)));
    let served = Served::start(api, |_| {}).await;
    let age = "stsguard_store_age_seconds{store=\"services\"}";
    let first = served.metric(age).await;
    let begun = Instant::now();
    until("further tries", async || served.api.lists("services") > 2).await;
    let between = begun.elapsed().as_secs_f64();
    let later = served.metric(age).await;
    assert!(later - first >= between, "{first} has become {later} in {between}");
}

#[tokio::test]
async fn reads_live_while_a_store_is_not_synced() {
    let api = Api::default();
    api.list("services", Some(Read::Hang));
    api.read(DB, Read::Object(service("db", false)));
    let served = Served::start(api, |_| {}).await;
    let verdict = validated(&served).await;
    assert_eq!(verdict["allowed"], false, "{verdict}");
}
