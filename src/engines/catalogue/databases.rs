//! Databases that keep their own cluster: documents, columns, graphs, time series.
//!
//! Sources: the images' Dockerfiles; cockroachdb/helm-charts#378 (grace 300); neo4j-contrib/neo4j-helm#70 (grace 300);
//! kubernetes/website, Cassandra example (grace 500); bitnami charts (data directories).

use super::{Engine, Layout, StartUp, UNKNOWN, era, fixed, laid_out, plain};

static MONGODB: Layout = fixed(&[era("/data/db", &["/data/db", "/data/configdb"])], &[]);
static CASSANDRA: Layout = fixed(&[era("/var/lib/cassandra", &["/var/lib/cassandra"])], &[]);
static SCYLLA: Layout = fixed(&[era("/var/lib/scylla", &["/var/lib/scylla"])], &[]);
static CLICKHOUSE: Layout = fixed(&[era("/var/lib/clickhouse", &["/var/lib/clickhouse"])], &[]);
static COCKROACH: Layout = fixed(&[era("/cockroach/cockroach-data", &[])], &[]);
static NEO4J: Layout = fixed(&[era("/data", &["/data", "/logs"])], &[]);

pub(super) static ENGINES: &[Engine] = &[
    Engine {
        id: "mongodb",
        title: "MongoDB",
        grace_floor: Some(60),
        database: true,
        password_variables: &[
            "MONGO_INITDB_ROOT_PASSWORD",
            "MONGODB_ROOT_PASSWORD",
            "MONGODB_PASSWORD",
            "MONGODB_REPLICA_SET_KEY",
        ],
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
        grace_floor: Some(120),
        database: true,
        programs: &["scylla", "docker-entrypoint.py"],
        images: &[laid_out("scylla", &["docker.io/scylladb/scylla"], &SCYLLA), plain("scylladb", &[])],
        ..UNKNOWN
    },
    Engine {
        id: "clickhouse",
        title: "ClickHouse",
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
        grace_floor: Some(60),
        start_up: StartUp::Parallel,
        programs: &["clickhouse-keeper"],
        images: &[plain("clickhouse-keeper", &["docker.io/clickhouse/clickhouse-keeper"])],
        ..UNKNOWN
    },
    Engine {
        id: "cockroachdb",
        title: "CockroachDB",
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
        grace_floor: Some(300),
        database: true,
        programs: &["neo4j", "docker-entrypoint.sh"],
        images: &[laid_out("neo4j", &["docker.io/library/neo4j"], &NEO4J), plain("neo4j-enterprise", &[])],
        ..UNKNOWN
    },
    Engine {
        id: "influxdb",
        title: "InfluxDB",
        grace_floor: Some(60),
        database: true,
        password_variables: &[
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
