//! What is written down of a review: the log's fields are those of docs/log.md, and what `audit` records carries the message.

use std::collections::BTreeSet;

use serde_json::json;

use super::api::Api;
use super::objects::{creation, fixable_set};
use super::patience::until;
use super::process::Process;

/// The fields that docs/log.md lists.
fn documented() -> BTreeSet<String> {
    let page = include_str!("../../docs/log.md");
    let (table, _) = page.split_once("\n## The API server's").expect("the log comes first");
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `"));
    let names = rows.filter_map(|row| row.split_once(" | ")).flat_map(|(names, _)| names.split(", "));
    names.map(|name| name.trim_matches('`').to_owned()).collect()
}

#[tokio::test]
async fn has_a_line_with_the_message_for_what_is_only_recorded() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let policy = folder.path().join("policy.yaml");
    std::fs::write(&policy, "enforcement: audit\n").expect("a file can be written");
    let process = Process::ready(&Api::default(), "true", &["--policy", &policy.display().to_string()]).await;
    let mut set = fixable_set();
    set["spec"]["template"]["spec"]["containers"][0]["env"] = json!([{"name": "DB_PASSWORD", "value": "s3cret"}]);
    let answer = process.connect().await.review("/validate", &creation("apps", "statefulsets", &set)).await;
    assert!(answer["allowed"] == true && answer["warnings"].is_null(), "{answer}");
    let recorded = answer["auditAnnotations"]["found"].as_str().expect("what was found is recorded").to_owned();
    assert!(recorded.contains("STS301: PostgreSQL gets 30 s"), "{recorded}");

    until("the line", async || !process.said("reviewed").is_empty()).await;
    let line = process.said("reviewed").swap_remove(0);
    let fields: BTreeSet<_> = line.as_object().expect("a line is an object").keys().cloned().collect();
    assert_eq!(fields, documented(), "docs/log.md is not current");
    assert_eq!((&line["level"], &line["said"]), (&json!("INFO"), &json!(recorded)));
    assert!(line["found"].as_str().is_some_and(|found| found.contains("STS301:audit")), "{line}");
    assert!(!line.to_string().contains("s3cret") && !answer.to_string().contains("s3cret"), "{line}");
}
