//! Databases that keep their own cluster: documents, columns, graphs, time series.
//!
//! Sources: the images' Dockerfiles; cockroachdb/helm-charts#378 (grace 300); neo4j-contrib/neo4j-helm#70 (grace 300);
//! kubernetes/website, Cassandra example (grace 500); bitnami charts (data directories; peers
//! named by the headless Service).

use super::{Engine, FindsPeers, Layout, StartUp, UNKNOWN, era, fixed, laid_out, plain};
use crate::engines::independent::Independent;
use crate::engines::quorum::Quorum;
use crate::engines::readiness::{Asks, Readiness};
use crate::engines::release::Upgrades;
use crate::engines::trust::Trust;

static MONGODB: Layout = fixed(&[era("/data/db", &["/data/db", "/data/configdb"])], &[]);
static CASSANDRA: Layout = fixed(&[era("/var/lib/cassandra", &["/var/lib/cassandra"])], &[]);
static SCYLLA: Layout = fixed(&[era("/var/lib/scylla", &["/var/lib/scylla"])], &[]);
static CLICKHOUSE: Layout = fixed(&[era("/var/lib/clickhouse", &["/var/lib/clickhouse"])], &[]);
static COCKROACH: Layout = fixed(&[era("/cockroach/cockroach-data", &[])], &[]);
static NEO4J: Layout = fixed(&[era("/data", &["/data", "/logs"])], &[]);

/// Nobody needs to log in for a ping. Images have mongo up to 5 and mongosh from 6 on, which takes a second to start.
const MONGODB_READINESS: &[Readiness] = &[
    mongodb(Asks::Exec(&["mongosh", "--quiet", "--eval", "db.adminCommand('ping')"])).of_majors(6, u32::MAX),
    mongodb(Asks::Exec(&["mongo", "--quiet", "--eval", "db.adminCommand('ping')"])).of_majors(0, 5),
];
const fn mongodb(asks: Asks) -> Readiness {
    Readiness::new(
        asks,
        "it answers commands; no password is needed",
        "MongoDB Manual, ping; release notes of 6.0 (mongo removed)",
    )
    .within(10)
}

/// `nodetool statusbinary` says the same, and starts a Java machine each time.
const CASSANDRA_READINESS: Readiness = Readiness::new(
    Asks::Tcp(9042),
    "clients may connect, which is when it has joined",
    "apache/cassandra, CassandraDaemon.java (client transports wait for the bootstrap)",
);
const SCYLLA_READINESS: Readiness = Readiness::new(
    Asks::Tcp(9042),
    "clients may connect, which is when it has joined",
    "scylladb/scylladb, main.cc (the native transport is started last)",
);
const CLICKHOUSE_READINESS: Readiness =
    Readiness::new(Asks::Http("/ping", 8123), "it answers by HTTP", "ClickHouse documentation, HTTP interface");
const KEEPER_READINESS: Readiness = Readiness::new(
    Asks::Http("/ready", 9182),
    "it has joined its peers",
    "ClickHouse documentation, Keeper HTTP API and dashboard",
)
.noting("the port is there with http_control.port: 9182 in keeper_server")
.with_peers();
const COCKROACH_READINESS: Readiness = Readiness::new(
    Asks::Https("/health?ready=1", 8080),
    "it has joined, and is not leaving",
    "CockroachDB documentation, Monitoring and alerting; cockroachdb/helm-charts, statefulset.yaml",
)
.noting("without scheme where the server has --insecure")
.with_peers();
const NEO4J_READINESS: Readiness =
    Readiness::new(Asks::Tcp(7687), "clients may connect by Bolt", "neo4j/helm-charts, neo4j-statefulset.yaml");
/// 3.x wants a token for its health, unless it is told not to.
const INFLUXDB_READINESS: &[Readiness] = &[
    Readiness::new(Asks::Http("/health", 8086), "it answers queries", "InfluxDB documentation, API v2, /health")
        .of_majors(2, 2),
    Readiness::new(Asks::Http("/ping", 8086), "it answers by HTTP", "InfluxDB documentation, API v1, /ping")
        .of_majors(1, 1),
];

