//! Alerts fire when they should and only then, dashboards ask what can be answered, and both speak of metrics that exist.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use serde_json::Value;
use stsguard::admission::Endpoint;
use stsguard::cluster::StoreState;
use stsguard::serve::Metrics;

use super::tools::{object, promtool, rendered, root, text};

/// Metrics of the cluster's own parts, and one of ours that comes with the policy's reload.
const OTHERS: [&str; 5] = [
    "apiserver_admission_webhook_admission_duration_seconds_bucket",
    "apiserver_admission_webhook_fail_open_count",
    "apiserver_admission_webhook_rejection_count",
    "kube_deployment_spec_replicas",
    "kube_deployment_status_replicas_ready",
];

fn groups() -> Value {
    let all = rendered(&["--set=metrics.prometheusRule.enabled=true"]);
    object(&all, "PrometheusRule", "stsguard")["spec"].clone()
}

fn alerts() -> Vec<Value> {
    let rules = groups()["groups"][0]["rules"].as_array().cloned().unwrap_or_default();
    assert!(rules.len() >= 10, "{}", rules.len());
    rules
}

fn panels() -> Vec<Value> {
    let all = rendered(&["--set=metrics.dashboard.enabled=true"]);
    let text = object(&all, "ConfigMap", "stsguard-dashboard")["data"]["stsguard.json"].as_str().expect("it is text");
    let dashboard: Value = serde_json::from_str(text).expect("the dashboard is JSON");
    dashboard["panels"].as_array().cloned().expect("it has panels")
}

fn queries() -> Vec<String> {
    let panels = panels();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    let queries: Vec<_> = targets.filter_map(|target| target["expr"].as_str()).map(str::to_owned).collect();
    assert!(queries.len() >= panels.len(), "a panel without a query");
    queries
}

#[test]
fn alerts_fire_when_they_should_and_only_then() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    // JSON is YAML.
    fs::write(folder.path().join("rules.yaml"), groups().to_string()).expect("a file can be written");
    fs::copy(root().join("tests/chart/alerts.yaml"), folder.path().join("alerts.yaml")).expect("a file can be copied");
    text(&promtool(folder.path(), &["check", "rules", "--lint-fatal", "rules.yaml"]));
    let output = promtool(folder.path(), &["test", "rules", "alerts.yaml"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn every_alert_is_seen_to_fire_and_says_what_to_do() {
    let tests = fs::read_to_string(root().join("tests/chart/alerts.yaml")).expect("the tests are there");
    for alert in alerts() {
        let name = alert["alert"].as_str().expect("an alert has a name");
        assert!(tests.contains(&format!("alertname=\"{name}\"")), "no test of {name}");
        assert!(["info", "warning", "critical"].map(Value::from).contains(&alert["labels"]["severity"]), "{name}");
        for annotation in ["summary", "description"] {
            assert!(alert["annotations"][annotation].as_str().is_some_and(|text| text.len() > 20), "{name}");
        }
    }
}

#[test]
fn own_labels_are_added_to_every_alert() {
    let all = rendered(&["--set=metrics.prometheusRule.enabled=true,metrics.prometheusRule.alertLabels.team=platform"]);
    let rules = &object(&all, "PrometheusRule", "stsguard")["spec"]["groups"][0]["rules"];
    let rules = rules.as_array().expect("there are rules");
    assert!(rules.iter().all(|rule| rule["labels"]["team"] == "platform" && !rule["labels"]["severity"].is_null()));
}

#[test]
fn every_query_of_the_dashboard_can_be_parsed() {
    for query in queries() {
        let output = promtool(root(), &["--experimental", "promql", "format", &query]);
        assert!(output.status.success(), "{query}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let output = promtool(root(), &["--experimental", "promql", "format", "rate(x)"]);
    assert!(!output.status.success(), "a query that cannot be evaluated is found out");
}

#[test]
fn panels_do_not_overlap_and_say_what_they_show() {
    let mut taken = BTreeSet::new();
    for panel in panels() {
        let at = |key: &str| panel["gridPos"][key].as_u64().expect("a number");
        for x in at("x")..at("x") + at("w") {
            for y in at("y")..at("y") + at("h") {
                assert!(x < 24 && taken.insert((x, y)), "{} overlaps", panel["title"]);
            }
        }
        assert!(panel["title"].as_str().is_some_and(|title| !title.is_empty()));
    }
}

/// The names of all samples that a server can show.
fn known() -> BTreeSet<String> {
    let metrics = Metrics::new();
    metrics.request("validate", 200);
    metrics.verdict("STS101", "deny");
    metrics.live_read("services", "found");
    metrics.reviewed(Endpoint::Validate, Duration::from_millis(1));
    let store =
        StoreState { name: "services", synced: true, broken: false, objects: 1, malformed: 0, age: Duration::ZERO };
    let text = metrics.encode(&[store]);
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    samples.filter_map(|line| line.split(['{', ' ']).next()).map(str::to_owned).collect()
}

/// The metric names in a query: words with an underscore that no label is made of.
fn named(query: &str) -> BTreeSet<String> {
    let words = query.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let metric = |word: &&str| ["stsguard_", "apiserver_", "kube_"].iter().any(|prefix| word.starts_with(prefix));
    words.filter(metric).map(str::to_owned).collect()
}

#[test]
fn alerts_and_panels_speak_of_metrics_that_exist() {
    let known = known();
    let expressions = alerts().into_iter().filter_map(|alert| alert["expr"].as_str().map(str::to_owned));
    let named: BTreeSet<_> = expressions.chain(queries()).flat_map(|query| named(&query)).collect();
    assert!(named.len() >= 15, "{named:?}");
    let unknown: Vec<_> =
        named.iter().filter(|name| !known.contains(*name) && !OTHERS.contains(&name.as_str())).collect();
    assert!(unknown.is_empty(), "{unknown:?} are not among {known:?}");
}

#[test]
fn the_service_monitor_finds_the_metrics_service_and_no_other() {
    let all = rendered(&["--set=metrics.serviceMonitor.enabled=true"]);
    let wanted = &object(&all, "ServiceMonitor", "stsguard")["spec"];
    let labels = wanted["selector"]["matchLabels"].as_object().expect("it selects by labels");
    let services = all.iter().filter(|object| object["kind"] == "Service");
    let found: Vec<_> = services
        .filter(|service| labels.iter().all(|(key, value)| service["metadata"]["labels"][key] == *value))
        .collect();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["spec"]["ports"][0]["name"], wanted["endpoints"][0]["port"]);
    assert_eq!(wanted["endpoints"][0]["path"], "/metrics");
}
