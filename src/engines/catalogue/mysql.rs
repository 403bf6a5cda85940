//! MySQL, MariaDB and Percona Server.
//!
//! Sources: docker-library/mysql#69 and #186 (5.7 refuses `lost+found`), mysql-server sql_initialize.cc (8 ignores it),
//! docker-library/mysql and mariadb-docker Dockerfiles.

use super::{Engine, Era, FindsPeers, Layout, StartUp, UNKNOWN, laid_out, plain};
use crate::engines::independent::Independent;
use crate::engines::readiness::{Asks, Readiness};
use crate::engines::release::Upgrades;
use crate::engines::trust::{SetTo, Trust};

const DATA: &str = "/var/lib/mysql";

static MYSQL: Layout = Layout {
    directories: &[
        Era { from: 8, directory: DATA, volumes: &[DATA], lost_and_found_breaks: false, refuses_mount: None },
        Era { from: 5, directory: DATA, volumes: &[DATA], lost_and_found_breaks: true, refuses_mount: None },
        Era { from: 0, directory: DATA, volumes: &[DATA], lost_and_found_breaks: false, refuses_mount: None },
    ],
    variables: &[],
    safe_subdirectory: None,
};

static MARIADB: Layout = super::fixed(&[super::era(DATA, &[DATA])], &[]);

static BITNAMI_MYSQL: Layout = super::fixed(&[super::era("/bitnami/mysql/data", &[])], &["MYSQL_DATA_DIR"]);
static BITNAMI_MARIADB: Layout = super::fixed(&[super::era("/bitnami/mariadb/data", &[])], &["MARIADB_DATA_DIR"]);

const PASSWORDS: &[&str] = &[
    "MYSQL_ROOT_PASSWORD",
    "MYSQL_PASSWORD",
    "MARIADB_ROOT_PASSWORD",
    "MARIADB_PASSWORD",
    "MYSQL_REPLICATION_PASSWORD",
    "MARIADB_REPLICATION_PASSWORD",
    "MARIADB_GALERA_MARIABACKUP_PASSWORD",
    "MYSQL_MASTER_ROOT_PASSWORD",
    "MARIADB_MASTER_ROOT_PASSWORD",
];

/// It exits with 0 where access is denied too (measured with MariaDB 10.11). By TCP: the server that prepares new data
/// listens on a socket alone.
const MYSQL_READINESS: Readiness = Readiness::new(
    Asks::Exec(&["mysqladmin", "ping", "-h", "127.0.0.1"]),
    "it answers by TCP, which it does not while new data is prepared; no password is needed",
    "MySQL Reference Manual, mysqladmin, ping; docker-library/mysql, docker-entrypoint.sh",
)
.within(5);

/// The same program under its name of today: newer images have no other.
const MARIADB_READINESS: Readiness = Readiness::new(
    Asks::Exec(&["mariadb-admin", "ping", "-h", "127.0.0.1"]),
    "it answers by TCP; no password is needed",
    "MariaDB documentation, mariadb-admin, ping",
)
.within(5);

/// Only `--connect`: `--innodb_initialized` logs in as a user that the image makes with new data, so pods on data from
/// before that, or from elsewhere, would never be ready; and the server listens when InnoDB has recovered, not before.
const MARIADB_OFFICIAL_READINESS: Readiness = Readiness::new(
    Asks::Exec(&["healthcheck.sh", "--connect"]),
    "it answers by TCP, which it does not while new data is prepared; no password is needed",
    "MariaDB/mariadb-docker, healthcheck.sh",
)
.within(5);
/// MySQL Reference Manual, "Upgrade Paths" and "Downgrading": from each long-term series to the next, and never back; the
/// server stops with MY-014060 or MY-014061 (before 8.4: MY-013171). Percona Server has the same files.
const UPGRADES: Upgrades =
    Upgrades::Stepwise { series: &[(5, 6), (5, 7), (8, 0), (8, 4), (9, 0), (26, 0)], one_back: false };

/// What gives root a password, or keeps it from other hosts.
const ROOT: &[&str] = &[
    "MYSQL_ROOT_PASSWORD",
    "MARIADB_ROOT_PASSWORD",
    "MARIADB_ROOT_PASSWORD_HASH",
    "MYSQL_RANDOM_ROOT_PASSWORD",
    "MARIADB_RANDOM_ROOT_PASSWORD",
    "MYSQL_ROOT_HOST",
    "MARIADB_ROOT_HOST",
];

