use super::*;
use crate::facts::InMemory;
use crate::kubernetes::StatefulSet;
use crate::rule::Finding;
use crate::rules::harness;
use serde_json::{Value, json};

fn governing(replicas: i32, owned: bool, old: Option<&Value>, new: &Value) -> Vec<Finding> {
    let owners = if owned { json!([{"kind": "Cluster", "name": "db", "controller": true}]) } else { json!([]) };
    let set: StatefulSet = harness::read(&json!({
        "metadata": {"name": "db", "ownerReferences": owners},
        "spec": {"serviceName": "db", "replicas": replicas, "template": {"metadata": {"labels": {"app": "db"}}}},
    }));
    let facts = InMemory::default().with(harness::NAMESPACE, "db", SetFacts::from(&set));
    harness::service_findings("STS105", old, new, &facts)
}

fn service(cluster_ip: &str, app: &str) -> Value {
    json!({"metadata": {"name": "db"}, "spec": {"clusterIP": cluster_ip, "selector": {"app": app}}})
}

#[test]
fn denies_a_new_service_with_an_address() {
    assert_eq!(governing(3, false, None, &service("10.96.0.7", "db"))[0].action, Action::Deny);
    assert!(governing(3, false, None, &service("None", "db")).is_empty());
}

#[test]
fn only_audits_a_set_that_an_operator_owns() {
    assert_eq!(governing(3, true, None, &service("10.96.0.7", "db"))[0].action, Action::Audit);
}

#[test]
fn denies_turning_a_headless_service_into_external_name_but_not_editing_a_broken_one() {
    let external =
        json!({"metadata": {"name": "db"}, "spec": {"type": "ExternalName", "externalName": "db.example.com"}});
    assert_eq!(governing(3, false, Some(&service("None", "db")), &external)[0].action, Action::Deny);
    assert!(governing(3, false, Some(&service("10.96.0.7", "db")), &external).is_empty());
}

#[test]
fn an_update_without_an_address_keeps_the_old_one() {
    let without = json!({"metadata": {"name": "db"}, "spec": {"selector": {"app": "db"}}});
    assert!(governing(3, false, Some(&service("None", "db")), &without).is_empty());
}

#[test]
fn warns_of_a_selector_that_no_longer_fits() {
    let found = governing(3, false, Some(&service("None", "db")), &service("None", "web"));
    assert_eq!((found.len(), found[0].action), (1, Action::Warn));
    assert!(governing(3, false, Some(&service("None", "web")), &service("None", "cache")).is_empty());
}
