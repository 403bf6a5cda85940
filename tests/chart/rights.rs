//! What the chart asks for: exactly this, and nothing else.

use std::collections::BTreeSet;

use serde_json::Value;
use stsguard::facts;
use stsguard::rule::Front;
use stsguard::rules::RULES;

use super::tools::{object, rendered};

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Each right of each role as a line: role, verb, resource, the names that it is limited to.
fn rights(objects: &[Value]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let roles = objects.iter().filter(|object| object["kind"] == "ClusterRole" || object["kind"] == "Role");
    for role in roles {
        let name = role["metadata"]["name"].as_str().unwrap_or_default();
        let scope = if role["kind"] == "Role" { "in its namespace" } else { "everywhere" };
        for rule in role["rules"].as_array().into_iter().flatten() {
            assert!(rule["nonResourceURLs"].is_null(), "{rule}");
            let only = strings(&rule["resourceNames"]);
            let only = if only.is_empty() { String::new() } else { format!(" only {}", only.join(",")) };
            for group in strings(&rule["apiGroups"]) {
                for resource in strings(&rule["resources"]) {
                    let verbs = strings(&rule["verbs"]).join(",");
                    found.insert(format!("{name} {scope}: {verbs} {group}/{resource}{only}"));
                }
            }
        }
    }
    found
}

/// What each account is bound to.
fn bindings(objects: &[Value]) -> BTreeSet<String> {
    let wanted = objects.iter().filter(|object| object["kind"].as_str().is_some_and(|kind| kind.ends_with("Binding")));
    let line = |binding: &Value| {
        let role = &binding["roleRef"];
        let subjects = binding["subjects"].as_array().into_iter().flatten();
        let subjects: Vec<_> = subjects
            .map(|subject| format!("{} {}/{}", subject["kind"], subject["namespace"], subject["name"]))
            .collect();
        format!("{} {} to {}", role["kind"], role["name"], subjects.join(", ")).replace('"', "")
    };
    wanted.map(line).collect()
}

/// What reading facts takes: a line for each kind of the table that a cluster answers.
fn reader() -> BTreeSet<String> {
    let line = |((group, plural), verbs): ((&str, &str), BTreeSet<&str>)| {
        format!("stsguard everywhere: {} {group}/{plural}", verbs.into_iter().collect::<Vec<_>>().join(","))
    };
    facts::rights().into_iter().map(line).collect()
}

/// What keeping certificates takes.
const AUTHORITY: [&str; 4] = [
    "stsguard everywhere: list,watch,patch admissionregistration.k8s.io/mutatingwebhookconfigurations only stsguard",
    "stsguard everywhere: list,watch,patch admissionregistration.k8s.io/validatingwebhookconfigurations only stsguard",
    "stsguard in its namespace: create /secrets",
    "stsguard in its namespace: get,list,watch,update /secrets only stsguard-authority",
];
const TEST: [&str; 3] = [
    "stsguard-test everywhere: get admissionregistration.k8s.io/mutatingwebhookconfigurations only stsguard",
    "stsguard-test everywhere: get admissionregistration.k8s.io/validatingwebhookconfigurations only stsguard",
    "stsguard-test in its namespace: get /services only stsguard",
];
const RELEASE: [&str; 2] = [
    "stsguard-release everywhere: delete admissionregistration.k8s.io/mutatingwebhookconfigurations only stsguard",
    "stsguard-release everywhere: delete admissionregistration.k8s.io/validatingwebhookconfigurations only stsguard",
];

/// The reader's rights and these.
fn and(lines: &[&[&str]]) -> BTreeSet<String> {
    reader().into_iter().chain(lines.concat().into_iter().map(str::to_owned)).collect()
}

#[test]
fn are_exactly_those_that_the_table_of_kinds_and_the_certificates_need() {
    assert!(reader().contains("stsguard everywhere: get,list /persistentvolumeclaims"), "{:?}", reader());
    assert_eq!(rights(&rendered(&["--no-hooks"])), and(&[&AUTHORITY]));
    let provided = ["--set=certificates.source=provided", "--set=certificates.caBundle=placeholder", "--no-hooks"];
    assert_eq!(rights(&rendered(&provided)), and(&[]));
    assert_eq!(rights(&rendered(&["--set=certificates.source=cert-manager", "--no-hooks"])), and(&[]));
    assert_eq!(rights(&rendered(&[])), and(&[&AUTHORITY, &TEST]));
    let all = rendered(&["--set=uninstallHook.enabled=true"]);
    assert_eq!(rights(&all), and(&[&AUTHORITY, &TEST, &RELEASE]));
}

/// Each resource and operation that an entry of the validating configuration asks for.
fn reviewed(objects: &[Value]) -> BTreeSet<(String, String)> {
    let entries =
        object(objects, "ValidatingWebhookConfiguration", "stsguard")["webhooks"].as_array().into_iter().flatten();
    let rules = entries.flat_map(|entry| entry["rules"].as_array().into_iter().flatten());
    let pairs = rules.flat_map(|rule| {
        let pair = |resource: &str| -> Vec<(String, String)> {
            strings(&rule["operations"])
                .into_iter()
                .map(|operation| (resource.to_owned(), operation.to_owned()))
                .collect()
        };
        strings(&rule["resources"]).into_iter().flat_map(pair).collect::<Vec<_>>()
    });
    pairs.collect()
}

#[test]
fn the_webhooks_ask_for_all_that_a_rule_looks_at_and_for_nothing_else() {
    let needed = |with: Option<&str>| -> BTreeSet<(String, String)> {
        let hooks = RULES.iter().flat_map(|rule| rule.info().hooks);
        let hooks = hooks.filter(|hook| hook.is_run_by(Front::Admission));
        let asked = hooks.filter(|hook| hook.asked_with().is_none_or(|value| with == Some(value)));
        let reviewed = asked.flat_map(|hook| hook.reviewed());
        reviewed.map(|(resource, operation)| ((*resource).into(), (*operation).into())).collect()
    };
    assert_eq!(reviewed(&rendered(&[])), needed(None));
    let with = rendered(&["--set=webhook.deployments=true"]);
    assert_eq!(reviewed(&with), needed(Some("webhook.deployments")));
    assert_eq!(needed(Some("webhook.deployments")).len(), needed(None).len() + 2);
    // Nothing is read that was not read before.
    assert_eq!(rights(&with), rights(&rendered(&[])));
}

#[test]
fn each_account_has_its_own_and_a_hooks_goes_with_the_hook() {
    let all = rendered(&["--set=uninstallHook.enabled=true"]);
    let expected = [
        "ClusterRole stsguard to ServiceAccount stsguard/stsguard",
        "Role stsguard to ServiceAccount stsguard/stsguard",
        "ClusterRole stsguard-test to ServiceAccount stsguard/stsguard-test",
        "Role stsguard-test to ServiceAccount stsguard/stsguard-test",
        "ClusterRole stsguard-release to ServiceAccount stsguard/stsguard-release",
    ];
    assert_eq!(bindings(&all), expected.map(str::to_owned).into());
    let hooks = all.iter().filter(|object| !object["metadata"]["annotations"]["helm.sh/hook"].is_null());
    let hooks: Vec<_> = hooks.collect();
    assert!(hooks.len() >= 10, "{}", hooks.len());
    for hook in hooks {
        let policy = &hook["metadata"]["annotations"]["helm.sh/hook-delete-policy"];
        assert_eq!(policy, "before-hook-creation,hook-succeeded", "{hook}");
    }
}
