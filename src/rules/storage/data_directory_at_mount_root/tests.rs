use super::*;
use crate::facts::{ClaimFacts, InMemory, StorageClassFacts, VolumeFacts};
use crate::rule::Finding;
use crate::rules::harness;
use serde_json::Value;

fn postgres(container: &Value, template: &Value) -> Value {
    let mut container = container.clone();
    let fields = container.as_object_mut().expect("a container is an object");
    fields.entry("name").or_insert(json!("postgres"));
    fields.entry("image").or_insert(json!("postgres:16"));
    fields.entry("volumeMounts").or_insert(json!([{"name": "data", "mountPath": "/var/lib/postgresql/data"}]));
    json!({
        "metadata": {"name": "pg"},
        "spec": {
            "template": {"spec": {"containers": [container]}},
            "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": template}],
        }
    })
}

/// A cluster without claims and volumes, whose default class makes fresh ones.
fn fresh() -> InMemory {
    let class = |name: &str, is_default, (key, value): (&str, &str)| StorageClassFacts {
        name: name.into(),
        provisioner: "csi.example.com".into(),
        parameters: [(key.to_owned(), value.to_owned())].into(),
        is_default,
    };
    InMemory::default()
        .knowing::<ClaimFacts>()
        .knowing::<VolumeFacts>()
        .with("", "standard", class("standard", true, ("type", "ssd")))
        .with("", "shared", class("shared", false, ("pathPattern", "${.PVC.name}")))
}

fn created(set: &Value, facts: &InMemory) -> Vec<Finding> {
    harness::created("STS201", set, facts)
}

fn fixes(container: &Value, template: &Value) -> Option<Value> {
    let found = created(&postgres(container, template), &fresh());
    assert_eq!(found.len(), 1, "the finding itself does not depend on the fix");
    found[0].safe_fix().map(|fix| json!(fix.operations))
}

#[test]
fn sets_pgdata_on_a_volume_that_is_proved_new() {
    let entry = json!({"name": "PGDATA", "value": "/var/lib/postgresql/data/pgdata"});
    let path = "/spec/template/spec/containers/0/env";
    assert_eq!(fixes(&json!({}), &json!({})), Some(json!([{"op": "add", "path": path, "value": [entry]}])));
    let env = json!({"env": [{"name": "POSTGRES_USER", "value": "app"}]});
    assert_eq!(fixes(&env, &json!({})), Some(json!([{"op": "add", "path": format!("{path}/-"), "value": entry}])));
    let same = json!({"env": [{"name": "PGDATA", "value": "/var/lib/postgresql/data/"}]});
    assert_eq!(
        fixes(&same, &json!({})),
        Some(json!([{"op": "add", "path": format!("{path}/0/value"), "value": "/var/lib/postgresql/data/pgdata"}]))
    );
}

#[test]
fn fixes_nothing_where_the_volume_may_hold_data() {
    for template in [
        json!({"dataSource": {"kind": "VolumeSnapshot", "name": "s"}}),
        json!({"dataSourceRef": {"kind": "VolumeSnapshot", "name": "s"}}),
        json!({"volumeName": "pv-1"}),
        json!({"selector": {"matchLabels": {"disk": "pg"}}}),
        json!({"storageClassName": ""}),
        json!({"storageClassName": "shared"}),
        json!({"storageClassName": "unheard-of"}),
    ] {
        assert_eq!(fixes(&json!({}), &template), None, "{template}");
    }
}

#[test]
fn fixes_nothing_where_the_container_relies_on_the_old_place() {
    let data = "/var/lib/postgresql/data";
    for container in [
        json!({"args": ["-c", format!("hba_file={data}/pg_hba.conf")]}),
        json!({"env": [{"name": "BACKUP_DIR", "value": format!("{data}/backup")}]}),
        json!({"envFrom": [{"secretRef": {"name": "settings"}}]}),
        json!({"readinessProbe": {"exec": {"command": ["test", "-f", format!("{data}/PG_VERSION")]}}}),
        json!({"lifecycle": {"preStop": {"exec": {"command": ["pg_ctl", "stop", "-D", data]}}}}),
        json!({"volumeMounts": [{"name": "data", "mountPath": data}, {"name": "wal", "mountPath": format!("{data}/pg_wal")}]}),
    ] {
        assert_eq!(fixes(&container, &json!({})), None, "{container}");
    }
}

