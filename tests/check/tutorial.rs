//! The tutorial's manifest, and each of its mistakes.

use crate::{findings, repository, run_in};

/// The findings in one of the repository's examples, and the exit code.
fn example(path: &str) -> (Vec<String>, i32) {
    shown("warn", path)
}

/// The same, with the mildest action that is shown.
fn shown(action: &str, path: &str) -> (Vec<String>, i32) {
    let ended = run_in(repository(), &["check", "--format", "json", "--show", action, path], "");
    assert_eq!(ended.stderr, "");
    (findings(&ended), ended.code)
}

fn one(finding: &str) -> Vec<String> {
    vec![format!("{finding} postgres")]
}

#[test]
fn finds_nothing_in_the_good_manifest() {
    assert_eq!(example("examples/good/postgres.yaml"), (vec![], 0));
}

#[test]
fn tells_only_auditors_what_else_three_replicas_want() {
    let audited =
        ["STS501 audit postgres", "STS504 audit postgres", "STS502 audit postgres"].map(str::to_owned).to_vec();
    assert_eq!(shown("audit", "examples/good/postgres.yaml"), (audited, 0));
}

#[test]
fn denies_a_governing_service_with_a_cluster_ip() {
    assert_eq!(example("examples/bad/service-with-cluster-ip.yaml"), (one("STS101 deny"), 1));
}

#[test]
fn warns_of_data_in_the_root_of_its_volume() {
    assert_eq!(example("examples/bad/data-in-volume-root.yaml"), (one("STS201 warn"), 0));
}

#[test]
fn warns_of_postgresql_started_in_parallel() {
    assert_eq!(example("examples/bad/parallel-startup.yaml"), (one("STS303 warn"), 0));
}

#[test]
fn warns_of_no_grace_period() {
    assert_eq!(example("examples/bad/no-grace-period.yaml"), (one("STS301 warn"), 0));
}

#[test]
fn warns_of_a_literal_password() {
    assert_eq!(example("examples/bad/literal-password.yaml"), (one("STS401 warn"), 0));
}

#[test]
fn warns_of_a_database_in_a_deployment() {
    assert_eq!(example("examples/bad/database-in-deployment.yaml"), (one("STS601 warn"), 0));
}

#[test]
fn has_a_test_for_every_example() {
    let names = |folder: &str| {
        let entries = std::fs::read_dir(repository().join(folder)).expect("the folder exists");
        let mut names: Vec<_> =
            entries.map(|entry| entry.expect("it can be read").file_name().into_string().expect("UTF-8")).collect();
        names.sort();
        names
    };
    assert_eq!(names("examples/good"), ["postgres.yaml"]);
    assert_eq!(
        names("examples/bad"),
        [
            "data-in-volume-root.yaml",
            "database-in-deployment.yaml",
            "literal-password.yaml",
            "no-grace-period.yaml",
            "parallel-startup.yaml",
            "service-with-cluster-ip.yaml",
        ]
    );
}
