//! Brokers and coordination.
//!
//! Sources: strimzi/strimzi-kafka-operator#1307 (Kafka and `lost+found`); rabbitmq/cluster-operator (grace, Parallel);
//! bitnami charts (Parallel, peers named by the headless Service); Apache ZooKeeper Administrator's Guide, "The Four Letter
//! Words" (`ruok` says nothing of the quorum); rabbitmq/rabbitmq-cli#426 (which questions need a booted node, and that a
//! node may wait for its peers before it has booted).

use super::{Engine, Era, FindsPeers, Layout, StartUp, UNKNOWN, era, fixed, laid_out, plain};
use crate::engines::quorum::Quorum;
use crate::engines::readiness::{Asks, Readiness};

/// Confluent's images: each folder below the data directory must be a topic's partition.
static CP_KAFKA: Layout = Layout {
    directories: &[Era {
        from: 0,
        directory: "/var/lib/kafka/data",
        volumes: &["/var/lib/kafka/data"],
        lost_and_found_breaks: true,
        refuses_mount: None,
    }],
    variables: &["KAFKA_LOG_DIRS"],
    safe_subdirectory: None,
};
static ZOOKEEPER: Layout = fixed(&[era("/data", &["/data", "/datalog", "/logs"])], &["ZOO_DATA_DIR"]);
static RABBITMQ: Layout = fixed(&[era("/var/lib/rabbitmq/mnesia", &["/var/lib/rabbitmq"])], &["RABBITMQ_MNESIA_BASE"]);

/// Measured with 4.0: a broker of three that is also a controller does not listen before it has a quorum.
const KAFKA_READINESS: Readiness =
    Readiness::new(Asks::Tcp(9092), "the broker takes clients", "bitnami/charts, kafka, broker/statefulset.yaml")
        .noting("the port of a listener; a controller alone has another one")
        .with_peers();
/// Four-letter words but `srvr` are off by default, and that one waits for a quorum.
const ZOOKEEPER_READINESS: Readiness = Readiness::new(
    Asks::Http("/commands/ruok", 8080),
    "the server runs, with a quorum or without",
    "ZooKeeper Administrator's Guide, The AdminServer",
)
.noting("from 3.5 on, unless the AdminServer is off");
/// The first is what its makers recommend, and the second is for pods that start in order: the port is opened when the
/// node has booted, and after a stop of all nodes it boots when it sees its peers.
const RABBITMQ_READINESS: &[Readiness] = &[
    Readiness::new(
        Asks::Tcp(5672),
        "it takes clients",
        "RabbitMQ documentation, Cluster Formation and Peer Discovery, ReadinessProbe",
    )
    .noting("port 5671 with TLS alone")
    .with_peers(),
    Readiness::new(
        Asks::Exec(&["rabbitmq-diagnostics", "-q", "ping"]),
        "the node runs, which is all that pods may wait for that start in order",
        "RabbitMQ documentation, Cluster Formation and Peer Discovery, ReadinessProbe",
    )
    .within(10),
];
/// Measured with 2.15: one of three answers before it sees the others, where `/healthz` alone waits for them.
const NATS_READINESS: Readiness = Readiness::new(
    Asks::Http("/healthz?js-server-only=true", 8222),
    "the server runs, and JetStream where it is on",
    "nats-io/k8s, helm/charts/nats, nats-container.yaml",
)
.noting("the port is there with -m 8222 or http_port: 8222, as in the image's own configuration");

pub(super) static ENGINES: &[Engine] = &[
    Engine {
        id: "kafka",
        title: "Kafka",
        readiness: &[KAFKA_READINESS],
        finds_peers: FindsPeers::All,
        grace_floor: Some(60),
        start_up: StartUp::Parallel,
        programs: &["kafka-server-start", "kafka-server-start.sh", "/etc/confluent/docker/run", "kafka-run-class"],
        images: &[
            laid_out("cp-kafka", &["docker.io/confluentinc/cp-kafka"], &CP_KAFKA),
            plain("cp-server", &["docker.io/confluentinc/cp-server"]),
            plain("kafka", &["docker.io/apache/kafka", "docker.io/bitnami/kafka", "docker.io/bitnamilegacy/kafka"]),
            plain("kafka-native", &["docker.io/apache/kafka-native"]),
        ],
        ..UNKNOWN
    },
    Engine {
        id: "zookeeper",
        title: "ZooKeeper",
        readiness: &[ZOOKEEPER_READINESS],
        finds_peers: FindsPeers::All,
        peer_questions: &["zkServer.sh status", "echo stat", "echo srvr", "echo mntr"],
        quorum: Some(Quorum::ALWAYS),
        grace_floor: Some(60),
        start_up: StartUp::Parallel,
        programs: &["zkServer.sh", "start-zookeeper", "docker-entrypoint.sh"],
        images: &[
            laid_out("zookeeper", &["docker.io/library/zookeeper"], &ZOOKEEPER),
            plain("cp-zookeeper", &["docker.io/confluentinc/cp-zookeeper"]),
            plain("kubernetes-zookeeper", &[]),
        ],
        ..UNKNOWN
    },
    Engine {
        id: "rabbitmq",
        title: "RabbitMQ",
        readiness: RABBITMQ_READINESS,
        finds_peers: FindsPeers::All,
        peer_questions: &[
            "rabbitmqctl status",
            "rabbitmq-diagnostics status",
            "cluster_status",
            "node_health_check",
            "check_running",
            "check_local_alarms",
            "check_port_connectivity",
            "check_virtual_hosts",
            "/api/health/checks",
            "/api/healthchecks/node",
            "check_port_listener",
            // It is opened when the node has booted.
            ":5672",
        ],
        // RabbitMQ documentation, Clustering Guide, "Node Counts and Quorum"; nodes of a cluster share a cookie.
        quorum: Some(Quorum { told_by: &["COOKIE", "K8S_SERVICE_NAME", "peer_discovery"], has_arbiters: false }),
        grace_floor: Some(120),
        // A member of a cluster that went down whole waits for those that were up at its own end (docs/engines.md).
        start_up: StartUp::Parallel,
        password_variables: &["RABBITMQ_DEFAULT_PASS", "RABBITMQ_PASSWORD", "RABBITMQ_ERLANG_COOKIE"],
        // docker-library/rabbitmq#150: the default user is made with a new database.
        init_only_variables: &["RABBITMQ_DEFAULT_PASS"],
        programs: &["rabbitmq-server", "docker-entrypoint.sh"],
        images: &[laid_out("rabbitmq", &["docker.io/library/rabbitmq"], &RABBITMQ)],
        ..UNKNOWN
    },
    Engine {
        id: "nats",
        title: "NATS",
        readiness: &[NATS_READINESS],
        finds_peers: FindsPeers::All,
        grace_floor: Some(60),
        programs: &["nats-server", "docker-entrypoint.sh"],
        directory_arguments: &["--store_dir", "-sd", "--store_dir="],
        images: &[plain("nats", &["docker.io/library/nats"]), plain("nats-server", &[])],
        ..UNKNOWN
    },
];
