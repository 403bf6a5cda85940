//! Each fixture through the built command: the rule's finding where its name says so, and nothing of it elsewhere.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use stsguard::rule::{Action, Front, Hook, Info, Setting};
use stsguard::rules::RULES;

/// Whether files show what a rule finds. The fixtures of the others, which look at changes, deletions and reviews of
/// Services, are for `reviews/changes.rs`.
fn shows_in_files(info: &Info) -> bool {
    info.hooks.iter().any(|hook| hook.is_run_by(Front::Check))
}

fn infos() -> impl Iterator<Item = &'static Info> {
    RULES.iter().map(|rule| rule.info())
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn findings(fixture: &str) -> Vec<Value> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stsguard"));
    let words = ["check", "--format", "json", "--show", "audit", fixture];
    let output = command.current_dir(root()).args(words).output().expect("it can be run");
    assert!(output.stderr.is_empty(), "{fixture}: {}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).expect("it prints JSON");
    report["findings"].as_array().expect("a list").clone()
}

/// The fixtures of a rule, by name.
fn fixtures(rule: &str) -> Vec<String> {
    let Ok(folder) = fs::read_dir(root().join("tests/fixtures").join(rule)) else { return Vec::new() };
    let names = folder.map(|entry| entry.expect("an entry can be read").file_name().to_string_lossy().into_owned());
    names.collect::<BTreeSet<_>>().into_iter().collect()
}

/// The fixtures that a rule still needs, of those that are there.
fn missing(info: &Info, names: &[String]) -> Vec<String> {
    let whose = format!("tests/fixtures/{}", info.name);
    let what =
        if shows_in_files(info) { "a manifest" } else { "what a request is about, see tests/fixtures/README.md," };
    let kinds = [("fail-", "in which it finds something"), ("pass-", "in which it finds nothing")];
    let lacking = kinds.into_iter().filter(|(kind, _)| !names.iter().any(|name| name.starts_with(kind)));
    lacking.map(|(kind, finds)| format!("make {whose}/{kind}<case>.yaml: {what} {finds} of {}", info.code)).collect()
}

#[test]
fn every_rule_has_both_kinds() {
    let complaints: Vec<_> = infos().flat_map(|info| missing(info, &fixtures(info.name))).collect();
    assert!(complaints.is_empty(), "something is still to be done:\n{}", complaints.join("\n"));
}

#[test]
fn a_rule_without_fixtures_is_told_which_to_make() {
    let made_up = |hooks| Info {
        code: "STS399",
        name: "made-up-pattern",
        since: "0.2",
        hooks,
        defaults: [Setting { action: Action::Warn, fix: false }; 3],
        parameters: &[],
        docs: "",
    };
    let info = made_up(&[Hook::StatefulSet]);
    assert_eq!(
        missing(&info, &[]),
        [
            "make tests/fixtures/made-up-pattern/fail-<case>.yaml: a manifest in which it finds something of STS399",
            "make tests/fixtures/made-up-pattern/pass-<case>.yaml: a manifest in which it finds nothing of STS399",
        ]
    );
    assert_eq!(missing(&info, &["fail-one.yaml".to_owned()]).len(), 1);
    assert!(missing(&info, &["fail-one.yaml".to_owned(), "pass-one.yaml".to_owned()]).is_empty());
    let change = missing(&made_up(&[Hook::StatefulSetDelete]), &["pass-one.delete.yaml".to_owned()]);
    assert!(change[0].contains("what a request is about, see tests/fixtures/README.md, in which"), "{change:?}");
}

#[test]
fn every_folder_of_fixtures_is_a_rules() {
    for entry in fs::read_dir(root().join("tests/fixtures")).expect("a folder can be read") {
        let path = entry.expect("an entry can be read").path();
        let name = path.file_name().expect("it has a name").to_string_lossy().into_owned();
        let known = !path.is_dir() || infos().any(|info| info.name == name);
        assert!(known, "tests/fixtures/{name} has the name of no rule: rename it, or write the rule's line in RULES");
    }
}

#[test]
fn each_fixture_says_what_its_name_promises() {
    let mut seen = 0;
    for info in infos().filter(|info| shows_in_files(info)) {
        for name in fixtures(info.name) {
            let fixture = format!("tests/fixtures/{}/{name}", info.name);
            let findings = findings(&fixture);
            let own = findings.iter().any(|finding| finding["code"] == info.code);
            assert_eq!(own, name.starts_with("fail-"), "{fixture}: {findings:#?}");
            for finding in &findings {
                let message = finding["message"].as_str().expect("text");
                assert!(!message.ends_with('.') && !message.is_empty(), "{message}");
                assert!(message.chars().count() <= 112, "a warning of more than 120 characters: {message}");
            }
            let told: Vec<_> = findings
                .iter()
                .map(|finding| {
                    let text = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
                    let fix = &finding["fix"]["operations"];
                    format!(
                        "{} {} {} | {} | {} | {fix}",
                        text("code"),
                        text("action"),
                        text("pointer"),
                        text("message"),
                        text("help")
                    )
                })
                .collect();
            let snapshot = format!("{}__{}", info.name, name.trim_end_matches(".yaml"));
            insta::assert_snapshot!(snapshot, told.join("\n"));
            seen += 1;
        }
    }
    assert!(seen >= 2 * infos().filter(|info| shows_in_files(info)).count());
}
