use crate::facts::{ConfigMapFacts, InMemory};
use crate::rules::harness;
use serde_json::{Value, json};

fn found(container: &Value, facts: &InMemory) -> Vec<String> {
    let pod = json!({"containers": [container]});
    harness::create_with("STS402", &json!({"spec": {"template": {"spec": pod}}}), facts)
}

fn created(image: &str, env: &Value) -> Vec<String> {
    found(&json!({"name": "db", "image": image, "env": env}), &InMemory::default())
}

fn one(name: &str, value: &str) -> Value {
    json!([{"name": name, "value": value}])
}

#[test]
fn finds_trust_whether_there_is_a_password_or_not() {
    let mut env = one("POSTGRES_HOST_AUTH_METHOD", "trust");
    let expected = ["POSTGRES_HOST_AUTH_METHOD lets whoever reaches PostgreSQL in without a password"];
    assert_eq!(created("postgres:16", &env), expected);
    env.as_array_mut().expect("a list").push(json!({"name": "POSTGRES_PASSWORD", "valueFrom": {}}));
    assert_eq!(created("postgis/postgis:16-3.4", &env), expected);
    assert!(created("postgres:16", &one("POSTGRES_HOST_AUTH_METHOD", "scram-sha-256")).is_empty());
    assert!(created("mysql:8", &one("POSTGRES_HOST_AUTH_METHOD", "trust")).is_empty());
}

#[test]
fn finds_an_empty_password_that_is_allowed() {
    for (image, name, value) in [
        ("mysql:8.4", "MYSQL_ALLOW_EMPTY_PASSWORD", "no"),
        ("mariadb:11", "MARIADB_ALLOW_EMPTY_ROOT_PASSWORD", "1"),
        ("percona:8.0", "MYSQL_ALLOW_EMPTY_PASSWORD", "yes"),
        ("bitnami/redis:7.4", "ALLOW_EMPTY_PASSWORD", "Yes"),
        ("bitnamilegacy/postgresql:16", "ALLOW_EMPTY_PASSWORD", "true"),
    ] {
        let found = created(image, &one(name, value));
        assert_eq!(found.len(), 1, "{image} {name}={value}");
        assert!(found[0].starts_with(&format!("{name} is set and no password is")), "{found:?}");
    }
}

#[test]
fn accepts_switches_that_are_off_or_of_other_images() {
    for (image, name, value) in [
        ("mysql:8.4", "MYSQL_ALLOW_EMPTY_PASSWORD", ""),
        ("mysql:8.4", "ALLOW_EMPTY_PASSWORD", "yes"),
        ("redis:7", "ALLOW_EMPTY_PASSWORD", "yes"),
        ("bitnami/redis:7.4", "ALLOW_EMPTY_PASSWORD", "no"),
        ("acme/ledger:1", "MYSQL_ALLOW_EMPTY_PASSWORD", "yes"),
    ] {
        assert!(created(image, &one(name, value)).is_empty(), "{image} {name}={value}");
    }
}

#[test]
fn accepts_a_password_wherever_it_may_come_from() {
    let allowed = json!({"name": "MYSQL_ALLOW_EMPTY_PASSWORD", "value": "yes"});
    for given in [
        json!({"name": "MYSQL_ROOT_PASSWORD", "value": "x"}),
        json!({"name": "MYSQL_ROOT_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "root"}}}),
        json!({"name": "MYSQL_ROOT_PASSWORD_FILE", "value": "/run/secrets/root"}),
        json!({"name": "MYSQL_RANDOM_ROOT_PASSWORD", "value": "yes"}),
        json!({"name": "MYSQL_ROOT_HOST", "value": "localhost"}),
    ] {
        assert!(created("mysql:8.4", &json!([allowed, given])).is_empty(), "{given}");
    }
    let user = json!({"name": "MYSQL_PASSWORD", "value": "x"});
    assert_eq!(created("mysql:8.4", &json!([allowed, user])).len(), 1, "it is not root's");
}

#[test]
fn says_nothing_where_what_is_not_seen_may_set_one() {
    let with =
        |source: &Value, env: &Value| json!({"name": "db", "image": "mysql:8.4", "env": env, "envFrom": [source]});
    let allowed = one("MYSQL_ALLOW_EMPTY_PASSWORD", "yes");
    let secret = with(&json!({"secretRef": {"name": "db"}}), &allowed);
    let map = with(&json!({"configMapRef": {"name": "db"}}), &allowed);
    let nothing = InMemory::default();
    assert!(found(&secret, &nothing).is_empty() && found(&map, &nothing).is_empty());
    let seen = |data: &Value| {
        let mut facts = InMemory::default().knowing::<ConfigMapFacts>();
        let manifest = json!({"kind": "ConfigMap", "metadata": {"name": "db"}, "data": data});
        facts.put_manifest(harness::NAMESPACE, &manifest).expect("a map");
        facts
    };
    assert_eq!(found(&map, &seen(&json!({"MYSQL_DATABASE": "shop"}))).len(), 1);
    assert!(found(&map, &seen(&json!({"MYSQL_ROOT_PASSWORD": "x"}))).is_empty());
    let from_map = with(&json!({"configMapRef": {"name": "db"}}), &json!([]));
    assert_eq!(found(&from_map, &seen(&json!({"MYSQL_ALLOW_EMPTY_PASSWORD": "1"}))).len(), 1);
}

#[test]
fn says_nothing_of_scripts_that_nobody_knows() {
    let env = one("POSTGRES_HOST_AUTH_METHOD", "trust");
    let script = json!({"name": "db", "image": "postgres:16", "env": env, "command": ["/run.sh"]});
    assert!(found(&script, &InMemory::default()).is_empty());
}