pub(super) static ENGINES: &[Engine] = &[
    Engine {
        id: "mongodb",
        title: "MongoDB",
        readiness: MONGODB_READINESS,
        finds_peers: FindsPeers::All,
        // Without --replSet a mongod stands alone.
        independent: Some(Independent {
            images: &["mongo", "mongodb", "mongodb-community-server", "percona-server-mongodb"],
            unless: &["replset", "replica", "keyfile", "configsvr", "shardsvr"],
        }),
        // MongoDB Manual, "Replica Set Deployment Architectures"; bitnami/containers, libmongodb.sh.
        quorum: Some(Quorum { told_by: &["replSet", "MONGODB_REPLICA_SET"], has_arbiters: true }),
        grace_floor: Some(60),
        database: true,
        password_variables: &[
            "MONGO_INITDB_ROOT_PASSWORD",
            "MONGODB_ROOT_PASSWORD",
            "MONGODB_PASSWORD",
            "MONGODB_REPLICA_SET_KEY",
        ],
        // MongoDB Manual, release notes of each version, "Upgrade": featureCompatibilityVersion must be the version before;
        // one back may start, as long as it has not been raised.
        upgrades: Upgrades::Stepwise {
            series: &[(3, 4), (3, 6), (4, 0), (4, 2), (4, 4), (5, 0), (6, 0), (7, 0), (8, 0)],
            one_back: true,
        },
        // docker-library/mongo, docker-entrypoint.sh: only where the directory of the data is new.
        init_only_variables: &["MONGO_INITDB_ROOT_PASSWORD"],
        // bitnami/containers, libmongodb.sh, mongodb_validate.
        trust: &[Trust::by_bitnami(&[
            "MONGODB_ROOT_PASSWORD",
            "MONGODB_INITIAL_PRIMARY_ROOT_PASSWORD",
            "MONGODB_PASSWORD",
            "MONGODB_EXTRA_PASSWORDS",
        ])],
        programs: &["mongod", "docker-entrypoint.sh"],
        directory_arguments: &["--dbpath", "--dbpath="],
        images: &[
            laid_out("mongo", &["docker.io/library/mongo"], &MONGODB),
            plain("mongodb", &["docker.io/bitnami/mongodb", "docker.io/bitnamilegacy/mongodb"]),
            plain("mongodb-community-server", &["docker.io/mongodb/mongodb-community-server"]),
            plain("percona-server-mongodb", &["docker.io/percona/percona-server-mongodb"]),
        ],
        ..UNKNOWN
    },
    Engine {
        id: "cassandra",
        title: "Cassandra",
        readiness: &[CASSANDRA_READINESS],
        finds_peers: FindsPeers::All,
        grace_floor: Some(120),
        database: true,
        password_variables: &["CASSANDRA_PASSWORD"],
        programs: &["cassandra", "docker-entrypoint.sh"],
        images: &[laid_out("cassandra", &["docker.io/library/cassandra"], &CASSANDRA)],
        ..UNKNOWN
    },
    Engine {
        id: "scylladb",
        title: "ScyllaDB",
        readiness: &[SCYLLA_READINESS],
        finds_peers: FindsPeers::All,
        grace_floor: Some(120),
        database: true,
        programs: &["scylla", "docker-entrypoint.py"],
        images: &[laid_out("scylla", &["docker.io/scylladb/scylla"], &SCYLLA), plain("scylladb", &[])],
        ..UNKNOWN
    },
    Engine {
        id: "clickhouse",
        title: "ClickHouse",
        readiness: &[CLICKHOUSE_READINESS],
        grace_floor: Some(60),
        start_up: StartUp::Parallel,
        database: true,
        password_variables: &["CLICKHOUSE_PASSWORD", "CLICKHOUSE_ADMIN_PASSWORD"],
        programs: &["clickhouse-server", "clickhouse", "entrypoint.sh"],
        images: &[
            laid_out("clickhouse-server", &["docker.io/clickhouse/clickhouse-server"], &CLICKHOUSE),
            laid_out("clickhouse", &["docker.io/library/clickhouse"], &CLICKHOUSE),
        ],
        ..UNKNOWN
    },
    Engine {
        id: "clickhouse-keeper",
        title: "ClickHouse Keeper",
        readiness: &[KEEPER_READINESS],
        finds_peers: FindsPeers::All,
        // ClickHouse documentation, ClickHouse Keeper, HTTP control: ready is who has a leader.
        peer_questions: &["/ready"],
        quorum: Some(Quorum::ALWAYS),
        grace_floor: Some(60),
        start_up: StartUp::Parallel,
        programs: &["clickhouse-keeper"],
        images: &[plain("clickhouse-keeper", &["docker.io/clickhouse/clickhouse-keeper"])],
        ..UNKNOWN
    },
    Engine {
        id: "cockroachdb",
        title: "CockroachDB",
        readiness: &[COCKROACH_READINESS],
        finds_peers: FindsPeers::All,
        // cockroachdb/cockroach, cockroachdb-statefulset.yaml (pods must talk to each other to become ready);
        // cockroachdb/cockroach-operator#470.
        peer_questions: &["/health?ready=1"],
        grace_floor: Some(300),
        start_up: StartUp::Parallel,
        database: true,
        programs: &["cockroach", "cockroach.sh"],
        directory_arguments: &["--store", "--store=", "-s"],
        images: &[laid_out("cockroach", &["docker.io/cockroachdb/cockroach"], &COCKROACH)],
        ..UNKNOWN
    },
    Engine {
        id: "yugabytedb",
        title: "YugabyteDB",
        start_up: StartUp::Parallel,
        database: true,
        programs: &["yb-master", "yb-tserver", "yugabyted"],
        images: &[plain("yugabyte", &["docker.io/yugabytedb/yugabyte"])],
        ..UNKNOWN
    },
    Engine {
        id: "neo4j",
        title: "Neo4j",
        readiness: &[NEO4J_READINESS],
        grace_floor: Some(300),
        database: true,
        programs: &["neo4j", "docker-entrypoint.sh"],
        images: &[laid_out("neo4j", &["docker.io/library/neo4j"], &NEO4J), plain("neo4j-enterprise", &[])],
        ..UNKNOWN
    },
    Engine {
        id: "influxdb",
        title: "InfluxDB",
        readiness: INFLUXDB_READINESS,
        // InfluxDB documentation, "InfluxDB Enterprise": clusters are none of the open-source versions'.
        independent: Some(Independent { images: &["influxdb"], unless: &["cluster", "node-id", "replica"] }),
        grace_floor: Some(60),
        database: true,
        password_variables: &[
            "INFLUXDB_ADMIN_PASSWORD",
            "INFLUXDB_USER_PASSWORD",
            "DOCKER_INFLUXDB_INIT_PASSWORD",
            "DOCKER_INFLUXDB_INIT_ADMIN_TOKEN",
        ],
        // influxdata/influxdata-docker, init-influxdb.sh (1.x: only without META_DIR) and entrypoint.sh (2.x: only without
        // the bolt file).
        init_only_variables: &[
            "INFLUXDB_ADMIN_PASSWORD",
            "INFLUXDB_USER_PASSWORD",
            "DOCKER_INFLUXDB_INIT_PASSWORD",
            "DOCKER_INFLUXDB_INIT_ADMIN_TOKEN",
        ],
        programs: &["influxd", "influxdb3", "entrypoint.sh"],
        images: &[plain("influxdb", &["docker.io/library/influxdb"])],
        ..UNKNOWN
    },
];
