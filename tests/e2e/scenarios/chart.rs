//! The chart on a real API server: every values file, the restricted pod-security level, upgrades, its hooks.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use stsguard::yaml::documents;
use test_cluster::{Cluster, call::Call, wait::eventually};

use super::installation::chart;
use super::{Scenario, scenario};
use crate::settings::cache;

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    scenario!(every_values_file_is_accepted_as_it_is),
    scenario!(every_pod_passes_the_restricted_level_but_in_the_nodes_network),
    scenario!(metrics_and_readiness_are_read_through_the_api_server),
    scenario!(helm_4_upgrades_over_a_renamed_entry_and_rolls_back),
    scenario!(helm_3_upgrades_over_a_renamed_entry_and_rolls_back),
];

const PATIENCE: Duration = Duration::from_mins(1);

/// Builds helm 3, which needs the network, so before the cluster's namespaces are entered; says where it is.
///
/// # Errors
/// When it cannot be built.
pub fn tools() -> Result<PathBuf> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/chart/tools/build.sh");
    let mut build = Command::new(&script);
    let output = build.arg(cache::folder()).stderr(Stdio::inherit()).output().context("running build.sh")?;
    ensure!(output.status.success(), "{} failed", script.display());
    Ok(String::from_utf8(output.stdout)?.trim().into())
}

/// Kinds of the Prometheus operator and of cert-manager, as far as an API server must know them to accept objects.
const OPTIONAL_KINDS: &str = include_str!("chart/optional-kinds.yaml");

fn values_files() -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for folder in ["values", "ci"] {
        for entry in fs::read_dir(chart().join(folder))? {
            files.push(entry?.path());
        }
    }
    ensure!(files.len() >= 7, "{files:?}");
    Ok(files)
}

/// What a values file renders, as text.
async fn rendered(cluster: &Cluster, namespace: &str, values: &Path) -> Result<String> {
    let words = ["template", "dry", "-n", namespace].map(str::to_owned);
    let files = [format!("--values={}", values.display()), chart().display().to_string()];
    cluster.helm(words.into_iter().chain(files)).ok().await
}

fn objects(text: &str) -> Result<Vec<Value>> {
    documents(text).into_iter().map(|document| Ok(document.read()?.value)).collect()
}

async fn every_values_file_is_accepted_as_it_is(cluster: &Cluster) -> Result<()> {
    cluster.kubectl(["apply", "-f", "-"]).stdin(OPTIONAL_KINDS).ok().await?;
    let established = ["wait", "--for=condition=Established", "--timeout=60s", "crd", "--all"];
    cluster.kubectl(established).ok().await?;
    // Server-side apply refuses fields that the kind does not have; strict validation does so for the other.
    for how in ["--server-side", "--validate=strict"] {
        let namespace = cluster.namespace().await?;
        // A dry run makes nothing, so the account of a bare pod must be there already.
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {"name": "dry-stsguard-test", "namespace": namespace}});
        cluster.kubectl(["apply", how, "-f", "-"]).stdin(account.to_string()).ok().await?;
        for file in values_files()? {
            let text = rendered(cluster, &namespace, &file).await?;
            let output =
                cluster.kubectl(["apply", how, "--dry-run=server", "-f", "-"]).stdin(text.clone()).output().await?;
            let calm = output.status.success() && !output.stderr.contains("Warning");
            ensure!(calm, "{} {how}: {output}", file.display());
            let expected = objects(&text)?.iter().filter(|object| !object.is_null()).count();
            ensure!(output.stdout.lines().count() == expected, "{}: {output}", file.display());
        }
    }
    Ok(())
}