/// docker-library/mysql and MariaDB/mariadb-docker, docker-entrypoint.sh, docker_verify_minimum_env: whatever it is set to.
const fn of_root(variable: &'static str) -> Trust {
    Trust { variable, set_to: SetTo::Anything, maker: None, unless: ROOT }
}

/// All of them bootstrap in order; Galera starts its cluster from ordinal 0.
const FAMILY: Engine = Engine {
    grace_floor: Some(60),
    start_up: StartUp::Ordered,
    database: true,
    password_variables: PASSWORDS,
    // The same: each pod makes its own data.
    independent: Some(Independent {
        images: &["mysql", "mysql-server", "bitnami-mysql", "mariadb", "bitnami-mariadb", "percona", "percona-server"],
        unless: &[
            "replic",
            "slave",
            "master",
            "primary",
            "wsrep",
            "galera",
            "gtid",
            "server-id",
            "server_id",
            "cluster",
        ],
    }),
    // docker-library/mysql and MariaDB/mariadb-docker, docker-entrypoint.sh: only where DATADIR/mysql is not there.
    init_only_variables: &["MYSQL_ROOT_PASSWORD", "MYSQL_PASSWORD", "MARIADB_ROOT_PASSWORD", "MARIADB_PASSWORD"],
    trust: &[
        of_root("MYSQL_ALLOW_EMPTY_PASSWORD"),
        of_root("MARIADB_ALLOW_EMPTY_ROOT_PASSWORD"),
        // bitnami/containers, libmysql.sh and libmariadb.sh, mysql_validate; replicas know the primary's password.
        Trust::by_bitnami(&[
            "MYSQL_ROOT_PASSWORD",
            "MARIADB_ROOT_PASSWORD",
            "MYSQL_MASTER_ROOT_PASSWORD",
            "MARIADB_MASTER_ROOT_PASSWORD",
        ]),
    ],
    programs: &["mysqld", "mariadbd", "docker-entrypoint.sh", "mysqld_safe"],
    directory_arguments: &["--datadir=", "--datadir", "-h"],
    readiness: &[MYSQL_READINESS],
    ..UNKNOWN
};

pub(super) static ENGINES: &[Engine] = &[
    Engine {
        id: "mysql",
        title: "MySQL",
        upgrades: UPGRADES,
        images: &[
            laid_out("mysql", &["docker.io/library/mysql"], &MYSQL),
            laid_out(
                "bitnami-mysql",
                &["docker.io/bitnami/mysql", "docker.io/bitnamilegacy/mysql", "docker.io/bitnamisecure/mysql"],
                &BITNAMI_MYSQL,
            ),
            plain("mysql-server", &["docker.io/mysql/mysql-server"]),
        ],
        ..FAMILY
    },
    Engine {
        id: "mariadb",
        title: "MariaDB",
        readiness: &[MARIADB_READINESS],
        finds_peers: FindsPeers::In(&["mariadb-galera"]),
        images: &[
            laid_out("mariadb", &["docker.io/library/mariadb"], &MARIADB).asked(&[MARIADB_OFFICIAL_READINESS]),
            laid_out(
                "bitnami-mariadb",
                &["docker.io/bitnami/mariadb", "docker.io/bitnamilegacy/mariadb", "docker.io/bitnamisecure/mariadb"],
                &BITNAMI_MARIADB,
            ),
            laid_out(
                "mariadb-galera",
                &["docker.io/bitnami/mariadb-galera", "docker.io/bitnamilegacy/mariadb-galera"],
                &BITNAMI_MARIADB,
            ),
        ],
        ..FAMILY
    },
    Engine {
        id: "percona-server",
        title: "Percona Server",
        finds_peers: FindsPeers::In(&["percona-xtradb-cluster"]),
        upgrades: UPGRADES,
        images: &[
            plain("percona", &["docker.io/library/percona"]),
            plain("percona-server", &["docker.io/percona/percona-server"]),
            plain("percona-xtradb-cluster", &["docker.io/percona/percona-xtradb-cluster"]),
        ],
        ..FAMILY
    },
];

pub(super) static RENAMED: &[(&str, &str)] = &[
    ("docker.io/bitnami/mysql", "bitnami-mysql"),
    ("docker.io/bitnamilegacy/mysql", "bitnami-mysql"),
    ("docker.io/bitnamisecure/mysql", "bitnami-mysql"),
    ("docker.io/bitnami/mariadb", "bitnami-mariadb"),
    ("docker.io/bitnamilegacy/mariadb", "bitnami-mariadb"),
    ("docker.io/bitnamisecure/mariadb", "bitnami-mariadb"),
];
