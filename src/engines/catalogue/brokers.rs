//! Brokers and coordination.
//!
//! Sources: strimzi/strimzi-kafka-operator#1307 (Kafka and `lost+found`); rabbitmq/cluster-operator (grace, Parallel);
//! bitnami charts (Parallel).

use super::{Engine, Era, Layout, StartUp, UNKNOWN, era, fixed, laid_out, plain};

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

pub(super) static ENGINES: &[Engine] = &[
    Engine {
        id: "kafka",
        title: "Kafka",
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
        grace_floor: Some(120),
        password_variables: &["RABBITMQ_DEFAULT_PASS", "RABBITMQ_PASSWORD", "RABBITMQ_ERLANG_COOKIE"],
        programs: &["rabbitmq-server", "docker-entrypoint.sh"],
        images: &[laid_out("rabbitmq", &["docker.io/library/rabbitmq"], &RABBITMQ)],
        ..UNKNOWN
    },
    Engine {
        id: "nats",
        title: "NATS",
        grace_floor: Some(60),
        programs: &["nats-server", "docker-entrypoint.sh"],
        directory_arguments: &["--store_dir", "-sd", "--store_dir="],
        images: &[plain("nats", &["docker.io/library/nats"]), plain("nats-server", &[])],
        ..UNKNOWN
    },
];
