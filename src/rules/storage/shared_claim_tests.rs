use super::*;
use crate::facts::InMemory;
use crate::rules::harness;
use serde_json::{Value, json};

fn set(replicas: i32, image: &str, mount: &Value, templates: &Value) -> Value {
    let mut mount = mount.clone();
    mount["name"] = json!("files");
    let container = json!({"name": "db", "image": image, "volumeMounts": [mount]});
    let volumes = json!([{"name": "files", "persistentVolumeClaim": {"claimName": "shared"}}]);
    let template = json!({"spec": {"containers": [container], "volumes": volumes}});
    json!({"spec": {"replicas": replicas, "template": template, "volumeClaimTemplates": templates}})
}

fn judged(set: &Value, facts: &InMemory) -> Vec<Action> {
    harness::created("STS208", set, facts).iter().map(|finding| finding.action).collect()
}

fn mounted(replicas: i32, image: &str, mount: &Value) -> Vec<Action> {
    judged(&set(replicas, image, mount, &json!([])), &InMemory::default())
}

fn data() -> Value {
    json!({"mountPath": "/var/lib/mysql"})
}

#[test]
fn denies_several_servers_on_the_same_files() {
    assert_eq!(mounted(2, "mysql:8.4", &data()), [Action::Deny]);
    assert_eq!(mounted(2, "mysql:8.4", &json!({"mountPath": "/var/lib/mysql", "subPath": "x"})), [Action::Deny]);
    assert_eq!(mounted(2, "mysql", &data()), [Action::Warn], "whatever the major");
    assert_eq!(mounted(2, "registry.example.com/mysql:8.4", &data()), [Action::Warn]);
}

#[test]
fn accepts_one_replica_and_what_is_not_written_to_by_all() {
    assert!(mounted(1, "mysql:8.4", &data()).is_empty());
    let own = json!({"mountPath": "/var/lib/mysql", "subPathExpr": "$(POD_NAME)"});
    for mount in [json!({"mountPath": "/var/lib/mysql", "readOnly": true}), own] {
        assert!(mounted(3, "mysql:8.4", &mount).is_empty(), "{mount}");
        assert!(mounted(3, "acme/app:1", &mount).is_empty(), "{mount}");
    }
}

#[test]
fn accepts_files_beside_the_data() {
    assert!(mounted(3, "mysql:8.4", &json!({"mountPath": "/backup"})).is_empty());
}

#[test]
fn warns_where_it_is_not_known_whose_files_they_are() {
    let files = json!({"mountPath": "/files"});
    assert_eq!(mounted(3, "acme/app:1", &files), [Action::Warn]);
    assert_eq!(mounted(3, "acme/mysql:8.4", &data()), [Action::Warn]);
    let own = json!([{"metadata": {"name": "data"}}]);
    assert!(judged(&set(3, "acme/app:1", &files, &own), &InMemory::default()).is_empty(), "they share on purpose");
}

#[test]
fn looks_at_how_the_claim_may_be_mounted() {
    let with = |templates: &Value, modes: Option<bool>| {
        let facts = InMemory::default().knowing::<ClaimModes>();
        let facts = match modes {
            Some(for_many) => facts.with(harness::NAMESPACE, "shared", ClaimModes { for_many }),
            None => facts,
        };
        judged(&set(3, "acme/app:1", &json!({"mountPath": "/files"}), templates), &facts)
    };
    let (none, own) = (json!([]), json!([{"metadata": {"name": "data"}}]));
    assert_eq!((with(&none, Some(true)), with(&own, Some(true))), (vec![], vec![]));
    assert_eq!((with(&none, Some(false)), with(&own, Some(false))), (vec![Action::Warn], vec![Action::Warn]));
    assert_eq!((with(&none, None), with(&own, None)), (vec![Action::Warn], vec![]));
}

#[test]
fn knows_that_a_template_takes_the_place_of_the_volume() {
    let own = json!([{"metadata": {"name": "files"}}]);
    for image in ["mysql:8.4", "acme/app:1"] {
        assert!(judged(&set(3, image, &data(), &own), &InMemory::default()).is_empty(), "{image}");
    }
}

#[test]
fn scaling_up_is_new() {
    let found =
        harness::update("STS208", &set(1, "mysql:8.4", &data(), &json!([])), &set(2, "mysql:8.4", &data(), &json!([])));
    assert_eq!((found.len(), found[0].action, found[0].pre_existing), (1, Action::Deny, false));
    let found =
        harness::update("STS208", &set(2, "mysql:8.4", &data(), &json!([])), &set(3, "mysql:8.4", &data(), &json!([])));
    assert_eq!((found.len(), found[0].action, found[0].pre_existing), (1, Action::Warn, true));
}
