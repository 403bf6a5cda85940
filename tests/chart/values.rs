//! Values: each is known to the schema, explained, and exercised; what is not known is refused.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::{Map, Value};

use super::tools::{Helm, chart, lint, objects, rendered, template, text, values_files};

fn defaults() -> Value {
    let text = fs::read_to_string(chart().join("values.yaml")).expect("there are values");
    objects(&text).remove(0)
}

fn schema() -> Value {
    let text = fs::read_to_string(chart().join("values.schema.json")).expect("there is a schema");
    serde_json::from_str(&text).expect("the schema is JSON")
}

/// The paths of all values that are no map with fixed keys.
fn leaves(values: &Value, schema: &Value, path: &str, found: &mut BTreeSet<String>) {
    let fixed = schema["properties"].as_object();
    match (values.as_object(), fixed) {
        (Some(values), Some(fixed)) => {
            for (key, value) in values {
                leaves(value, fixed.get(key).unwrap_or(&Value::Null), &format!("{path}.{key}"), found);
            }
        }
        _ => {
            found.insert(path.trim_start_matches('.').to_owned());
        }
    }
}

#[test]
fn every_values_file_passes_under_both_helms() {
    for file in values_files() {
        for version in [Helm::Three, Helm::Four] {
            let output = lint(version, &file);
            assert!(output.status.success(), "{version:?} {}: {output:?}", file.display());
        }
    }
}

#[test]
fn one_file_sets_every_value() {
    let (defaults, schema) = (defaults(), schema());
    let (mut known, mut set) = (BTreeSet::new(), BTreeSet::new());
    leaves(&defaults, &schema, "", &mut known);
    let all = fs::read_to_string(chart().join("ci/all-options-values.yaml")).expect("the file is there");
    leaves(&objects(&all).remove(0), &schema, "", &mut set);
    let elsewhere = |path: &str| {
        // Excluded by others, or left to the cluster's own scenarios.
        ["hostNetwork", "dnsPolicy", "openshift", "resources", "affinity"].contains(&path)
            || path.starts_with("certificates")
    };
    let missing: Vec<_> = known.difference(&set).filter(|path| !elsewhere(path)).collect();
    assert!(missing.is_empty(), "all-options-values.yaml leaves out {missing:?}");
}

#[test]
fn every_value_is_explained() {
    let text = fs::read_to_string(chart().join("values.yaml")).expect("there are values");
    let lines: Vec<_> = text.lines().collect();
    let mut unexplained = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let top = line.split_once(':').filter(|(key, _)| key.starts_with(|c: char| c.is_ascii_lowercase()));
        let Some((key, _)) = top else { continue };
        let commented = at.checked_sub(1).is_some_and(|before| lines[before].starts_with('#'));
        if !commented {
            unexplained.push(key);
        }
    }
    assert!(unexplained.is_empty(), "no word about {unexplained:?}");
}

#[test]
fn every_policy_is_one_that_the_program_takes() {
    for file in values_files() {
        let objects = rendered(&[&format!("--values={}", file.display())]);
        let policy = objects.iter().find_map(|object| object["data"]["policy.yaml"].as_str()).expect("text");
        let folder = tempfile::tempdir().expect("a folder can be made");
        let (policy_file, manifest) = (folder.path().join("policy.yaml"), folder.path().join("service.yaml"));
        fs::write(&policy_file, policy).expect("a file can be written");
        fs::write(&manifest, "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {}}").expect("the same");
        let mut command = Command::new(env!("CARGO_BIN_EXE_stsguard"));
        command.arg("check").arg("--policy").args([&policy_file, &manifest]);
        let output = command.output().expect("it can be run");
        assert_eq!(output.status.code(), Some(0), "{}: {output:?}", file.display());
    }
}

/// Objects whose keys are Kubernetes' own or the user's.
const FREE: [&str; 3] = ["global", "resources", "affinity"];

