//! Key-value, secret, object and metric stores.
//!
//! Sources: the images' Dockerfiles; bitnami charts (Redis cluster: Parallel required); hashicorp/vault-helm and
//! consul-k8s ship less than a minute on purpose, so they have no floor; etcd documentation, "Monitoring etcd" (`/health` and
//! `/readyz` read with a quorum), bitnami/charts#4748 (unready members must be published).

use super::{Engine, FindsPeers, Layout, StartUp, UNKNOWN, era, fixed, laid_out, plain};
use crate::engines::quorum::Quorum;
use crate::engines::readiness::{Asks, Readiness};
use crate::engines::trust::Trust;

static REDIS: Layout = fixed(&[era("/data", &["/data"])], &[]);
static CONSUL: Layout = fixed(&[era("/consul/data", &["/consul/data"])], &[]);
static PROMETHEUS: Layout = fixed(&[era("/prometheus", &["/prometheus"])], &[]);

const REDIS_CLUSTER: super::Image = super::Image {
    segment: "redis-cluster",
    repositories: &["docker.io/bitnami/redis-cluster", "docker.io/bitnamilegacy/redis-cluster"],
    layout: None,
    start_up: Some(StartUp::Parallel),
    readiness: &[],
};
const VALKEY_CLUSTER: super::Image = super::Image {
    segment: "valkey-cluster",
    repositories: &["docker.io/bitnami/valkey-cluster", "docker.io/bitnamilegacy/valkey-cluster"],
    layout: None,
    start_up: Some(StartUp::Parallel),
    readiness: &[],
};

/// What the client prints tells, not its exit status, which is 0 for errors too (redis/redis#3475; measured with 7.0). A
/// server that wants a password says so, and is not asked for more.
const REDIS_READINESS: Readiness = Readiness::new(
    Asks::Exec(&["sh", "-c", "redis-cli ping | grep -qE 'PONG|NOAUTH'"]),
    "it answers commands, or wants a password first",
    "Redis documentation, PING; redis/redis#3475",
)
.within(5)
.noting("with a password, REDISCLI_AUTH from its Secret lets it see whether data is still loaded");
const VALKEY_READINESS: Readiness = Readiness::new(
    Asks::Exec(&["sh", "-c", "valkey-cli ping | grep -qE 'PONG|NOAUTH'"]),
    "it answers commands, or wants a password first",
    "Valkey documentation, PING; redis/redis#3475",
)
.within(5)
.noting("with a password, REDISCLI_AUTH from its Secret lets it see whether data is still loaded");
/// Measured with 3.7: one of three does not listen before it has a quorum, so nothing that is asked helps it.
const ETCD_READINESS: Readiness = Readiness::new(
    Asks::Http("/health", 2379),
    "it reads with a quorum",
    "etcd documentation, Monitoring etcd; Run etcd clusters as a Kubernetes StatefulSet",
)
.noting("where clients need a certificate, ask the port of --listen-metrics-urls")
.with_peers();
const CONSUL_READINESS: Readiness = Readiness::new(
    Asks::Exec(&["sh", "-c", "curl -s http://127.0.0.1:8500/v1/status/leader | grep -qE '\".+\"'"]),
    "the servers have a leader",
    "hashicorp/consul-k8s, server-statefulset.yaml",
)
.within(5)
.noting("curl -k and https://127.0.0.1:8501 where HTTP is off")
.with_peers();
const VAULT_READINESS: Readiness = Readiness::new(
    Asks::Https("/v1/sys/health?standbyok=true&perfstandbyok=true", 8200),
    "it is initialised and unsealed, active or standby",
    "Vault documentation, HTTP API, /sys/health",
)
.noting("without scheme where the listener has tls_disable");
/// Measured: one of four answers before it finds the others.
const MINIO_READINESS: Readiness = Readiness::new(
    Asks::Http("/minio/health/ready", 9000),
    "it answers by HTTP",
    "minio/minio, docs/metrics/healthcheck",
)
.noting("scheme: HTTPS where it has certificates");
const PROMETHEUS_READINESS: Readiness = Readiness::new(
    Asks::Http("/-/ready", 9090),
    "it answers queries, which is when its log is replayed",
    "Prometheus documentation, Management API",
);

