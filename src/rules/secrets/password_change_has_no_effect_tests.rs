use crate::rule::Finding;
use crate::rules::harness;
use serde_json::{Value, json};

fn set(image: &str, path: &str, container: &Value) -> Value {
    let mut container = container.clone();
    container["name"] = json!("db");
    container["image"] = json!(image);
    container["volumeMounts"] = json!([{"name": "data", "mountPath": path}]);
    let templates = json!([{"metadata": {"name": "data"}}]);
    json!({"spec": {"template": {"spec": {"containers": [container]}}, "volumeClaimTemplates": templates}})
}

fn password(name: &str, value: &str) -> Value {
    json!({"env": [{"name": name, "value": value}]})
}

fn changed(image: &str, path: &str, name: &str) -> Vec<Finding> {
    harness::update("STS405", &set(image, path, &password(name, "old-1")), &set(image, path, &password(name, "new-2")))
}

#[test]
fn finds_a_new_value_without_showing_either() {
    let found = changed("postgres:16", "/var/lib/postgresql/data", "POSTGRES_PASSWORD");
    assert_eq!(found[0].message, "PostgreSQL reads POSTGRES_PASSWORD only to make new data: the old password stays");
    assert_eq!(found[0].pointer.as_str(), "/spec/template/spec/containers/0/env/0/value");
    for (image, path, name) in [
        ("postgres", "/var/lib/postgresql/data", "POSTGRES_PASSWORD"),
        ("mysql:8.4", "/var/lib/mysql", "MYSQL_ROOT_PASSWORD"),
        ("mariadb:11", "/var/lib/mysql", "MARIADB_PASSWORD"),
        ("mongo:7", "/data/db", "MONGO_INITDB_ROOT_PASSWORD"),
        ("rabbitmq:4", "/var/lib/rabbitmq", "RABBITMQ_DEFAULT_PASS"),
        ("influxdb:2.7", "/var/lib/influxdb2", "DOCKER_INFLUXDB_INIT_PASSWORD"),
    ] {
        let text = format!("{:?}", changed(image, path, name));
        assert!(text.contains(name) && !text.contains("old-1") && !text.contains("new-2"), "{text}");
    }
}

#[test]
fn accepts_passwords_that_are_read_each_time_and_images_that_nobody_knows() {
    assert!(changed("redis:7", "/data", "REDIS_PASSWORD").is_empty());
    assert!(changed("acme/postgres:16", "/var/lib/postgresql/data", "POSTGRES_PASSWORD").is_empty());
    assert!(changed("postgres:16", "/var/lib/postgresql/data", "APP_PASSWORD").is_empty());
}

#[test]
fn accepts_another_way_to_deliver_it() {
    let at = |container: &Value| set("postgres:16", "/var/lib/postgresql/data", container);
    let literal = at(&password("POSTGRES_PASSWORD", "x"));
    let secret = json!({"env": [{"name": "POSTGRES_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "a"}}}]});
    let by_file = json!({"env": [{"name": "POSTGRES_PASSWORD_FILE", "value": "/run/x"}]});
    let by_reference = json!({"env": [
        {"name": "PW", "value": "x"}, {"name": "POSTGRES_PASSWORD", "value": "$(PW)"},
    ]});
    let twice = json!({"env": [
        {"name": "POSTGRES_PASSWORD", "value": "y"}, {"name": "POSTGRES_PASSWORD", "value": "x"},
    ]});
    for other in [secret, by_file, by_reference, twice, json!({"envFrom": [{"secretRef": {}}]}), json!({})] {
        for (old, new) in [(&literal, &at(&other)), (&at(&other), &literal)] {
            assert!(harness::update("STS405", old, new).is_empty(), "{other}");
        }
    }
}

#[test]
fn accepts_it_where_new_data_is_made() {
    let emptied = |value: &str| {
        let mut set = set("postgres:16", "/var/lib/postgresql/data", &password("POSTGRES_PASSWORD", value));
        set["spec"]["volumeClaimTemplates"] = json!([]);
        set["spec"]["template"]["spec"]["volumes"] = json!([{"name": "data", "emptyDir": {}}]);
        set
    };
    assert!(harness::update("STS405", &emptied("old"), &emptied("new")).is_empty());
    let old = set("postgres:16", "/var/lib/postgresql/data", &password("POSTGRES_PASSWORD", "old"));
    let mut new = set("postgres:16", "/var/lib/postgresql/data", &password("POSTGRES_PASSWORD", "new"));
    let elsewhere = json!({"name": "PGDATA", "value": "/var/lib/postgresql/data/second"});
    new["spec"]["template"]["spec"]["containers"][0]["env"].as_array_mut().expect("a list").push(elsewhere);
    assert!(harness::update("STS405", &old, &new).is_empty(), "STS202 has said that the data moves");
}