async fn every_pod_passes_the_restricted_level_but_in_the_nodes_network(cluster: &Cluster) -> Result<()> {
    let namespace = cluster.namespace().await?;
    let level = ["label", "namespace", &namespace, "pod-security.kubernetes.io/enforce=restricted"];
    cluster.kubectl(level).ok().await?;
    let mut seen = 0;
    for file in values_files()? {
        let text = rendered(cluster, &namespace, &file).await?;
        for object in objects(&text)? {
            let mut spec = match object["kind"].as_str() {
                Some("Deployment" | "Job") => object["spec"]["template"]["spec"].clone(),
                Some("Pod") => object["spec"].clone(),
                _ => continue,
            };
            // Only dry: neither its own account nor its quota is there.
            spec["serviceAccountName"] = json!("default");
            spec["priorityClassName"] = json!("");
            let in_nodes_network = spec["hostNetwork"] == true;
            let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "dry"}, "spec": spec});
            let words = ["create", "--dry-run=server", "-n", &namespace, "-f", "-"];
            let output = cluster.kubectl(words).stdin(pod.to_string()).output().await?;
            // On OpenShift the constraints set the seccomp profile, before the level is looked at.
            let openshift = file.ends_with("openshift-values.yaml");
            let refused = match (in_nodes_network, openshift) {
                (true, _) => Some("host namespaces (hostNetwork=true)"),
                (_, true) => Some("seccompProfile"),
                _ => None,
            };
            let expected = match refused {
                Some(why) => !output.status.success() && output.stderr.contains(why),
                None => output.status.success(),
            };
            ensure!(expected, "{} {}: {output}", file.display(), object["kind"]);
            seen += 1;
        }
    }
    ensure!(seen > 12, "{seen}");
    Ok(())
}

/// As docs/runbook.md says.
async fn metrics_and_readiness_are_read_through_the_api_server(cluster: &Cluster) -> Result<()> {
    let raw = async |path: &str| {
        let url = format!("/api/v1/namespaces/stsguard/services/stsguard-metrics:admin/proxy/{path}");
        cluster.kubectl(["get".to_owned(), "--raw".to_owned(), url]).ok().await
    };
    // The Service also names pods that are not ready, and one of a rollout before may be leaving.
    eventually("a pod that stays says that it is ready", PATIENCE, async || {
        Ok((raw("ready").await? == "ready\n").then_some(()))
    })
    .await?;
    eventually("a pod that stays tells of its stores", PATIENCE, async || {
        Ok(raw("metrics").await?.contains("stsguard_store_broken{store=\"services\"} 0").then_some(()))
    })
    .await
}

/// One of the two helms.
type Helm<'a> = &'a dyn Fn(Vec<String>) -> Call;

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

async fn helm_4_upgrades_over_a_renamed_entry_and_rolls_back(cluster: &Cluster) -> Result<()> {
    upgrades(cluster, "four", &|words| cluster.helm(words)).await
}

async fn helm_3_upgrades_over_a_renamed_entry_and_rolls_back(cluster: &Cluster) -> Result<()> {
    let program = tools()?.join("helm3").display().to_string();
    upgrades(cluster, "three", &|words| cluster.program(&program, words)).await
}

/// The names of the validating entries, in order.
async fn entries(cluster: &Cluster, name: &str) -> Result<String> {
    let line = format!("get validatingwebhookconfiguration {name} -o jsonpath={{.webhooks[*].name}}");
    cluster.kubectl(words(&line)).ok().await
}

/// A version of the chart in which an entry has another name and one is missing, a value has another default, and an option
/// does not exist.
fn older(cluster: &Cluster, name: &str) -> Result<PathBuf> {
    let folder = cluster.scratch().join(format!("older-{name}"));
    fs::create_dir_all(folder.join("templates"))?;
    for (from, to) in [(chart(), folder.clone()), (chart().join("templates"), folder.join("templates"))] {
        for entry in fs::read_dir(from)? {
            let path = entry?.path();
            if path.is_file() {
                fs::copy(&path, to.join(path.file_name().context("a file has a name")?))?;
            }
        }
    }
    let change = |file: &str, from: &str, to: &str| -> Result<()> {
        let text = fs::read_to_string(folder.join(file))?;
        ensure!(text.contains(from), "{file} has no {from}");
        Ok(fs::write(folder.join(file), text.replace(from, to))?)
    };
    change("templates/validatingwebhook.yaml", "scale.stsguard.dev", "scaling.stsguard.dev")?;
    change("templates/validatingwebhook.yaml", "if .Values.webhook.deployments", "if false")?;
    change("values.yaml", "replicas: 2", "replicas: 1")?;
    change("Chart.yaml", "\nversion: ", "\nversion: 0.0.1-before-")?;
    fs::remove_file(folder.join("templates/metrics.yaml"))?;
    Ok(folder)
}

