//! What the chart asks for: exactly this, and nothing else.

use std::collections::BTreeSet;

use serde_json::Value;

use super::tools::rendered;

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

fn set(lines: &[&str]) -> BTreeSet<String> {
    lines.iter().map(|line| (*line).to_owned()).collect()
}

const SERVER: [&str; 10] = [
    "stsguard everywhere: list,watch,patch admissionregistration.k8s.io/mutatingwebhookconfigurations only stsguard",
    "stsguard everywhere: list,watch,patch admissionregistration.k8s.io/validatingwebhookconfigurations only stsguard",
    "stsguard in its namespace: create /secrets",
    "stsguard in its namespace: get,list,watch,update /secrets only stsguard-authority",
    "stsguard everywhere: get,list,watch /namespaces",
    "stsguard everywhere: get,list,watch /persistentvolumeclaims",
    "stsguard everywhere: get,list,watch /persistentvolumes",
    "stsguard everywhere: get,list,watch /services",
    "stsguard everywhere: get,list,watch apps/statefulsets",
    "stsguard everywhere: get,list,watch storage.k8s.io/storageclasses",
];
/// Where others keep the certificate.
const READER: [&str; 6] = [
    "stsguard everywhere: get,list,watch /namespaces",
    "stsguard everywhere: get,list,watch /persistentvolumeclaims",
    "stsguard everywhere: get,list,watch /persistentvolumes",
    "stsguard everywhere: get,list,watch /services",
    "stsguard everywhere: get,list,watch apps/statefulsets",
    "stsguard everywhere: get,list,watch storage.k8s.io/storageclasses",
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

#[test]
fn are_exactly_these() {
    assert_eq!(rights(&rendered(&["--no-hooks"])), set(&SERVER));
    let provided = ["--set=certificates.source=provided", "--set=certificates.caBundle=placeholder", "--no-hooks"];
    assert_eq!(rights(&rendered(&provided)), set(&READER));
    assert_eq!(rights(&rendered(&["--set=certificates.source=cert-manager", "--no-hooks"])), set(&READER));
    assert_eq!(rights(&rendered(&[])), set(&[&SERVER[..], &TEST].concat()));
    let all = rendered(&["--set=uninstallHook.enabled=true"]);
    assert_eq!(rights(&all), set(&[&SERVER[..], &TEST, &RELEASE].concat()));
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
    assert_eq!(bindings(&all), set(&expected));
    let hooks = all.iter().filter(|object| !object["metadata"]["annotations"]["helm.sh/hook"].is_null());
    let hooks: Vec<_> = hooks.collect();
    assert!(hooks.len() >= 10, "{}", hooks.len());
    for hook in hooks {
        let policy = &hook["metadata"]["annotations"]["helm.sh/hook-delete-policy"];
        assert_eq!(policy, "before-hook-creation,hook-succeeded", "{hook}");
    }
}
