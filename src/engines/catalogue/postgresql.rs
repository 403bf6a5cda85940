//! PostgreSQL and the images built on it.
//!
//! Sources: docker-library/postgres (Dockerfile templates, docker-entrypoint.sh), timescale/timescaledb-docker-ha
//! (Dockerfile), supabase/postgres#444, bitnami/containers (postgresql-env.sh).

use super::{Engine, Era, FindsPeers, Image, Layout, StartUp, UNKNOWN, laid_out};
use crate::engines::independent::Independent;
use crate::engines::readiness::{Asks, Readiness};
use crate::engines::release::Upgrades;
use crate::engines::trust::{SetTo, Trust};

const DATA: &str = "/var/lib/postgresql/data";

/// The official image, and images built FROM it.
static OFFICIAL: Layout = Layout {
    directories: &[
        Era {
            from: 18,
            directory: "/var/lib/postgresql/{major}/docker",
            volumes: &["/var/lib/postgresql"],
            lost_and_found_breaks: true,
            refuses_mount: Some(DATA),
        },
        Era { from: 0, directory: DATA, volumes: &[DATA], lost_and_found_breaks: true, refuses_mount: None },
    ],
    variables: &["PGDATA"],
    safe_subdirectory: Some(("pgdata", 18)),
};

/// Patroni moves the directory about, so it is a subdirectory of the mount from the start.
static TIMESCALE_HA: Layout = Layout {
    directories: &[Era {
        from: 0,
        directory: "/home/postgres/pgdata/data",
        volumes: &[],
        lost_and_found_breaks: true,
        refuses_mount: None,
    }],
    variables: &["PGDATA"],
    safe_subdirectory: None,
};

static BITNAMI: Layout = Layout {
    directories: &[Era {
        from: 0,
        directory: "/bitnami/postgresql/data",
        volumes: &[],
        lost_and_found_breaks: true,
        refuses_mount: None,
    }],
    variables: &["POSTGRESQL_DATA_DIR", "PGDATA"],
    safe_subdirectory: None,
};

/// Its configuration file names the directory, so PGDATA does not move it.
static SUPABASE: Layout = Layout {
    directories: &[Era { from: 0, directory: DATA, volumes: &[], lost_and_found_breaks: true, refuses_mount: None }],
    variables: &[],
    safe_subdirectory: None,
};

/// By TCP: the server that the official image starts to prepare new data listens on a socket alone, and would answer
/// there (measured with 15).
const READINESS: Readiness = Readiness::new(
    Asks::Exec(&["pg_isready", "-h", "127.0.0.1", "-U", "postgres"]),
    "it accepts connections by TCP, which it does not while new data is prepared; no password is needed",
    "PostgreSQL documentation, pg_isready; docker-library/postgres, docker-entrypoint.sh",
)
.within(5);

const fn high_availability(segment: &'static str, repositories: &'static [&'static str]) -> Image {
    Image { segment, repositories, layout: None, start_up: Some(StartUp::Any), readiness: &[] }
}

pub(super) static ENGINES: &[Engine] = &[Engine {
    id: "postgresql",
    title: "PostgreSQL",
    grace_floor: Some(60),
    start_up: StartUp::Ordered,
    finds_peers: FindsPeers::No,
    peer_questions: &[],
    database: true,
    password_variables: &[
        "POSTGRES_PASSWORD",
        "POSTGRESQL_PASSWORD",
        "POSTGRESQL_POSTGRES_PASSWORD",
        "POSTGRESQL_REPLICATION_PASSWORD",
        "REPMGR_PASSWORD",
        "PGPASSWORD",
    ],
    // docker-library/postgres, docker-entrypoint.sh; bitnami/containers, libpostgresql.sh ("persisted data").
    init_only_variables: &["POSTGRES_PASSWORD", "POSTGRESQL_PASSWORD", "POSTGRESQL_POSTGRES_PASSWORD"],
    // docker-library/postgres, docker-entrypoint.sh: each pod runs initdb.
    independent: Some(Independent {
        images: &["postgres", "postgis", "pgvector", "timescaledb", "postgresql"],
        unless: &["replica", "replicat", "standby", "primary", "master", "slave", "patroni", "repmgr", "basebackup"],
    }),
    // PostgreSQL documentation, "Upgrading a PostgreSQL Cluster": each major checks PG_VERSION and stops.
    upgrades: Upgrades::Never,
    trust: &[
        // docker-entrypoint.sh, pg_setup_hba_conf: the method is for all hosts, whether there is a password or not.
        Trust { variable: "POSTGRES_HOST_AUTH_METHOD", set_to: SetTo::Word("trust"), maker: None, unless: &[] },
        // bitnami/containers, libpostgresql.sh, postgresql_validate.
        Trust::by_bitnami(&["POSTGRES_PASSWORD", "POSTGRESQL_PASSWORD", "POSTGRESQL_POSTGRES_PASSWORD"]),
    ],
    programs: &["postgres", "docker-entrypoint.sh", "docker-ensure-initdb.sh", "postmaster"],
    directory_arguments: &["-D", "--pgdata", "--pgdata=", "data_directory=", "--data_directory=", "--data-directory="],
    defaults_in_arguments: false,
    readiness: &[READINESS],
    images: &[
        laid_out("postgres", &["docker.io/library/postgres"], &OFFICIAL),
        laid_out("postgis", &["docker.io/postgis/postgis"], &OFFICIAL),
        laid_out("pgvector", &["docker.io/pgvector/pgvector"], &OFFICIAL),
        laid_out("timescaledb", &["docker.io/timescale/timescaledb"], &OFFICIAL),
        Image {
            segment: "timescaledb-ha",
            repositories: &["docker.io/timescale/timescaledb-ha"],
            layout: Some(&TIMESCALE_HA),
            start_up: Some(StartUp::Any),
            readiness: &[],
        },
        laid_out(
            "postgresql",
            &[
                "docker.io/bitnami/postgresql",
                "docker.io/bitnamilegacy/postgresql",
                "docker.io/bitnamisecure/postgresql",
            ],
            &BITNAMI,
        ),
        high_availability(
            "postgresql-repmgr",
            &["docker.io/bitnami/postgresql-repmgr", "docker.io/bitnamilegacy/postgresql-repmgr"],
        ),
        high_availability("spilo", &["ghcr.io/zalando/spilo"]),
        high_availability("spilo-15", &["ghcr.io/zalando/spilo-15"]),
        high_availability("spilo-16", &["ghcr.io/zalando/spilo-16"]),
        high_availability("spilo-17", &["ghcr.io/zalando/spilo-17"]),
        high_availability("crunchy-postgres", &["registry.developers.crunchydata.com/crunchydata/crunchy-postgres"]),
        high_availability("crunchy-postgres-ha", &[]),
        high_availability("percona-distribution-postgresql", &["docker.io/percona/percona-distribution-postgresql"]),
        high_availability("stolon", &["docker.io/sorintlab/stolon"]),
        // Known by its maker alone: the path `supabase/postgres` also ends in the official image's name.
        laid_out("supabase-postgres", &[], &SUPABASE),
    ],
    ..UNKNOWN
}];

/// Images whose last segment is the official one but whose layout is their own: full path, segment in the catalogue.
pub(super) static RENAMED: &[(&str, &str)] =
    &[("docker.io/supabase/postgres", "supabase-postgres"), ("public.ecr.aws/supabase/postgres", "supabase-postgres")];
