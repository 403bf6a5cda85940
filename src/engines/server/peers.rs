//! What a server needs of its peers.

use super::Server;
use crate::engines::FindsPeers;
use crate::kubernetes::Port;

/// Parameters by which a server is asked for no more than it knows by itself.
const LOCAL: [&str; 2] = ["local=true", "serializable=true"];

impl Server<'_> {
    /// Whether the server finds its peers by the names that a governing Service gives them; no where it is not known.
    pub fn finds_peers_by_name(&self) -> bool {
        match self.engine.finds_peers {
            FindsPeers::All => true,
            FindsPeers::In(segments) => segments.contains(&self.image.segment) || self.is_redis_cluster(),
            FindsPeers::No => false,
        }
    }

    /// Whether the server is ready only once it has found its peers: its readinessProbe asks for more than the server
    /// itself. No where it is not known what the probe asks.
    pub fn needs_peers_before_ready(&self) -> bool {
        let Some(probe) = &self.container.readiness_probe else { return false };
        let command = probe.exec.iter().flat_map(|exec| &exec.command);
        let path = probe.http_get.iter().map(|get| &get.path);
        let port = probe.tcp_socket.as_ref().and_then(|socket| socket.port.as_ref()).and_then(Port::number);
        let port = port.map(|number| format!(":{number}"));
        let asked = command.chain(path).chain(&port).map(String::as_str).collect::<Vec<_>>().join(" ");
        !LOCAL.iter().any(|parameter| asked.contains(parameter))
            && self.engine.peer_questions.iter().any(|question| holds(&asked, question))
    }

    /// Whether the server has peers, as far as is known: it keeps a quorum with them only where it is told to.
    pub fn has_peers(&self) -> bool {
        self.engine.quorum.is_none() || self.quorum().is_some()
    }

    pub(super) fn is_redis_cluster(&self) -> bool {
        let mut words = self.container.command.iter().chain(&self.container.args);
        matches!(self.engine.id, "redis" | "valkey") && words.any(|word| word.contains("cluster-enabled"))
    }
}

/// Whether a text holds these words as such: `/health` is not in `/healthcheck.sh`.
fn holds(text: &str, words: &str) -> bool {
    let goes_on = |rest: &str| rest.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    text.match_indices(words).any(|(at, _)| !goes_on(&text[at + words.len()..]))
}

#[cfg(test)]
mod tests {
    use crate::engines::servers;
    use crate::kubernetes::PodSpec;
    use serde_json::{Value, json};

    fn pod(container: &Value) -> PodSpec {
        serde_json::from_value(json!({ "containers": [container] })).expect("a pod")
    }

    #[test]
    fn knows_which_servers_find_their_peers_by_name() {
        let finds = |container: &Value| servers(&pod(container), &[])[0].finds_peers_by_name();
        for image in ["cassandra:5", "etcd", "bitnami/redis-cluster:8", "bitnami/mariadb-galera:12"] {
            assert!(finds(&json!({ "image": image })), "{image}");
        }
        for image in ["redis:7", "mariadb:11", "mysql:8.4", "postgres:16", "prom/prometheus:v3"] {
            assert!(!finds(&json!({ "image": image })), "{image}");
        }
        assert!(finds(&json!({"image": "redis:7", "args": ["--cluster-enabled", "yes"]})));
    }

    #[test]
    fn knows_which_questions_need_peers() {
        let needs = |image: &str, probe: &Value| {
            servers(&pod(&json!({"image": image, "readinessProbe": probe})), &[])[0].needs_peers_before_ready()
        };
        let shell = |line: &str| json!({"exec": {"command": ["sh", "-c", line]}});
        let get = |path: &str| json!({"httpGet": {"path": path, "port": 1}});
        for (image, probe) in [
            ("etcd", get("/health")),
            ("etcd", get("/readyz")),
            ("etcd", json!({"exec": {"command": ["etcdctl", "endpoint", "health"]}})),
            ("elasticsearch:8", get("/_cluster/health?wait_for_status=yellow")),
            ("opensearchproject/opensearch:3", shell("curl -fsS localhost:9200/_cluster/health")),
            ("rabbitmq:4", json!({"exec": {"command": ["rabbitmq-diagnostics", "check_running"]}})),
            ("rabbitmq:4", json!({"tcpSocket": {"port": 5672}})),
            ("zookeeper:3.9", shell("zkServer.sh status")),
            ("cockroachdb/cockroach:v24.3.0", get("/health?ready=1")),
            ("clickhouse/clickhouse-keeper:25.3", get("/ready")),
            ("hashicorp/consul:1.20", json!({"exec": {"command": ["consul", "operator", "raft", "list-peers"]}})),
            ("minio/minio:latest", get("/minio/health/cluster")),
        ] {
            assert!(needs(image, &probe), "{image}: {probe}");
        }
        for (image, probe) in [
            ("etcd", get("/health?serializable=true")),
            ("etcd", shell("/scripts/healthcheck.sh")),
            ("etcd", json!({"exec": {"command": ["/opt/bitnami/scripts/etcd/healthcheck.sh"]}})),
            ("etcd", json!({"tcpSocket": {"port": 2379}})),
            ("elasticsearch:8", get("/_cluster/health?local=true")),
            ("elasticsearch:8", get("/")),
            ("rabbitmq:4", json!({"exec": {"command": ["rabbitmq-diagnostics", "ping"]}})),
            ("rabbitmq:4", json!({"tcpSocket": {"port": 25672}})),
            ("rabbitmq:4", json!({"tcpSocket": {"port": "amqp"}})),
            ("cockroachdb/cockroach:v24.3.0", get("/health")),
            ("minio/minio:latest", get("/minio/health/ready")),
            ("rabbitmq:4", json!(null)),
            ("zookeeper:3.9", shell("echo ruok | nc localhost 2181 | grep imok")),
            ("cassandra:5", shell("nodetool status")),
        ] {
            assert!(!needs(image, &probe), "{image}: {probe}");
        }
    }
}
