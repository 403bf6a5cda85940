//! The commands beside `check`.

use serde_json::{Value, json};

use crate::{Folder, repository, run_in};

fn run(arguments: &[&str]) -> crate::Ended {
    run_in(repository(), arguments, "")
}

/// A review of a new set; the examples' good one with some change.
fn review(change: impl Fn(&mut Value)) -> String {
    let text = std::fs::read_to_string(repository().join("examples/good/postgres.yaml")).expect("it is there");
    let documents = stsguard::yaml::documents(&text);
    let mut object = documents[1].read().expect("the example is good").value;
    change(&mut object);
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "1", "operation": "CREATE", "namespace": "shop", "name": "postgres",
            "resource": {"group": "apps", "version": "v1", "resource": "statefulsets"},
            "userInfo": {"username": "kubernetes-admin"},
            "object": object,
        }
    })
    .to_string()
}

#[test]
fn lists_all_rules_and_explains_one() {
    let list = run(&["rules"]).stdout;
    assert!(list.lines().count() > 20 && list.contains("STS301  short-grace-period"), "{list}");
    let by_code = run(&["rules", "sts301"]);
    assert_eq!((by_code.code, &by_code.stdout), (0, &run(&["rules", "short-grace-period"]).stdout));
    assert!(by_code.stdout.contains("Why it matters") && !by_code.stdout.contains("```"), "{}", by_code.stdout);
    assert!(run(&["rules", "STS301", "--format", "markdown"]).stdout.starts_with("# STS301 short-grace-period\n"));
    let list: Value = serde_json::from_str(&run(&["rules", "--format", "json"]).stdout).expect("it is JSON");
    assert_eq!(list[0]["code"], "STS001");
    let one: Value = serde_json::from_str(&run(&["rules", "STS301", "--format", "json"]).stdout).expect("it is JSON");
    assert_eq!(one["profiles"]["recommended"], json!({"action": "warn", "fix": true}));
    let unknown = run(&["rules", "STS999"]);
    assert_eq!(
        (unknown.code, unknown.stderr.as_str()),
        (2, "stsguard: there is no rule \"STS999\"; `stsguard rules` lists all\n")
    );
}

#[test]
fn replays_a_review_on_both_paths() {
    let review = review(|object| {
        object["spec"]["podManagementPolicy"] = "Parallel".into();
        object["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 0.into();
    });
    let ended = run_in(repository(), &["review", "-"], &review);
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    insta::assert_snapshot!(ended.stdout);
}

#[test]
fn replays_a_review_for_programs() {
    let review = review(|object| object["spec"]["podManagementPolicy"] = "Parallel".into());
    let ended = run_in(repository(), &["review", "-", "--endpoint", "mutate", "--format", "json"], &review);
    let answer: Value = serde_json::from_str(&ended.stdout).expect("it is JSON");
    assert_eq!((ended.code, &answer["mutate"]["allowed"]), (0, &json!(true)));
    assert_eq!(answer["mutate"]["operations"][0]["path"], "/spec/podManagementPolicy");
    assert_eq!(answer.get("validate"), None);
}

#[test]
fn refuses_what_is_no_review() {
    let wrong = review(|object| object["spec"]["replicas"] = "hunter2".into());
    for text in ["", "{}", "[]", "not json", &wrong] {
        let ended = run_in(repository(), &["review", "-"], text);
        assert_eq!((ended.code, ended.stdout.as_str()), (2, ""), "{text}");
        assert!(ended.stderr.starts_with("stsguard: ") && !ended.stderr.contains("hunter2"), "{}", ended.stderr);
    }
    assert_eq!(run(&["review", "missing.json"]).code, 2);
}

#[test]
fn makes_certificates_and_overwrites_none() {
    let folder = Folder::with(&[]);
    let ended = folder.run(&["certs"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (0, "certs/ca.crt\ncerts/ca.key\ncerts/tls.crt\ncerts/tls.key\n"));
    assert_eq!(folder.run(&["certs"]).code, 2);
}

#[test]
fn teaches_with_examples_and_exit_codes() {
    for command in ["check", "rules", "review"] {
        let help = run(&[command, "--help"]).stdout;
        assert!(help.contains("Examples:"), "{help}");
    }
    assert!(run(&["check", "--help"]).stdout.contains("Exit codes: 0 nothing to deny"));
    assert_eq!(run(&["--version"]).stdout, format!("stsguard {}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(run(&["chek"]).code, 2);
}
