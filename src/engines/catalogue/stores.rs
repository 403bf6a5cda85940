//! Key-value, secret, object and metric stores.
//!
//! Sources: the images' Dockerfiles; bitnami charts (Redis cluster: Parallel required); hashicorp/vault-helm and
//! consul-k8s ship less than a minute on purpose, so they have no floor.

use super::{Engine, Layout, StartUp, UNKNOWN, era, fixed, laid_out, plain};

static REDIS: Layout = fixed(&[era("/data", &["/data"])], &[]);
static CONSUL: Layout = fixed(&[era("/consul/data", &["/consul/data"])], &[]);
static PROMETHEUS: Layout = fixed(&[era("/prometheus", &["/prometheus"])], &[]);

const REDIS_CLUSTER: super::Image = super::Image {
    segment: "redis-cluster",
    repositories: &["docker.io/bitnami/redis-cluster", "docker.io/bitnamilegacy/redis-cluster"],
    layout: None,
    start_up: Some(StartUp::Parallel),
};
const VALKEY_CLUSTER: super::Image = super::Image {
    segment: "valkey-cluster",
    repositories: &["docker.io/bitnami/valkey-cluster", "docker.io/bitnamilegacy/valkey-cluster"],
    layout: None,
    start_up: Some(StartUp::Parallel),
};

pub(super) static ENGINES: &[Engine] = &[
    Engine {
        id: "redis",
        title: "Redis",
        grace_floor: Some(60),
        password_variables: &["REDIS_PASSWORD", "REDIS_MASTER_PASSWORD", "REDISCLI_AUTH"],
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
        grace_floor: Some(60),
        password_variables: &["VALKEY_PASSWORD", "VALKEY_PRIMARY_PASSWORD"],
        programs: &["valkey-server", "docker-entrypoint.sh"],
        directory_arguments: &["--dir"],
        images: &[laid_out("valkey", &["docker.io/valkey/valkey"], &REDIS), VALKEY_CLUSTER],
        ..UNKNOWN
    },
    Engine {
        id: "etcd",
        title: "etcd",
        grace_floor: Some(60),
        start_up: StartUp::Parallel,
        database: true,
        password_variables: &["ETCD_ROOT_PASSWORD"],
        programs: &["etcd"],
        directory_arguments: &["--data-dir", "--data-dir="],
        defaults_in_arguments: false,
        images: &[plain("etcd", &["quay.io/coreos/etcd", "gcr.io/etcd-development/etcd", "registry.k8s.io/etcd"])],
    },
    Engine {
        id: "consul",
        title: "Consul",
        start_up: StartUp::Parallel,
        programs: &["consul", "docker-entrypoint.sh"],
        directory_arguments: &["-data-dir=", "-data-dir"],
        images: &[laid_out("consul", &["docker.io/library/consul", "docker.io/hashicorp/consul"], &CONSUL)],
        ..UNKNOWN
    },
    Engine {
        id: "vault",
        title: "Vault",
        start_up: StartUp::Parallel,
        programs: &["vault", "docker-entrypoint.sh", "/usr/local/bin/docker-entrypoint.sh"],
        images: &[plain("vault", &["docker.io/library/vault", "docker.io/hashicorp/vault"])],
        ..UNKNOWN
    },
    Engine {
        id: "minio",
        title: "MinIO",
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
        grace_floor: Some(120),
        programs: &["prometheus"],
        directory_arguments: &["--storage.tsdb.path=", "--storage.tsdb.path"],
        images: &[laid_out("prometheus", &["docker.io/prom/prometheus", "quay.io/prometheus/prometheus"], &PROMETHEUS)],
        ..UNKNOWN
    },
];
