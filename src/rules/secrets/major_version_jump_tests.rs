use crate::evaluation::{Change, Subject};
use crate::facts::InMemory;
use crate::kubernetes::StatefulSet;
use crate::rule::{Action, Finding, Occasion, Profile, Specs};
use crate::rules::{self, harness};
use serde_json::{Value, json};

const MOUNTS: &[&str] = &[
    "/var/lib/postgresql/data",
    "/var/lib/mysql",
    "/data/db",
    "/usr/share/elasticsearch/data",
    "/usr/share/opensearch/data",
    "/bitnami/postgresql",
    "/home/postgres/pgdata",
    "/data",
];

fn set(image: &str) -> Value {
    let mounts: Vec<_> = MOUNTS.iter().map(|path| json!({"name": "data", "mountPath": path})).collect();
    let container = json!({"name": "db", "image": image, "volumeMounts": mounts});
    let templates = json!([{"metadata": {"name": "data"}}]);
    json!({"spec": {"template": {"spec": {"containers": [container]}}, "volumeClaimTemplates": templates}})
}

fn judged(old: &Value, new: &Value) -> Vec<Finding> {
    let (old, new): (StatefulSet, StatefulSet) = (harness::read(old), harness::read(new));
    let subject = Subject::StatefulSet(&new, Change::Update { old: &old, specs: Specs::Differ });
    let policy = rules::policy(Profile::Strict);
    harness::findings_under(&policy, "STS404", &subject, Occasion::Update, &InMemory::default())
}

fn changed(old: &str, new: &str) -> Vec<Finding> {
    judged(&set(old), &set(new))
}

#[test]
fn finds_another_major_of_postgresql_either_way() {
    let found = changed("postgres:16.4", "postgres:17-alpine");
    assert_eq!(found[0].message, "PostgreSQL goes from 16 to 17, and 17 does not start on files that 16 wrote");
    assert_eq!((found[0].action, found[0].pointer.as_str()), (Action::Deny, "/spec/template/spec/containers/0/image"));
    for (old, new) in [
        ("postgres:17", "postgres:16"),
        ("postgres:13", "postgres:17@sha256:00"),
        ("postgis/postgis:16-3.4", "postgis/postgis:17-3.5"),
        ("pgvector/pgvector:pg16", "pgvector/pgvector:0.8.0-pg17"),
        ("bitnamilegacy/postgresql:16.6.0", "bitnamilegacy/postgresql:17.6.0"),
        ("supabase/postgres:15.8.1", "supabase/postgres:17.4.1"),
        ("postgres:16", "timescale/timescaledb:2.17.2-pg17"),
    ] {
        assert_eq!(changed(old, new).len(), 1, "{old} {new}");
    }
}

#[test]
fn finds_steps_that_are_skipped_and_ways_back() {
    for (old, new) in [
        ("mysql:5.7", "mysql:8.4"),
        ("mysql:8.0", "mysql:9.4"),
        ("mysql:8.4", "mysql:8.0"),
        ("mysql:8.0", "mysql:5"),
        ("percona:5.7", "percona:8.4"),
        ("percona/percona-server:8.0", "percona/percona-server:5.7"),
        ("mongo:4.4", "mongo:6.0"),
        ("mongo:8", "mongo:6"),
        ("elasticsearch:6.8.23", "elasticsearch:8.17.5"),
        (
            "docker.elastic.co/elasticsearch/elasticsearch:8.17.5",
            "docker.elastic.co/elasticsearch/elasticsearch:7.17.0",
        ),
        ("opensearchproject/opensearch:1.3.20", "opensearchproject/opensearch:3.2.0"),
    ] {
        assert_eq!(changed(old, new).len(), 1, "{old} {new}");
    }
}

#[test]
fn accepts_what_starts_or_may_start() {
    for (old, new) in [
        ("postgres:16.1", "postgres:16.4"),
        ("postgres:9.5", "postgres:9.6"),
        ("postgres:16", "postgres"),
        ("postgres", "postgres:17"),
        ("mysql:5.7", "mysql:8.0"),
        ("mysql:8.0", "mysql:8.4"),
        ("mysql:8", "mysql:9"),
        ("percona:5.7", "percona:8.0"),
        ("mariadb:10.6", "mariadb:11.4"),
        ("mariadb:11.4", "mariadb:10.6"),
        ("mongo:6.0", "mongo:7.0"),
        ("mongo:7.0", "mongo:6.0"),
        ("redis:7", "redis:6"),
        ("elasticsearch:7.17.0", "elasticsearch:8.17.5"),
        ("neo4j:4.4", "neo4j:5"),
    ] {
        assert!(changed(old, new).is_empty(), "{old} {new}");
    }
}

#[test]
fn says_nothing_of_tags_that_need_not_be_the_servers() {
    for (old, new) in [
        ("acme/postgres:1", "acme/postgres:2"),
        ("ghcr.io/zalando/spilo-15:3.0-p1", "ghcr.io/zalando/spilo-17:4.0-p2"),
        ("timescale/timescaledb-ha:pg16", "timescale/timescaledb-ha:pg17"),
        ("postgres:16", "acme/ledger:17"),
        ("postgres:16", "mysql:8"),
    ] {
        assert!(changed(old, new).is_empty(), "{old} {new}");
    }
}

#[test]
fn warns_only_where_the_image_is_assumed() {
    let (private, official) = ("registry.example.com/db/postgres:16", "postgres:17");
    assert_eq!(changed(private, official)[0].action, Action::Warn);
    assert_eq!(changed(official, private)[0].action, Action::Warn);
}

#[test]
fn leaves_data_that_moves_to_its_own_rule_and_data_that_nobody_keeps_alone() {
    let at = |image: &str, pgdata: &str| {
        let mut set = set(image);
        set["spec"]["template"]["spec"]["containers"][0]["env"] = json!([{"name": "PGDATA", "value": pgdata}]);
        set
    };
    let path = |name: &str| format!("/var/lib/postgresql/data/{name}");
    assert!(judged(&at("postgres:16", &path("16")), &at("postgres:17", &path("17"))).is_empty());
    assert_eq!(judged(&at("postgres:16", &path("pg")), &at("postgres:17", &path("pg"))).len(), 1);
    assert!(judged(&at("postgres:16", "/tmp/pg"), &at("postgres:17", "/tmp/pg")).is_empty());
    // The image of 18 refuses this mount: it never wrote anything.
    assert!(changed("postgres:18", "postgres:17").is_empty());
}

#[test]
fn leaves_pods_alone_that_may_upgrade_the_files_first() {
    let mut new = set("postgres:17");
    new["spec"]["template"]["spec"]["initContainers"] =
        json!([{"name": "up", "image": "tianon/postgres-upgrade:16-to-17"}]);
    assert!(judged(&set("postgres:16"), &new).is_empty());
    new["spec"]["template"]["spec"]["initContainers"] =
        json!([{"name": "up", "image": "acme/tools:1", "command": ["sh", "-c", "pg_upgrade -b /old -B /new"]}]);
    assert!(judged(&set("postgres:16"), &new).is_empty());
    new["spec"]["template"]["spec"]["initContainers"] =
        json!([{"name": "own", "image": "busybox", "command": ["chown"]}]);
    assert_eq!(judged(&set("postgres:16"), &new).len(), 1);
}
