use crate::rules::harness;
use serde_json::{Value, json};

fn set(policy: &str, replicas: i32, image: &str, probe: &Value) -> Value {
    let env =
        json!([{"name": "RABBITMQ_ERLANG_COOKIE", "valueFrom": {}}, {"name": "CONSUL_BOOTSTRAP_EXPECT", "value": "3"}]);
    let pod = json!({"containers": [{"name": "m", "image": image, "env": env, "readinessProbe": probe}]});
    json!({"spec": {"replicas": replicas, "podManagementPolicy": policy, "template": {"spec": pod}}})
}

fn messages(image: &str, probe: &Value) -> Vec<String> {
    harness::create("STS310", &set("OrderedReady", 3, image, probe))
}

fn get(path: &str) -> Value {
    json!({"httpGet": {"path": path, "port": 8080}})
}

fn run(script: &str) -> Value {
    json!({"exec": {"command": ["sh", "-c", script]}})
}

fn connect(port: &Value) -> Value {
    json!({"tcpSocket": {"port": port}})
}

const ETCD: &str = "quay.io/coreos/etcd:v3.5.15";

#[test]
fn finds_probes_that_wait_for_peers() {
    for (image, probe) in [
        (ETCD, get("/health")),
        (ETCD, json!({"exec": {"command": ["etcdctl", "endpoint", "health"]}})),
        ("rabbitmq:4", run("rabbitmq-diagnostics -q check_running && rabbitmq-diagnostics -q check_local_alarms")),
        ("rabbitmq:4", connect(&json!(5672))),
        ("cockroachdb/cockroach:v24.3.0", get("/health?ready=1")),
        ("hashicorp/consul:1.20", run("consul operator raft list-peers")),
        ("zookeeper:3.9", run("zkServer.sh status")),
        ("elasticsearch:8.17.5", get("/_cluster/health?wait_for_status=yellow&timeout=1s")),
        ("quay.io/minio/minio:RELEASE.2025-03-12T18-04-18Z", get("/minio/health/cluster")),
    ] {
        let found = messages(image, &probe);
        assert_eq!(found.len(), 1, "{image} {probe}");
        assert!(found[0].chars().count() <= 112, "{found:?}");
    }
}

#[test]
fn accepts_probes_that_ask_the_server_alone_or_that_nobody_knows() {
    for (image, probe) in [
        (ETCD, json!(null)),
        (ETCD, get("/livez")),
        (ETCD, get("/health?serializable=true")),
        (ETCD, connect(&json!(2379))),
        ("rabbitmq:4", connect(&json!(25672))),
        ("rabbitmq:4", connect(&json!("amqp"))),
        (ETCD, run("/scripts/healthcheck.sh")),
        ("rabbitmq:4", run("rabbitmq-diagnostics -q ping")),
        ("cockroachdb/cockroach:v24.3.0", get("/health")),
        ("hashicorp/consul:1.20", run("consul members")),
        ("zookeeper:3.9", run("echo ruok | nc localhost 2181 | grep imok")),
        ("confluentinc/cp-kafka:7.5.0", connect(&json!(9092))),
        ("redis:7", run("redis-cli ping")),
        ("acme/ledger:1", get("/health")),
    ] {
        assert!(messages(image, &probe).is_empty(), "{image} {probe}");
    }
}

#[test]
fn accepts_servers_that_are_told_of_no_peers() {
    let mut set = set("OrderedReady", 3, "rabbitmq:4", &run("rabbitmq-diagnostics -q check_running"));
    assert_eq!(harness::create("STS310", &set).len(), 1);
    set["spec"]["template"]["spec"]["containers"][0]["env"] = json!([]);
    assert!(harness::create("STS310", &set).is_empty());
}

#[test]
fn accepts_parallel_and_a_lone_member() {
    assert!(harness::create("STS310", &set("Parallel", 3, ETCD, &get("/health"))).is_empty());
    assert!(harness::create("STS310", &set("OrderedReady", 1, ETCD, &get("/health"))).is_empty());
}