pub(super) static ENGINES: &[Engine] = &[
    Engine {
        id: "redis",
        title: "Redis",
        readiness: &[REDIS_READINESS],
        finds_peers: FindsPeers::In(&["redis-cluster"]),
        grace_floor: Some(60),
        password_variables: &["REDIS_PASSWORD", "REDIS_MASTER_PASSWORD", "REDISCLI_AUTH"],
        // bitnami/containers, libredis.sh, redis_validate.
        trust: &[Trust::by_bitnami(&["REDIS_PASSWORD", "REDIS_MASTER_PASSWORD"])],
        programs: &["redis-server", "docker-entrypoint.sh"],
        directory_arguments: &["--dir"],
        images: &[
            laid_out("redis", &["docker.io/library/redis"], &REDIS),
            plain("redis-stack-server", &["docker.io/redis/redis-stack-server"]),
            REDIS_CLUSTER,
        ],
        ..UNKNOWN
    },
    Engine {
        id: "valkey",
        title: "Valkey",
        readiness: &[VALKEY_READINESS],
        finds_peers: FindsPeers::In(&["valkey-cluster"]),
        grace_floor: Some(60),
        password_variables: &["VALKEY_PASSWORD", "VALKEY_PRIMARY_PASSWORD"],
        // bitnami/containers, libvalkey.sh, valkey_validate.
        trust: &[Trust::by_bitnami(&["VALKEY_PASSWORD", "VALKEY_PRIMARY_PASSWORD"])],
        programs: &["valkey-server", "docker-entrypoint.sh"],
        directory_arguments: &["--dir"],
        images: &[laid_out("valkey", &["docker.io/valkey/valkey"], &REDIS), VALKEY_CLUSTER],
        ..UNKNOWN
    },
    Engine {
        id: "etcd",
        title: "etcd",
        readiness: &[ETCD_READINESS],
        finds_peers: FindsPeers::All,
        peer_questions: &["/health", "/readyz", "endpoint health", "cluster-health"],
        quorum: Some(Quorum::ALWAYS),
        grace_floor: Some(60),
        start_up: StartUp::Parallel,
        database: true,
        password_variables: &["ETCD_ROOT_PASSWORD"],
        programs: &["etcd"],
        directory_arguments: &["--data-dir", "--data-dir="],
        defaults_in_arguments: false,
        images: &[plain("etcd", &["quay.io/coreos/etcd", "gcr.io/etcd-development/etcd", "registry.k8s.io/etcd"])],
        ..UNKNOWN
    },
    Engine {
        id: "consul",
        title: "Consul",
        readiness: &[CONSUL_READINESS],
        finds_peers: FindsPeers::All,
        // Consul documentation, Operator HTTP API: the leader answers. `/v1/status/leader` alone succeeds without one.
        peer_questions: &["raft list-peers"],
        // An agent is a client unless it is told to serve.
        quorum: Some(Quorum {
            told_by: &["bootstrap-expect", "bootstrap_expect", "BOOTSTRAP_EXPECT"],
            has_arbiters: false,
        }),
        start_up: StartUp::Parallel,
        programs: &["consul", "docker-entrypoint.sh"],
        directory_arguments: &["-data-dir=", "-data-dir"],
        images: &[laid_out("consul", &["docker.io/library/consul", "docker.io/hashicorp/consul"], &CONSUL)],
        ..UNKNOWN
    },
    Engine {
        id: "vault",
        title: "Vault",
        readiness: &[VAULT_READINESS],
        finds_peers: FindsPeers::All,
        // With other storage that is what agrees. hashicorp/vault-helm sets VAULT_RAFT_NODE_ID.
        quorum: Some(Quorum { told_by: &["VAULT_RAFT", "\"raft\""], has_arbiters: false }),
        start_up: StartUp::Parallel,
        programs: &["vault", "docker-entrypoint.sh", "/usr/local/bin/docker-entrypoint.sh"],
        images: &[plain("vault", &["docker.io/library/vault", "docker.io/hashicorp/vault"])],
        ..UNKNOWN
    },
    Engine {
        id: "minio",
        title: "MinIO",
        readiness: &[MINIO_READINESS],
        finds_peers: FindsPeers::All,
        // minio/minio, docs/metrics/healthcheck: it asks for a write quorum.
        peer_questions: &["/minio/health/cluster"],
        start_up: StartUp::Parallel,
        password_variables: &["MINIO_ROOT_PASSWORD", "MINIO_SECRET_KEY"],
        programs: &["minio", "docker-entrypoint.sh"],
        images: &[plain("minio", &["docker.io/minio/minio", "quay.io/minio/minio"])],
        ..UNKNOWN
    },
    Engine {
        id: "prometheus",
        defaults_in_arguments: true,
        title: "Prometheus",
        readiness: &[PROMETHEUS_READINESS],
        grace_floor: Some(120),
        programs: &["prometheus"],
        directory_arguments: &["--storage.tsdb.path=", "--storage.tsdb.path"],
        images: &[laid_out("prometheus", &["docker.io/prom/prometheus", "quay.io/prometheus/prometheus"], &PROMETHEUS)],
        ..UNKNOWN
    },
];
