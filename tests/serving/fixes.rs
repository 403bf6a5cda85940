//! PGDATA is only set where every fact that this rests on is confirmed: a volume that holds data would stay unseen.

use serde_json::{Value, json};

use super::answer::Read;
use super::api::Api;
use super::objects::{creation, fixable_set, service, warnings};
use super::patience::until;
use super::served::Served;

const CLAIMS: &str = "/api/v1/namespaces/shop/persistentvolumeclaims";
const CLASS: &str = "/apis/storage.k8s.io/v1/storageclasses/standard";
const VOLUMES: &str = "stsguard_store_objects{store=\"persistentvolumes\"}";
/// More volumes than are read again one and all.
const MANY: u32 = 1001;

fn class() -> Value {
    let default = json!({"storageclass.kubernetes.io/is-default-class": "true"});
    json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "provisioner": "csi.example.com",
        "metadata": {"name": "standard", "annotations": default},
    })
}

/// A PersistentVolume that is reserved for this claim.
fn volume(name: &str, claim: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name},
        "spec": {"storageClassName": "standard", "claimRef": {"namespace": "shop", "name": claim}},
    })
}

/// An API server whose cluster has so many volumes, all of them somebody else's.
fn cluster(volumes: u32) -> Api {
    let api = Api::default();
    api.put("storageclasses", &class());
    api.put("services", &service("db", true));
    for number in 0..volumes {
        api.put("persistentvolumes", &volume(&format!("pv-{number}"), &format!("data-other-{number}")));
    }
    api.read(CLASS, Read::Object(class()));
    api.read(CLAIMS, Read::Object(json!({"kind": "List", "apiVersion": "v1", "metadata": {}, "items": []})));
    api
}

async fn ready(api: Api) -> Served {
    Served::ready_with(api, |_| {}).await
}

async fn mutated(served: &Served) -> Value {
    served.connect().await.review("/mutate", &creation("apps", "statefulsets", &fixable_set())).await
}

/// Whether PGDATA has been set.
fn is_fixed(verdict: &Value) -> bool {
    use base64::Engine as _;
    assert_eq!(verdict["allowed"], true, "{verdict}");
    let Some(patch) = verdict["patch"].as_str() else { return false };
    let patch = base64::engine::general_purpose::STANDARD.decode(patch).expect("patches are base64");
    String::from_utf8_lossy(&patch).contains("PGDATA")
}

#[tokio::test]
async fn are_made_where_a_live_list_shows_no_volume() {
    let served = ready(cluster(3)).await;
    let before = served.api.lists("persistentvolumes");
    let verdict = mutated(&served).await;
    assert!(is_fixed(&verdict), "{verdict}");
    assert_eq!(served.api.lists("persistentvolumes"), before + 1, "it is confirmed");
}

#[tokio::test]
async fn are_not_made_on_a_volume_that_the_store_has_not_seen() {
    let served = ready(cluster(3)).await;
    served.api.put_unseen("persistentvolumes", &volume("old", "data-db-0"));
    let verdict = mutated(&served).await;
    assert!(!is_fixed(&verdict), "{verdict}");
}

#[tokio::test]
async fn are_not_made_where_volumes_cannot_be_listed() {
    let served = ready(cluster(3)).await;
    served.api.list("persistentvolumes", Some(Read::Status(403)));
    let verdict = mutated(&served).await;
    assert!(!is_fixed(&verdict), "{verdict}");
    let verdict = served.connect().await.review("/validate", &creation("apps", "statefulsets", &fixable_set())).await;
    assert!(warnings(&verdict).iter().any(|line| line.starts_with("STS201")), "{verdict}");
}

#[tokio::test]
async fn are_not_made_where_the_class_has_become_another() {
    let served = ready(cluster(3)).await;
    let mut other = class();
    other["provisioner"] = json!("kubernetes.io/no-provisioner");
    served.api.read(CLASS, Read::Object(other));
    assert!(!is_fixed(&mutated(&served).await));
}

#[tokio::test]
async fn are_made_where_volumes_are_many_once_the_store_is_proved_current() {
    let served = ready(cluster(MANY)).await;
    until("all volumes", async || served.counts(VOLUMES, f64::from(MANY)).await).await;
    // What has happened elsewhere since has a later version than any volume.
    served.api.put("services", &service("other", true));
    let (lists, watches) = (served.api.lists("persistentvolumes"), served.api.watches("persistentvolumes"));
    let verdict = mutated(&served).await;
    assert!(is_fixed(&verdict), "{verdict}");
    assert_eq!(served.api.lists("persistentvolumes"), lists + 1, "one item tells the version");
    assert!(served.api.watches("persistentvolumes") > watches, "a short watch has brought a bookmark");
}

#[tokio::test]
async fn are_not_made_where_the_watch_of_many_volumes_lags() {
    let served = ready(cluster(MANY)).await;
    until("all volumes", async || served.counts(VOLUMES, f64::from(MANY)).await).await;
    served.api.fall_silent("persistentvolumes");
    served.api.put("persistentvolumes", &volume("old", "data-db-0"));
    let verdict = mutated(&served).await;
    assert!(!is_fixed(&verdict), "{verdict}");
    served.api.speak_again("persistentvolumes");
    until("the volume", async || served.counts(VOLUMES, f64::from(MANY + 1)).await).await;
    let verdict = mutated(&served).await;
    assert!(!is_fixed(&verdict), "now it is known: {verdict}");
}
