use serde_json::Value;

use super::*;
use crate::evaluation::{Change, Subject};
use crate::facts::InMemory;
use crate::rule::Finding;
use crate::rules::harness;

fn set(image: &str, grace: Option<i64>, metadata: &Value) -> Value {
    let mounts = json!([{"name": "data", "mountPath": "/data"}]);
    let container = json!({"name": "db", "image": image, "volumeMounts": mounts});
    let pod = json!({"containers": [container], "terminationGracePeriodSeconds": grace});
    let templates = json!([{"metadata": {"name": "data"}}]);
    json!({"metadata": metadata, "spec": {"template": {"spec": pod}, "volumeClaimTemplates": templates}})
}

fn created(set: &Value) -> Option<Finding> {
    let set: StatefulSet = harness::read(set);
    harness::findings("STS301", &Subject::StatefulSet(&set, Change::State), Occasion::Create, &InMemory::default())
        .pop()
}

#[test]
fn raises_a_default_to_the_floor_of_the_engine() {
    for (image, floor) in [("postgres:16", 60), ("cassandra:5", 120), ("cockroachdb/cockroach:v24.1.0", 300)] {
        let found = created(&set(image, Some(30), &json!({}))).expect("30 is too short");
        let fix = found.safe_fix().expect("nobody wrote it");
        assert_eq!(fix.yaml, format!("terminationGracePeriodSeconds: {floor}"));
    }
}

#[test]
fn leaves_a_written_value_to_the_user() {
    let applied = json!({"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 30}}}}).to_string();
    let annotated = json!({"annotations": {"kubectl.kubernetes.io/last-applied-configuration": applied}});
    let owned = json!({"managedFields": [{"operation": "Apply", "fieldsV1":
        {"f:spec": {"f:template": {"f:spec": {"f:terminationGracePeriodSeconds": {}}}}}}]});
    for metadata in [annotated, owned] {
        let found = created(&set("postgres:16", Some(30), &metadata)).expect("it is short all the same");
        assert!(found.fix.is_none());
    }
    assert!(created(&set("postgres:16", Some(45), &json!({}))).expect("45 is too short").fix.is_none());
}

#[test]
fn does_not_take_the_defaults_in_managed_fields_of_an_update_for_intent() {
    let defaulted = json!({"managedFields": [{"operation": "Update", "fieldsV1":
        {"f:spec": {"f:template": {"f:spec": {"f:terminationGracePeriodSeconds": {}}}}}}]});
    assert!(created(&set("postgres:16", Some(30), &defaulted)).expect("30 is too short").safe_fix().is_some());
}

#[test]
fn only_audits_unknown_servers() {
    assert_eq!(created(&set("acme/ledger:1", None, &json!({}))).expect("30 is too short").action, Action::Audit);
}

#[test]
fn accepts_enough_time_engines_without_a_floor_and_sets_without_data() {
    assert!(created(&set("postgres:16", Some(60), &json!({}))).is_none());
    assert!(created(&set("hashicorp/vault:1.17", Some(10), &json!({}))).is_none());
    let mut cache = set("redis:7", Some(30), &json!({}));
    cache["spec"]["volumeClaimTemplates"] = json!([]);
    cache["spec"]["template"]["spec"]["volumes"] = json!([{"name": "data", "emptyDir": {}}]);
    assert!(created(&cache).is_none());
    assert!(created(&set("postgres:16", Some(0), &json!({}))).is_none(), "zero is the business of STS302");
}

#[test]
fn counts_a_negative_value_as_one() {
    assert!(created(&set("postgres:16", Some(-5), &json!({}))).is_some());
}

#[test]
fn keeps_the_old_value_when_the_default_comes_back() {
    let policy = crate::rules::policy(crate::rule::Profile::Recommended);
    let keep = |old: &Value, new: &Value| {
        let (old, new): (StatefulSet, StatefulSet) = (harness::read(old), harness::read(new));
        ShortGracePeriod.keep_fixes(&Workload::new(&old, &policy), &Workload::new(&new, &policy)).pop()
    };
    let old = set("postgres:16", Some(60), &json!({}));
    let kept = keep(&old, &set("postgres:16.4", Some(30), &json!({}))).expect("the default came back");
    assert_eq!(kept.yaml, "terminationGracePeriodSeconds: 60");
    assert_eq!(keep(&old, &set("postgres:16", Some(45), &json!({}))), None);
    assert_eq!(keep(&old, &set("mysql:8", Some(30), &json!({}))), None);

    let beside = |image: &str, grace: i64| {
        let mut set = set("acme/exporter:1", Some(grace), &json!({}));
        let containers = &mut set["spec"]["template"]["spec"]["containers"];
        let mount = json!([{"name": "data", "mountPath": "/data"}]);
        *containers = json!([
            {"name": "cache", "image": image},
            {"name": "db", "image": "cockroachdb/cockroach:v24.1.0", "volumeMounts": mount},
        ]);
        set
    };
    let kept = keep(&beside("redis:7", 300), &beside("valkey/valkey:8", 30)).expect("the slowest server is unchanged");
    assert_eq!(kept.yaml, "terminationGracePeriodSeconds: 300");
}
