use super::*;
use crate::engines::{engines, normalise};
use serde_json::{Value, json};

fn pod(spec: &Value) -> PodSpec {
    serde_json::from_value(spec.clone()).expect("a pod")
}

#[test]
fn finds_servers_and_native_sidecars_and_leaves_init_containers_out() {
    let pod = pod(&json!({
        "containers": [{"image": "acme/web"}, {"image": "redis:7"}],
        "initContainers": [{"image": "postgres:16"}, {"image": "postgres:16", "restartPolicy": "Always"}],
    }));
    let found: Vec<_> = servers(&pod, &[]).iter().map(|server| (server.engine.id, server.slot)).collect();
    assert_eq!(found, [("redis", Slot::Container(1)), ("postgresql", Slot::Init(1))]);
}

#[test]
fn offers_a_subdirectory_only_where_it_is_safe() {
    let offered = |image: &str| {
        let pod = pod(&json!({"containers": [{ "image": image }]}));
        servers(&pod, &[]).first().and_then(Server::safe_subdirectory)
    };
    assert_eq!(offered("postgres:17"), Some(("PGDATA", "pgdata")));
    assert_eq!(offered("pgvector/pgvector:0.8.0-pg16"), Some(("PGDATA", "pgdata")));
    let (own, extension) = ("acme/postgres:16", "pgvector/pgvector:0.8.0");
    for image in ["postgres:18", "postgres", "bitnami/postgresql:16", "supabase/postgres:15.1", own, extension] {
        assert_eq!(offered(image), None, "{image}");
    }
}

#[test]
fn lost_and_found_breaks_only_where_it_is_known_to() {
    let breaks = |image: &str| {
        let pod = pod(&json!({"containers": [{ "image": image }]}));
        servers(&pod, &[])[0].lost_and_found_breaks()
    };
    for image in ["postgres:16", "mysql:5.7", "confluentinc/cp-kafka:7.6.0"] {
        assert!(breaks(image), "{image}");
    }
    for image in ["mysql:8.4", "mysql", "mariadb:11", "mongo:7", "acme/postgres:16"] {
        assert!(!breaks(image), "{image}");
    }
}

#[test]
fn redis_in_cluster_mode_starts_in_parallel() {
    let pod = pod(&json!({"containers": [{"image": "redis:7", "args": ["--cluster-enabled", "yes"]}]}));
    assert_eq!(servers(&pod, &[])[0].start_up(), StartUp::Parallel);
}

#[test]
fn the_catalogue_is_sound() {
    for engine in engines() {
        let passwords = engine.password_variables;
        assert!(engine.init_only_variables.iter().all(|name| passwords.contains(name)), "{}", engine.id);
    }
    let mut ids: Vec<_> = engines().map(|engine| engine.id).collect();
    let mut segments: Vec<_> = engines().flat_map(|e| e.images).map(|image| image.segment).collect();
    let counts = (ids.len(), segments.len());
    ids.sort_unstable();
    ids.dedup();
    segments.sort_unstable();
    segments.dedup();
    assert_eq!((ids.len(), segments.len()), counts, "an id or a segment stands twice");
    for layout in engines().flat_map(|e| e.images).filter_map(|image| image.layout) {
        for era in layout.directories {
            assert_eq!(normalise(era.directory), era.directory);
            assert!(era.volumes.iter().all(|path| normalise(path) == **path));
        }
        assert!(layout.directories.is_sorted_by_key(|era| std::cmp::Reverse(era.from)));
        assert!(layout.safe_subdirectory.is_none() || !layout.variables.is_empty());
    }
}
