use serde_json::{Value, json};

use crate::rule::{Action, Finding};
use crate::rules::harness;

/// The findings of all placement rules on one PostgreSQL server.
fn found(image: &str, mount: &str, pgdata: Option<&str>) -> Vec<Finding> {
    let env = pgdata.map_or(json!([]), |value| json!([{"name": "PGDATA", "value": value}]));
    let mounts = json!([{"name": "data", "mountPath": mount}]);
    let container: Value = json!({"name": "pg", "image": image, "env": env, "volumeMounts": mounts});
    let templates = json!([{"metadata": {"name": "data"}}]);
    let spec = json!({"template": {"spec": {"containers": [container]}}, "volumeClaimTemplates": templates});
    let set = json!({"metadata": {"name": "pg"}, "spec": spec});
    let facts = crate::facts::InMemory::default();
    ["STS201", "STS203", "STS204", "STS205"].iter().flat_map(|code| harness::created(code, &set, &facts)).collect()
}

fn codes(image: &str, mount: &str, pgdata: Option<&str>) -> Vec<&'static str> {
    found(image, mount, pgdata).iter().map(|finding| finding.rule.code).collect()
}

/// How images are written whose tag tells no major.
const UNKNOWN: [&str; 6] = [
    "postgres",
    "postgres:latest",
    "postgres:alpine",
    "postgres@sha256:2ee9c1ac4bb4ff0a5f1b1dcbd9a3e2f9e8a1a7b1f1a5d0a2c4a6ddf0c3d9e4b7",
    "registry.example.com/library/postgres:stable",
    "pgvector/pgvector:0.8.0",
];

#[test]
fn what_is_wrong_for_every_major_is_warned_of_and_names_each() {
    for image in UNKNOWN {
        let found = found(image, "/var/lib/postgresql/data", None);
        assert_eq!(found.len(), 1, "{image}");
        let finding = &found[0];
        assert_eq!((finding.rule.code, finding.action), ("STS201", Action::Warn), "{image}");
        assert_eq!(
            finding.message,
            "unknown major: up to 17 lost+found breaks the first start; from 18 on the mount is refused"
        );
        assert!(finding.fix.is_none(), "{image}");
    }
}

#[test]
fn what_is_right_for_one_major_is_left_alone() {
    for image in UNKNOWN {
        // Shadowed up to 17, and what 18 wants.
        assert_eq!(codes(image, "/var/lib/postgresql", None), [""; 0], "{image}");
        let subdirectory = Some("/var/lib/postgresql/data/pgdata");
        assert_eq!(codes(image, "/var/lib/postgresql/data", subdirectory), [""; 0], "{image}");
    }
}

#[test]
fn a_data_directory_that_is_written_out_counts_for_every_major() {
    let written = Some("/var/lib/postgresql/data");
    for image in UNKNOWN {
        let found = found(image, "/var/lib/postgresql/data", written);
        assert_eq!(found.len(), 1, "{image}");
        assert!(found[0].message.contains("is its volume's root"), "{image}: {}", found[0].message);
        assert!(found[0].action == Action::Warn && found[0].fix.is_none(), "{image}");
        // With its own VOLUME above or below, the mount above is hidden under each.
        assert_eq!(codes(image, "/var/lib", written), ["STS203"], "{image}");
        assert_eq!(codes(image, "/srv", None), ["STS204"], "{image}");
    }
}

#[test]
fn a_known_major_is_judged_as_before() {
    let data = "/var/lib/postgresql/data";
    for (image, mount, pgdata, code) in [
        ("postgres:16", data, None, "STS201"),
        ("postgres:18", data, None, "STS205"),
        ("postgres:16@sha256:00", data, None, "STS201"),
        ("postgres:16", "/var/lib/postgresql", None, "STS203"),
        ("postgres:18", data, Some(data), "STS201"),
        ("postgres:18", "/srv", None, "STS204"),
    ] {
        assert_eq!(codes(image, mount, pgdata), [code], "{image} {mount} {pgdata:?}");
    }
    assert_eq!(codes("postgres:18", "/var/lib/postgresql", None), [""; 0]);
    // Of MySQL 5.7 alone it is known that lost+found breaks it.
    assert_eq!(codes("mysql", "/var/lib/mysql", None), [""; 0]);
}

#[test]
fn a_shell_line_that_hands_over_to_the_entrypoint_is_judged_like_the_image() {
    let placed = |line: &str| {
        let mounts = json!([{"name": "data", "mountPath": "/var/lib/postgresql/data"}]);
        let command = json!(["bash", "-c", line]);
        let container = json!({"name": "pg", "image": "postgres:18", "command": command, "volumeMounts": mounts});
        let templates = json!([{"metadata": {"name": "data"}}]);
        let spec = json!({"template": {"spec": {"containers": [container]}}, "volumeClaimTemplates": templates});
        harness::create("STS205", &json!({"spec": spec})).len()
    };
    assert_eq!(placed("mkdir -p /x; exec docker-entrypoint.sh postgres"), 1);
    assert_eq!(placed("export PGDATA=/x; exec docker-entrypoint.sh postgres"), 0);
    assert_eq!(placed("exec postgres -D /x"), 0);
}
