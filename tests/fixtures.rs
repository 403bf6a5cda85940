//! Each fixture through the built command: the rule's finding where its name says so, and nothing of it elsewhere.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use stsguard::rules::RULES;

/// Rules that files cannot show: changes, deletions, reviews of Services. Their fixtures are for `reviews/changes.rs`.
const UNSEEN: [&str; 5] = [
    "service-breaks-identity",
    "governing-service-deleted",
    "data-directory-moved",
    "unordered-deletion",
    "claims-left-behind",
];

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

#[test]
fn every_rule_that_files_show_has_both_kinds() {
    for info in RULES.iter().map(|rule| rule.info()).filter(|info| !UNSEEN.contains(&info.name)) {
        let names = fixtures(info.name);
        for kind in ["fail-", "pass-"] {
            assert!(names.iter().any(|name| name.starts_with(kind)), "{} has no {kind} fixture", info.name);
        }
    }
}

#[test]
fn each_fixture_says_what_its_name_promises() {
    let mut seen = 0;
    for info in RULES.iter().map(|rule| rule.info()).filter(|info| !UNSEEN.contains(&info.name)) {
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
    assert!(seen >= 2 * (RULES.len() - UNSEEN.len()));
}
