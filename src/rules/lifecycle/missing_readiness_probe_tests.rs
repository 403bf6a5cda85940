use crate::engines::engines;
use crate::facts::InMemory;
use crate::rule::Finding;
use crate::rules::harness;
use serde_json::{Value, json};

fn found(image: &str, probe: bool, spec: Value) -> Vec<Finding> {
    let probe = if probe { json!({"exec": {"command": ["true"]}}) } else { json!(null) };
    let mut spec = spec;
    spec["template"] = json!({"spec": {"containers": [{"name": "db", "image": image, "readinessProbe": probe}]}});
    harness::created("STS304", &json!({ "spec": spec }), &InMemory::default())
}

fn created(image: &str, probe: bool, replicas: i32) -> usize {
    found(image, probe, json!({ "replicas": replicas })).len()
}

fn help(image: &str, spec: Value) -> String {
    found(image, false, spec).pop().expect("it has no probe").help
}

#[test]
fn finds_known_servers_even_alone_and_unknown_ones_in_company() {
    assert_eq!((created("postgres:16", false, 1), created("acme/ledger:1", false, 2)), (1, 1));
}

#[test]
fn accepts_a_probe_and_a_lone_unknown_server() {
    assert_eq!((created("postgres:16", true, 3), created("acme/ledger:1", false, 1)), (0, 0));
}

#[test]
fn proposes_what_fits_the_engine() {
    for (image, expected) in [
        ("postgres:16", "exec: {command: [pg_isready, -h, 127.0.0.1, -U, postgres]}, timeoutSeconds: 5"),
        ("mysql:8.4", "exec: {command: [mysqladmin, ping, -h, 127.0.0.1]}, timeoutSeconds: 5"),
        ("percona/percona-server:8.0", "exec: {command: [mysqladmin, ping, -h, 127.0.0.1]}, timeoutSeconds: 5"),
        ("mariadb:11", "exec: {command: [healthcheck.sh, --connect]}, timeoutSeconds: 5"),
        ("redis:7", "exec: {command: [sh, -c, \"redis-cli ping | grep -qE 'PONG|NOAUTH'\"]}, timeoutSeconds: 5"),
        ("cassandra:5", "tcpSocket: {port: 9042}"),
        ("clickhouse/clickhouse-server:24.8", "httpGet: {path: /ping, port: 8123}"),
        ("hashicorp/vault:1.18", "/v1/sys/health?standbyok=true&perfstandbyok=true\", port: 8200, scheme: HTTPS}"),
        ("prom/prometheus:v3.0.0", "httpGet: {path: /-/ready, port: 9090}"),
        ("opensearchproject/opensearch:2", "tcpSocket: {port: 9200}"),
    ] {
        let help = help(image, json!({}));
        assert!(help.starts_with("add to the container: readinessProbe: {"), "{help}");
        assert!(help.contains(expected), "{image}: {help}");
    }
}

#[test]
fn an_image_with_a_way_of_its_own_is_asked_that_way_and_its_namesakes_are_not() {
    for image in ["bitnami/mariadb:11", "acme/mariadb:11"] {
        assert!(help(image, json!({})).contains("[mariadb-admin, ping, -h, 127.0.0.1]"), "{image}");
    }
    assert!(help("registry.corp.example/mariadb:11", json!({})).contains("healthcheck.sh"));
}

#[test]
fn takes_the_program_of_the_major_and_none_for_an_unknown_one() {
    assert!(help("mongo:8", json!({})).contains("[mongosh, --quiet, --eval, \"db.adminCommand('ping')\"]"));
    assert!(help("mongo:4.4", json!({})).contains("[mongo, --quiet"));
    assert!(help("influxdb:2.7", json!({})).contains("path: /health, port: 8086"));
    assert!(help("influxdb:1.8", json!({})).contains("path: /ping, port: 8086"));
    for image in ["mongo", "mongo:latest", "influxdb:3-core", "influxdb", "yugabytedb/yugabyte:2.25.0.0-b489"] {
        assert_eq!(
            help(image, json!({})),
            "add a readinessProbe that asks the server itself whether it serves",
            "{image}"
        );
    }
}

#[test]
fn pods_that_start_in_order_are_asked_nothing_that_waits_for_peers_or_are_told() {
    let (ordered, parallel) = (json!({"replicas": 3}), json!({"replicas": 3, "podManagementPolicy": "Parallel"}));
    assert!(help("rabbitmq:4", ordered.clone()).contains("[rabbitmq-diagnostics, -q, ping]"));
    for spec in [parallel.clone(), json!({"replicas": 1})] {
        assert!(help("rabbitmq:4", spec).contains("tcpSocket: {port: 5672}"));
    }
    let etcd = |spec| help("quay.io/coreos/etcd:v3.5.15", spec);
    assert!(etcd(ordered).contains("podManagementPolicy must be Parallel"));
    for spec in [parallel, json!({"replicas": 1})] {
        assert!(!etcd(spec).contains("Parallel"));
    }
}

/// A denial says the finding, the help and how to exempt in 500 characters.
#[test]
fn the_help_fits_into_a_denial() {
    for engine in engines() {
        for image in engine.images {
            let Some(repository) = image.repositories.first() else { continue };
            for tag in ["1", "4", "8"] {
                let found =
                    found(&format!("{repository}:{tag}"), false, json!({"replicas": 3})).pop().expect("no probe");
                let length = found.message.chars().count() + found.help.chars().count();
                assert!(length <= 378, "{repository}: {length}: {}", found.help);
            }
        }
    }
}
