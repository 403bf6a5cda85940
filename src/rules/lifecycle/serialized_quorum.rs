use crate::kubernetes::{RunsPods, StatefulSet};
use crate::pointer::Pointer;
use crate::rule::{Context, Findings, Rule, Workload, rule};

rule! {
    /// Members that wait for each other, started one after the other.
    ///
    /// ## What it does
    /// Finds OrderedReady with several replicas of a server whose readinessProbe asks what it can answer only when its peers
    /// are there: etcd's `/health`, RabbitMQ's `check_running`, CockroachDB's `/health?ready=1`, and others of the
    /// catalogue. Probes that ask the server alone are fine, and of scripts nobody knows what they ask.
    ///
    /// ## Why it matters
    /// OrderedReady starts the second pod when the first is ready, and the first is ready when the others are there. A rolling
    /// update works, since only one pod is away. When all are stopped at once, by a power cut or an upgrade of the nodes, the
    /// set waits for itself and does not start again until somebody helps.
    ///
    /// ## Example
    /// ```yaml
    /// spec:
    ///   replicas: 3
    ///   template:
    ///     spec:
    ///       containers:
    ///         - name: etcd
    ///           image: quay.io/coreos/etcd:v3.5.15
    ///           readinessProbe: {httpGet: {path: /health, port: 2379}}
    /// ```
    ///
    /// ## Use instead
    /// ```yaml
    /// spec:
    ///   replicas: 3
    ///   podManagementPolicy: Parallel
    /// ```
    ///
    /// ## Fix
    /// None: a readinessProbe that asks the server alone would do as well.
    ///
    /// ## Exemptions
    /// `stsguard.dev/exempt-serialized-quorum` on the StatefulSet.
    ///
    /// ## References
    /// - cockroachdb/cockroach-operator#470; rabbitmq/cluster-operator#609; RabbitMQ documentation, Clustering Guide,
    ///   "Restarts and Health Checks (Readiness Probes)"; Kubernetes documentation, "StatefulSet", "Pod Management Policies".
    pub SerializedQuorum {
        code: "STS310", name: "serialized-quorum", since: "0.1",
        hooks: [StatefulSet],
        default: [Off, Audit, Warn]
    }
}

impl Rule for SerializedQuorum {
    fn stateful_set(&self, set: &Workload<'_, StatefulSet>, cx: &Context<'_>, found: &mut Findings<'_, '_>) {
        if set.is_parallel() || set.replicas() < 2 {
            return;
        }
        let Some(server) = set.leading().filter(|server| server.waits_for_peers()) else { return };
        let name = set.metadata().display_name();
        found
            .server(server, Pointer::new("/spec/podManagementPolicy"))
            .say(format!(
                "after a stop of all, {} may not start again: the first pod is ready only when others are there",
                server.engine.title
            ))
            .help(if cx.occasion.is_new() {
                "set podManagementPolicy: Parallel, or let the readinessProbe ask the server alone".to_owned()
            } else {
                format!(
                    "let the readinessProbe ask the server alone; or `kubectl delete statefulset {name} --cascade=orphan` and \
                     create it with podManagementPolicy: Parallel, its pods and claims stay"
                )
            });
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::harness;
    use serde_json::{Value, json};

    fn set(policy: &str, replicas: i32, image: &str, probe: &Value) -> Value {
        let pod = json!({"containers": [{"name": "m", "image": image, "readinessProbe": probe}]});
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
            ("hashicorp/consul:1.20", run("curl -s http://127.0.0.1:8500/v1/status/leader | grep -E '\".+\"'")),
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
    fn accepts_parallel_and_a_lone_member() {
        assert!(harness::create("STS310", &set("Parallel", 3, ETCD, &get("/health"))).is_empty());
        assert!(harness::create("STS310", &set("OrderedReady", 1, ETCD, &get("/health"))).is_empty());
    }
}
