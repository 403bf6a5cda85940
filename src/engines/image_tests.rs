use super::*;
use proptest::prelude::*;

fn found(text: &str) -> Option<(&'static str, Degree)> {
    let reference = ImageReference::parse(text).expect("a reference");
    let mirrors = [Mirror { prefix: "registry.corp.example/hub/".into(), stands_for: "docker.io/".into() }];
    identify(&reference, &mirrors).map(|(engine, _, degree)| (engine.id, degree))
}

#[test]
fn splits_host_path_tag_and_digest() {
    let parsed = ImageReference::parse("registry.example.com:5000/team/postgres:16@sha256:abc").expect("a reference");
    assert_eq!(parsed.registry, Some("registry.example.com:5000"));
    assert_eq!((parsed.path, parsed.tag, parsed.digest), ("team/postgres", Some("16"), Some("sha256:abc")));
    let parsed = ImageReference::parse("localhost:5000/postgres").expect("a reference");
    assert_eq!((parsed.registry, parsed.path, parsed.tag), (Some("localhost:5000"), "postgres", None));
    assert_eq!(ImageReference::parse("{{ .Values.image }}"), None);
}

#[test]
fn takes_the_official_image_under_all_its_names() {
    for name in [
        "postgres",
        "postgres:16",
        "library/postgres",
        "docker.io/postgres:16",
        "docker.io/library/postgres:16",
        "index.docker.io/library/postgres",
        "public.ecr.aws/docker/library/postgres:16",
        "mirror.gcr.io/library/postgres:16",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/docker-hub/library/postgres:16",
        "registry.corp.example/hub/library/postgres:16",
        "postgis/postgis:16-3.4",
        "timescale/timescaledb:2.17.2-pg16",
        "bitnami/postgresql:16",
    ] {
        assert_eq!(found(name), Some(("postgresql", Degree::Official)), "{name}");
    }
}

#[test]
fn tells_mirrors_from_namesakes() {
    assert_eq!(found("registry.corp.example/postgres:16"), Some(("postgresql", Degree::Mirror)));
    assert_eq!(found("harbor.corp.example:8443/dockerhub/postgres:16"), Some(("postgresql", Degree::Mirror)));
    for name in ["acme/postgres:16", "kartoza/postgis:16-3.4", "gcr.io/google-samples/cassandra:v13", "ghcr.io/x/redis"]
    {
        assert_eq!(found(name).map(|(_, degree)| degree), Some(Degree::Namesake), "{name}");
    }
}

#[test]
fn knows_what_is_no_server() {
    for name in [
        "prometheuscommunity/postgres-exporter",
        "bitnami/postgres-exporter",
        "edoburu/pgbouncer",
        "dpage/pgadmin4",
        "postgrest/postgrest",
        "registry.example.com/postgres-backup:1",
        "zalando/postgres-operator",
        "acme/web",
        "mysql/mysql-router",
    ] {
        assert_eq!(found(name), None, "{name}");
    }
}

#[test]
fn gives_supabase_its_own_layout() {
    let reference = ImageReference::parse("supabase/postgres:15.8.1").expect("a reference");
    let (_, image, _) = identify(&reference, &[]).expect("it is PostgreSQL");
    assert_eq!(image.segment, "supabase-postgres");
}

#[test]
fn reads_the_major_and_never_an_extensions_version() {
    for (tag, expected) in [
        ("16", Some(16)),
        ("16.3-alpine", Some(16)),
        ("pg16", Some(16)),
        ("0.8.0-pg17", Some(17)),
        ("2.17.2-pg16", Some(16)),
        ("latest-pg16", Some(16)),
        ("16-3.4", Some(16)),
        ("5.7", Some(5)),
        ("v24.1.0", Some(24)),
        ("latest", None),
        ("alpine", None),
        ("99999999999999999999", None),
    ] {
        assert_eq!(major(tag), expected, "{tag}");
    }
}

proptest! {
    #[test]
    fn never_panics(text in "\\PC{0,40}") {
        let _ = major(&text);
        if let Some(reference) = ImageReference::parse(&text) {
            let _ = identify(&reference, &[]);
        }
    }
}

#[test]
fn floats_without_a_digest_and_a_version() {
    let floats = |text: &str| ImageReference::parse(text).expect("a reference").floats();
    for image in [
        "postgres",
        "postgres:latest",
        "localhost:5000/postgres",
        "redis:alpine",
        "redis:alpine3.20",
        "postgres:bookworm",
        "mongo:windowsservercore-ltsc2022",
        "quay.io/minio/minio:latest",
        "bitnami/mysql:debian-12",
        "scylladb/scylla:latest-arm64",
        "couchbase:x86_64",
    ] {
        assert!(floats(image), "{image}");
    }
    for image in [
        "postgres:16",
        "postgres:16-alpine3.20",
        "postgres:alpine3.20-16.4",
        "timescale/timescaledb:latest-pg16",
        "pgvector/pgvector:pg17",
        "quay.io/minio/minio:RELEASE.2025-03-12T18-04-18Z",
        "cockroachdb/cockroach:v24.3.0",
        "postgres@sha256:0011",
        "postgres:latest@sha256:0011",
        "acme/postgres:sha-1a2b3c",
    ] {
        assert!(!floats(image), "{image}");
    }
}
