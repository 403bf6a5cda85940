use crate::facts::{ConfigMapFacts, InMemory};
use crate::rules::harness;
use serde_json::{Value, json};

fn created(replicas: i32, pod: &Value, facts: &InMemory) -> Vec<String> {
    let templates = json!([{"metadata": {"name": "data"}}]);
    let spec = json!({"replicas": replicas, "template": {"spec": pod}, "volumeClaimTemplates": templates});
    harness::create_with("STS504", &json!({ "spec": spec }), facts)
}

fn messages(image: &str, container: &Value) -> Vec<String> {
    let mut container = container.clone();
    container["name"] = json!("db");
    container["image"] = json!(image);
    created(3, &json!({"containers": [container]}), &InMemory::default())
}

#[test]
fn finds_plain_images_that_nothing_tells_of_each_other() {
    assert_eq!(
        messages("postgres:16", &json!({"args": ["-c", "max_connections=200"]})),
        ["nothing here makes these 3 PostgreSQL servers replicate: each has a database of its own"]
    );
    let mounts = json!({"volumeMounts": [{"name": "data", "mountPath": "/var/lib/mysql"}]});
    for image in
        ["mysql:8.4", "mariadb:11", "percona:8.0", "mongo:7", "influxdb:2.7", "registry.example.com/postgres:16"]
    {
        assert_eq!(messages(image, &mounts).len(), 1, "{image}");
    }
}

#[test]
fn accepts_a_single_one_and_servers_that_find_each_other_or_that_nobody_knows() {
    let pod = json!({"containers": [{"name": "db", "image": "postgres:16"}]});
    assert!(created(1, &pod, &InMemory::default()).is_empty() && created(0, &pod, &InMemory::default()).is_empty());
    for image in ["cassandra:5", "redis:7", "bitnami/postgresql-repmgr:16", "acme/postgres:16", "acme/ledger:1"] {
        assert!(messages(image, &json!({})).is_empty(), "{image}");
    }
}

#[test]
fn accepts_a_word_of_replication() {
    for (image, container) in [
        ("postgres:16", json!({"args": ["-c", "hot_standby=on"]})),
        ("bitnami/postgresql:16", json!({"env": [{"name": "POSTGRES_REPLICATION_MODE", "value": "slave"}]})),
        ("mysql:8.4", json!({"args": ["--server-id=1"]})),
        ("mariadb:11", json!({"env": [{"name": "MARIADB_MASTER_HOST", "value": "db-0"}]})),
        ("mongo:7", json!({"args": ["mongod", "--replSet", "rs0"]})),
        ("postgres:16", json!({"command": ["/scripts/start.sh"]})),
    ] {
        assert!(messages(image, &container).is_empty(), "{image} {container}");
    }
}

#[test]
fn accepts_what_other_containers_and_files_may_do() {
    let nothing = InMemory::default();
    let beside = |other: &Value| json!({"containers": [{"name": "db", "image": "mongo:7"}, other]});
    assert!(created(3, &beside(&json!({"name": "s", "image": "cvallance/mongo-k8s-sidecar"})), &nothing).is_empty());
    assert_eq!(created(3, &beside(&json!({"name": "s", "image": "bitnami/mongodb-exporter:1"})), &nothing).len(), 1);
    let init = json!({"containers": [{"name": "db", "image": "mysql:8.4"}], "initContainers": [{"image": "busybox"}]});
    assert!(created(3, &init, &nothing).is_empty());
    let mount = json!([{"name": "scripts", "mountPath": "/docker-entrypoint-initdb.d"}]);
    let scripts = json!({
        "containers": [{"name": "db", "image": "mysql:8.4", "volumeMounts": mount}],
        "volumes": [{"name": "scripts", "configMap": {"name": "scripts"}}],
    });
    assert!(created(3, &scripts, &nothing).is_empty());
}

#[test]
fn looks_into_config_maps_that_are_seen() {
    let from = json!([{"configMapRef": {"name": "db"}}]);
    let pod = json!({"containers": [{"name": "db", "image": "postgres:16", "envFrom": from}]});
    assert!(created(3, &pod, &InMemory::default()).is_empty());
    for (data, expected) in [(json!({"POSTGRES_DB": "shop"}), 1), (json!({"PG_MODE": "Replica"}), 0)] {
        let mut facts = InMemory::default().knowing::<ConfigMapFacts>();
        let manifest = json!({"kind": "ConfigMap", "metadata": {"name": "db"}, "data": data});
        facts.put_manifest(harness::NAMESPACE, &manifest).expect("a map");
        assert_eq!(created(3, &pod, &facts).len(), expected, "{data}");
    }
}