const BEFORE: &str = "statefulsets.stsguard.dev services.stsguard.dev scaling.stsguard.dev deletions.stsguard.dev";
const AFTER: &str = "statefulsets.stsguard.dev services.stsguard.dev scale.stsguard.dev deletions.stsguard.dev \
                     deployments.stsguard.dev";

/// Installs an older chart into a namespace of the restricted level, upgrades, tests, rolls back, upgrades, uninstalls.
async fn upgrades(cluster: &Cluster, release: &str, helm: Helm<'_>) -> Result<()> {
    let namespace = cluster.namespace().await?;
    let level = ["label", "namespace", &namespace, "pod-security.kubernetes.io/enforce=restricted"];
    cluster.kubectl(level).ok().await?;
    let name = format!("{release}-stsguard");
    let install = |chart: &Path| {
        let line = format!("upgrade --install {release} {} -n {namespace} --wait --timeout=120s", chart.display());
        // It looks at nothing: other scenarios have their own installation.
        let quiet = r#"webhook.namespaceExpressions=[{"key":"nobody","operator":"Exists"}]"#;
        let brief = r#"shutdown={"propagationSeconds":0.5,"idleSeconds":2,"terminationGracePeriodSeconds":25}"#;
        let options = "--set=uninstallHook.enabled=true,webhook.deployments=true";
        let more = ["--set-json", quiet, "--set-json", brief, options];
        helm(words(&line).into_iter().chain(more.map(str::to_owned)).collect())
    };
    let older = older(cluster, release)?;
    install(&older).ok().await?;
    ensure!(entries(cluster, &name).await? == BEFORE, "{}", entries(cluster, &name).await?);

    install(&chart()).ok().await?;
    ensure!(entries(cluster, &name).await? == AFTER, "{}", entries(cluster, &name).await?);
    let ready = format!("get deployment {name} -n {namespace} -o jsonpath={{.status.readyReplicas}}");
    ensure!(cluster.kubectl(words(&ready)).ok().await? == "2");

    // `helm test` tells an installation that answers from one that does not.
    let test = words(&format!("test {release} -n {namespace} --timeout=60s"));
    // Helm 3 deletes the pod before it would show what it has said.
    let with_logs = if release == "four" { [test.clone(), words("--logs")].concat() } else { test.clone() };
    let told = helm(with_logs).ok().await?;
    ensure!(told.contains("Succeeded"), "{told}");
    for entry in AFTER.split(' ').chain(["fixes.stsguard.dev"]).filter(|_| release == "four") {
        ensure!(told.contains(&format!("{entry} answers at {name}.{namespace}.svc:443/")), "{entry}: {told}");
    }
    let scale = |replicas: u8| words(&format!("scale deployment {name} -n {namespace} --replicas={replicas}"));
    cluster.kubectl(scale(0)).ok().await?;
    cluster.kubectl(words(&format!("wait --for=delete pod -n {namespace} --all --timeout=60s"))).ok().await?;
    let output = helm(test).output().await?;
    ensure!(!output.status.success(), "{output}");
    let said = cluster.pod_logs(&namespace, &format!("{name}-test"))?;
    ensure!(said.contains("statefulsets.stsguard.dev does not answer"), "{said}");

    let rollback = words(&format!("rollback {release} 1 -n {namespace} --wait --timeout=120s"));
    helm(rollback).ok().await?;
    ensure!(entries(cluster, &name).await? == BEFORE, "{}", entries(cluster, &name).await?);
    install(&chart()).ok().await?;
    ensure!(entries(cluster, &name).await? == AFTER, "{}", entries(cluster, &name).await?);

    helm(words(&format!("uninstall {release} -n {namespace} --wait --timeout=120s"))).ok().await?;
    let left = "get validatingwebhookconfigurations,mutatingwebhookconfigurations,clusterroles -o name";
    let left = cluster.kubectl(words(left)).ok().await?;
    ensure!(!left.contains(&name), "{left}");
    Ok(())
}