fn strict(schema: &Map<String, Value>, path: &str, loose: &mut Vec<String>) {
    if schema.contains_key("properties") && schema.get("additionalProperties") != Some(&Value::Bool(false)) {
        loose.push(path.to_owned());
    }
    for (key, value) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let Some(value) = value.as_object() else { continue };
        if value.get("type") == Some(&"object".into()) && !value.contains_key("properties") {
            let bounded = value.get("additionalProperties").is_some() || FREE.contains(&key.as_str());
            assert!(bounded || path.contains("metricsFrom"), "{path}.{key} takes anything");
        }
        strict(value, &format!("{path}.{key}"), loose);
        if let Some(items) = value.get("items").and_then(Value::as_object) {
            strict(items, &format!("{path}.{key}[]"), loose);
        }
    }
}

#[test]
fn the_schema_knows_every_key() {
    let mut loose = Vec::new();
    strict(schema().as_object().expect("an object"), "", &mut loose);
    assert!(loose.is_empty(), "these take keys that nobody reads: {loose:?}");
}

#[test]
fn refuses_what_it_does_not_know_and_what_cannot_work() {
    for (wrong, said) in [
        ("replica=3", "replica"),
        ("webhook.failurepolicy=Fail", "failurepolicy"),
        ("webhook.failurePolicy=fail", "failurePolicy"),
        ("webhook.timeoutSeconds=31", "timeoutSeconds"),
        ("webhook.deployments=yes", "deployments"),
        ("networkPolicy.apiServerCidrs[0]=10.0.0.1", "apiServerCidrs"),
        ("networkPolicy.egress.dnsPort=53", "dnsPort"),
        ("metrics.dashboards.enabled=true", "dashboards"),
        ("policy.enforcement=block", "enforcement"),
        ("webhook.matchConditions[0].name=changed,webhook.matchConditions[0].expression=1 == 1", "matchConditions"),
        ("port=443", "port"),
        ("hostNetwork=true", "port 10250 is the kubelet's"),
        ("podDisruptionBudget.maxUnavailable=0", "maxUnavailable"),
        ("podDisruptionBudget.minAvailable=2", "podDisruptionBudget.minAvailable is 2 of replicas 2"),
    ] {
        for version in [Helm::Three, Helm::Four] {
            let output = template(version, &["--set", wrong]);
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(!output.status.success() && stderr.contains(said), "{version:?} {wrong}: {stderr}");
        }
    }
}

#[test]
fn refuses_to_fail_closed_on_a_single_pod() {
    let said = refused("replicas=1,webhook.failurePolicy=Fail");
    assert!(said.contains("webhook.failurePolicy is Fail and replicas is 1"), "{said}");
    assert!(said.contains("set replicas to 2 or more, or webhook.failurePolicy to Ignore"), "{said}");
    text(&template(Helm::Four, &["--set=replicas=1"]));
    text(&template(Helm::Four, &["--set=replicas=2,webhook.failurePolicy=Fail"]));
}

#[test]
fn refuses_a_shutdown_that_the_grace_period_would_cut_short() {
    let said = refused("shutdown.terminationGracePeriodSeconds=119");
    assert!(said.contains("may take 120 s") && said.contains("raise the first, or lower the others"), "{said}");
    text(&template(Helm::Four, &["--set=shutdown.terminationGracePeriodSeconds=120"]));
    let fractions = r#"shutdown={"propagationSeconds":0.5,"idleSeconds":4.75,"terminationGracePeriodSeconds":20}"#;
    assert!(!template(Helm::Four, &["--set-json", fractions]).status.success());
    let own = ["--set=extraArgs={--drain-finish=1s},shutdown.terminationGracePeriodSeconds=110"];
    text(&template(Helm::Four, &own));
}

/// What both helms say to values that they refuse.
fn refused(settings: &str) -> String {
    let said = |version| {
        let output = template(version, &["--set", settings]);
        assert!(!output.status.success(), "{version:?} takes {settings}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    said(Helm::Three) + &said(Helm::Four)
}