#[test]
fn fixes_nothing_without_facts_and_asks_for_them() {
    let found = created(&postgres(&json!({}), &json!({})), &InMemory::default());
    assert!(found[0].fix.is_none());
}

#[test]
fn fixes_nothing_while_a_free_volume_of_the_class_would_be_bound() {
    let volume = |class: &str| VolumeFacts { class: class.into(), ..VolumeFacts::default() };
    let fix = |facts| created(&postgres(&json!({}), &json!({})), &facts)[0].fix.clone();
    assert!(fix(fresh().with("", "pv-1", volume("standard"))).is_none());
    assert!(fix(fresh().with("", "pv-1", volume("another"))).is_some());
}

#[test]
fn names_the_claims_that_exist() {
    let facts = fresh().with(harness::NAMESPACE, "data-pg-0", ClaimFacts { name: "data-pg-0".into(), deleting: false });
    let found = created(&postgres(&json!({}), &json!({})), &facts);
    assert!(found[0].message.contains("data-pg-0") && found[0].fix.is_none());
}

#[test]
fn accepts_a_subdirectory_a_sub_path_and_other_images() {
    let sub_path = json!([{"name": "data", "mountPath": "/var/lib/postgresql/data", "subPath": "pg"}]);
    for container in [
        json!({"env": [{"name": "PGDATA", "value": "/var/lib/postgresql/data/pgdata"}]}),
        json!({ "volumeMounts": sub_path }),
        json!({"image": "acme/postgres:16"}),
        json!({"image": "postgres:18", "volumeMounts": [{"name": "data", "mountPath": "/var/lib/postgresql"}]}),
    ] {
        assert!(created(&postgres(&container, &json!({})), &fresh()).is_empty(), "{container}");
    }
}

#[test]
fn keeps_pgdata_when_the_manifest_comes_again_without_it() {
    let env = |entries: Value| json!({ "env": entries });
    let user = json!({"name": "POSTGRES_USER", "value": "app"});
    let fixed = json!({"name": "PGDATA", "value": "/var/lib/postgresql/data/pgdata"});
    let keep = |old: &Value, new: &Value| {
        let (old, new): (StatefulSet, StatefulSet) = (harness::read(old), harness::read(new));
        let policy = crate::rules::policy(crate::rule::Profile::Recommended);
        let (old, new) = (Workload::new(&old, &policy), Workload::new(&new, &policy));
        let fixes = DataDirectoryAtMountRoot.keep_fixes(&old, &new);
        fixes.first().map(|fix| json!(fix.operations))
    };
    let old = postgres(&env(json!([user, fixed])), &json!({}));
    let path = "/spec/template/spec/containers/0/env/-";
    assert_eq!(
        keep(&old, &postgres(&env(json!([user])), &json!({}))),
        Some(json!([{"op": "add", "path": path, "value": fixed}]))
    );
    let own = json!({"name": "PGDATA", "value": "/var/lib/postgresql/data/elsewhere"});
    assert_eq!(keep(&old, &postgres(&env(json!([user, own])), &json!({}))), None, "another value is the user's");
    let mut moved = postgres(&env(json!([user])), &json!({}));
    moved["spec"]["template"]["spec"]["containers"][0]["volumeMounts"][0]["mountPath"] = json!("/data");
    assert_eq!(keep(&old, &moved), None, "PGDATA must not be moved off the claim");
}

#[test]
fn fixes_nothing_while_a_volume_is_reserved_for_a_claim_of_the_set() {
    let reserved = |claim: &str| VolumeFacts {
        class: "standard".into(),
        namespace: harness::NAMESPACE.into(),
        claim: claim.into(),
    };
    let fix = |claim| {
        let facts = fresh().with("", "pv-1", reserved(claim));
        created(&postgres(&json!({}), &json!({})), &facts)[0].fix.clone()
    };
    assert!(fix("data-pg-0").is_none() && fix("data-other-0").is_some());
}
