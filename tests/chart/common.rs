//! Values that people pass to every chart.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};

use super::tools::{Helm, object, rendered, root, template, text};

/// The pod of the release's Deployment.
fn pod(settings: &[&str]) -> Value {
    object(&rendered(settings), "Deployment", "stsguard")["spec"]["template"]["spec"].clone()
}

fn container(settings: &[&str]) -> Value {
    pod(settings)["containers"][0].clone()
}

/// Everything that can be rendered.
const ALL: &str = "--set=metrics.prometheusRule.enabled=true,metrics.serviceMonitor.enabled=true,networkPolicy.enabled=\
    true,metrics.dashboard.enabled=true,flowSchema.enabled=true,uninstallHook.enabled=true,certificates.source=cert-manager";

#[test]
fn the_image_is_named_by_registry_repository_and_tag_or_digest() {
    let image = |settings: &str| container(&["--set", settings])["image"].clone();
    assert_eq!(image("image.repository=a/stsguard"), "a/stsguard:0.1.0");
    assert_eq!(image("image.registry=registry.example.com:5000,image.tag=v1"), "registry.example.com:5000/stsguard:v1");
    let digest = format!("sha256:{}", "0f".repeat(32));
    let settings = format!("image.registry=registry.example.com/,image.tag=v1,image.digest={digest}");
    assert_eq!(image(&settings), format!("registry.example.com/stsguard@{digest}"));
    assert!(!template(Helm::Four, &["--set=image.digest=0f0f"]).status.success(), "a digest has an algorithm");
}

#[test]
fn names_can_be_overridden_and_everything_that_refers_to_them_follows() {
    let before = text(&template(Helm::Four, &[ALL]));
    let after = text(&template(Helm::Four, &[ALL, "--set=fullnameOverride=other"]));
    let hidden =
        ["app.kubernetes.io", "helm.sh", "stsguard.dev", "stsguard_", "# Source:", "namespace", "stsguard:0.1.0"];
    let names = after.lines().filter(|line| line.contains("name") && !hidden.iter().any(|word| line.contains(word)));
    let left: Vec<_> = names.filter(|line| line.contains(": stsguard-") || line.contains("--name=stsguard")).collect();
    // The Secret's name is a value of its own.
    assert!(left.iter().all(|line| line.contains("stsguard-certificate")), "{left:?}");
    assert!(after.contains("--certificate-name=other.stsguard.svc") && before.lines().count() == after.lines().count());

    let all = rendered(&["--set=nameOverride=warden"]);
    let deployment = object(&all, "Deployment", "stsguard-warden");
    let selector = json!({"app.kubernetes.io/name": "warden", "app.kubernetes.io/instance": "stsguard"});
    assert_eq!(deployment["spec"]["selector"]["matchLabels"], selector);
    assert_eq!(object(&all, "Service", "stsguard-warden")["spec"]["selector"], selector);
}

#[test]
fn common_labels_are_on_every_object_and_never_in_a_selector() {
    let all = rendered(&[ALL, "--set=commonLabels.team=platform,commonLabels.app\\.kubernetes\\.io/name=mine"]);
    assert!(all.len() > 20, "{}", all.len());
    for object in &all {
        let labels = &object["metadata"]["labels"];
        assert!(labels["team"] == "platform" && labels["app.kubernetes.io/name"] != "mine", "{object}");
    }
    let deployment = &object(&all, "Deployment", "stsguard")["spec"];
    assert_eq!(deployment["template"]["metadata"]["labels"]["team"], "platform");
    assert!(deployment["selector"]["matchLabels"]["team"].is_null());
    let own = "--set=commonLabels.team=platform,podLabels.team=databases";
    let all = rendered(&[own]);
    let labels = &object(&all, "Deployment", "stsguard")["spec"]["template"]["metadata"]["labels"];
    assert_eq!(labels["team"], "databases", "what is nearer counts, once");
}

