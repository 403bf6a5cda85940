use super::*;
use crate::rules::harness;
use serde_json::{Value, json};

#[derive(Clone, Copy)]
struct Postgres {
    image: &'static str,
    pgdata: Option<&'static str>,
    mount: &'static str,
    sub_path: &'static str,
    volume: &'static str,
    reason: &'static str,
}

const PLAIN: Postgres = Postgres {
    image: "postgres:16",
    pgdata: Some("/var/lib/postgresql/data/pgdata"),
    mount: "/var/lib/postgresql/data",
    sub_path: "",
    volume: "data",
    reason: "",
};

impl Postgres {
    fn set(&self) -> Value {
        let env: Vec<_> = self.pgdata.iter().map(|value| json!({"name": "PGDATA", "value": value})).collect();
        let mount = json!({"name": self.volume, "mountPath": self.mount, "subPath": self.sub_path});
        let container = json!({"name": "postgres", "image": self.image, "env": env, "volumeMounts": [mount]});
        json!({
            "metadata": {"name": "pg", "annotations": {"stsguard.dev/exempt-data-directory-moved": self.reason}},
            "spec": {
                "template": {"spec": {"containers": [container], "volumes": [{"name": "scratch", "emptyDir": {}}]}},
                "volumeClaimTemplates": [{"metadata": {"name": "data"}}, {"metadata": {"name": "other"}}],
            }
        })
    }
}

fn moved(new: &Postgres) -> Option<Action> {
    harness::update("STS202", &PLAIN.set(), &new.set()).first().map(|finding| finding.action)
}

#[test]
fn denies_another_directory_mount_sub_path_or_volume() {
    assert_eq!(moved(&Postgres { pgdata: Some("/var/lib/postgresql/data/db"), ..PLAIN }), Some(Action::Deny));
    assert_eq!(moved(&Postgres { pgdata: None, ..PLAIN }), Some(Action::Deny));
    assert_eq!(moved(&Postgres { mount: "/data", ..PLAIN }), Some(Action::Deny));
    assert_eq!(moved(&Postgres { sub_path: "pg", ..PLAIN }), Some(Action::Deny));
    assert_eq!(moved(&Postgres { volume: "other", ..PLAIN }), Some(Action::Deny));
    assert_eq!(moved(&Postgres { volume: "scratch", ..PLAIN }), Some(Action::Deny));
}

#[test]
fn denies_a_default_that_moves_with_the_image() {
    let old = Postgres { pgdata: None, ..PLAIN };
    let new = Postgres { pgdata: None, image: "postgres:18", ..PLAIN };
    assert_eq!(harness::update("STS202", &old.set(), &new.set())[0].action, Action::Deny);
    assert_eq!(moved(&Postgres { image: "postgres:18", ..PLAIN }), None, "PGDATA holds it in place");
}

#[test]
fn accepts_mount_and_directory_moved_together_and_the_default_spelt_out() {
    assert_eq!(moved(&Postgres { mount: "/data", pgdata: Some("/data/pgdata"), ..PLAIN }), None);
    assert_eq!(moved(&Postgres { mount: "/data", pgdata: Some("/data"), sub_path: "pgdata", ..PLAIN }), None);
    let old = Postgres { pgdata: None, ..PLAIN };
    let new = Postgres { pgdata: Some("/var/lib/postgresql/data"), ..PLAIN };
    assert!(harness::update("STS202", &old.set(), &new.set()).is_empty());
}

#[test]
fn accepts_the_repair_of_a_claim_that_never_held_the_data() {
    let old = Postgres { pgdata: None, mount: "/var/lib/postgresql", ..PLAIN };
    assert!(harness::update("STS202", &old.set(), &PLAIN.set()).is_empty());
}

#[test]
fn only_warns_where_the_layout_is_assumed() {
    let image = "registry.corp.example/postgres:16";
    let old = Postgres { image, ..PLAIN };
    let new = Postgres { image, pgdata: None, ..PLAIN };
    assert_eq!(harness::update("STS202", &old.set(), &new.set())[0].action, Action::Warn);
}

#[test]
fn an_exemption_with_a_reason_turns_the_denial_into_a_reminder() {
    let new = Postgres { pgdata: None, reason: "data moved on Sunday", ..PLAIN };
    let found = harness::update("STS202", &PLAIN.set(), &new.set());
    assert_eq!((found.len(), found[0].action), (1, Action::Warn));
    assert!(found[0].message.contains("remove it"));
}

#[test]
fn what_moves_for_every_major_is_warned_of() {
    for image in ["postgres", "postgres:latest", "postgres@sha256:00"] {
        let old = Postgres { image, pgdata: None, ..PLAIN };
        let action = |old: &Postgres, new: &Postgres| {
            harness::update("STS202", &old.set(), &new.set()).first().map(|finding| finding.action)
        };
        // A mount at .../data is refused from 18 on: what has data there is 17 or older.
        assert_eq!(action(&old, &Postgres { image, ..PLAIN }), Some(Action::Warn), "{image}");
        assert_eq!(action(&old, &Postgres { image: "postgres:17", pgdata: None, ..PLAIN }), None, "{image}");
        // Moves for 18, and was never on the claim before.
        let above = Postgres { mount: "/var/lib/postgresql", ..old };
        assert_eq!(action(&above, &Postgres { sub_path: "pg", ..above }), None, "{image}");
        // Written out, it is the same for all.
        let written = Postgres { image, ..PLAIN };
        let moved = Postgres { pgdata: Some("/var/lib/postgresql/data/db"), ..written };
        assert_eq!(action(&written, &moved), Some(Action::Deny), "{image}");
        assert_eq!(action(&written, &written), None, "{image}");
        assert_eq!(action(&PLAIN, &written), None, "PGDATA holds it in place");
        // From a known major to any.
        let default = Postgres { pgdata: None, ..PLAIN };
        assert_eq!(action(&default, &old), Some(Action::Warn), "{image}");
    }
}