#[test]
fn an_account_that_is_there_is_bound_and_not_made() {
    let all = rendered(&["--set=serviceAccount.create=false,serviceAccount.name=guard", "--no-hooks"]);
    assert!(all.iter().all(|object| object["kind"] != "ServiceAccount"));
    assert_eq!(object(&all, "ClusterRoleBinding", "stsguard")["subjects"][0]["name"], "guard");
    assert_eq!(object(&all, "Deployment", "stsguard")["spec"]["template"]["spec"]["serviceAccountName"], "guard");
    let output = template(Helm::Four, &["--set=serviceAccount.create=false"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("serviceAccount.create is false, so serviceAccount.name is needed"), "{said}");
}

#[test]
fn pods_spread_as_the_values_say_or_as_far_as_they_can() {
    let spread = |settings: &[&str]| pod(settings)["topologySpreadConstraints"].clone();
    let ours = spread(&[]);
    assert_eq!(ours.as_array().map(Vec::len), Some(2));
    let one = json!([{"maxSkew": 2, "topologyKey": "rack", "whenUnsatisfiable": "DoNotSchedule"}]);
    let labelled = json!([{"maxSkew": 2, "topologyKey": "rack", "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}}]);
    let given = spread(&["--set-json", &format!("topologySpreadConstraints={one}")]);
    assert_eq!(given[0]["labelSelector"], ours[0]["labelSelector"], "without a selector it would count nothing");
    assert_eq!((given.as_array().map(Vec::len), &given[0]["topologyKey"]), (Some(1), &json!("rack")));
    assert_eq!(spread(&["--set-json", &format!("topologySpreadConstraints={labelled}")]), labelled);
}

#[test]
fn probes_take_times_and_numbers_and_ask_what_they_always_ask() {
    let container = container(&["--set=readinessProbe.failureThreshold=5,livenessProbe.periodSeconds=30"]);
    let ready = json!({"httpGet": {"path": "/ready", "port": "admin"}, "periodSeconds": 2, "failureThreshold": 5});
    assert_eq!(container["readinessProbe"], ready);
    assert_eq!(container["livenessProbe"]["periodSeconds"], 30);
    assert!(!template(Helm::Four, &["--set=readinessProbe.httpGet.path=/"]).status.success());
}

#[test]
fn further_volumes_are_mounted_beside_ours() {
    let settings = [
        "--set-json=extraVolumes=[{\"name\":\"trust\",\"configMap\":{\"name\":\"trust\"}}]",
        "--set-json=extraVolumeMounts=[{\"name\":\"trust\",\"mountPath\":\"/trust\"}]",
    ];
    let pod = pod(&settings);
    let named = |list: &Value| list.as_array().into_iter().flatten().map(|one| one["name"].clone()).collect::<Vec<_>>();
    assert_eq!(named(&pod["volumes"]), ["policy", "trust"]);
    assert_eq!(named(&pod["containers"][0]["volumeMounts"]), ["policy", "trust"]);
}

#[test]
fn tls_1_2_is_spoken_only_where_it_is_asked_for() {
    let asked = |settings: &[&str]| container(settings)["args"].to_string().contains("--tls12");
    assert!(!asked(&[]) && !asked(&["--set=tls.minVersion=1.3"]) && !asked(&["--set-json=tls.minVersion=1.3"]));
    assert!(asked(&["--set=tls.minVersion=1.2"]) && asked(&["--set-json=tls.minVersion=1.2"]));
    assert!(!template(Helm::Four, &["--set=tls.minVersion=1.1"]).status.success());
}

#[test]
fn helm_test_asks_by_the_oldest_version_that_is_to_be_spoken() {
    let asks = |settings: &[&str]| {
        let pods = rendered(settings).into_iter().filter(|object| object["kind"] == "Pod");
        let arguments: Vec<_> = pods.map(|pod| pod["spec"]["containers"][0]["args"].clone()).collect();
        assert_eq!(arguments.len(), 1, "{arguments:?}");
        arguments[0].clone()
    };
    assert_eq!(asks(&[]), json!(["probe", "--name=stsguard"]));
    assert_eq!(asks(&["--set=tls.minVersion=1.2"]), json!(["probe", "--name=stsguard", "--tls12"]));
}

#[test]
fn every_alert_leads_to_its_place_in_the_runbook() {
    let alerts = |settings: &str| {
        let all = rendered(&["--set=metrics.prometheusRule.enabled=true", "--set", settings]);
        let rules = &object(&all, "PrometheusRule", "stsguard")["spec"]["groups"][0]["rules"];
        rules.as_array().cloned().expect("there are rules")
    };
    let none = alerts("metrics.prometheusRule.runbookBaseUrl=");
    assert!(none.iter().all(|alert| alert["annotations"]["runbook_url"].is_null()));
    let runbook = fs::read_to_string(root().join("docs/runbook.md")).expect("there is a runbook");
    let mut seen = BTreeSet::new();
    for alert in alerts("metrics.prometheusRule.runbookBaseUrl=https://docs.example.com/runbook.md#") {
        let name = alert["alert"].as_str().expect("an alert has a name");
        assert_eq!(alert["annotations"]["runbook_url"], format!("https://docs.example.com/runbook.md#{name}"));
        assert!(runbook.contains(&format!("<a id=\"{name}\"></a>")), "docs/runbook.md has no place for {name}");
        seen.insert(name.to_owned());
    }
    assert_eq!(seen.len(), none.len());
}
