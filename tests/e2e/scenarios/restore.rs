//! What was backed up comes back as it was, and enforcement can be taken back for everything at once.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, api::DeleteParams};
use serde_json::{Value, json};
use test_cluster::{Cluster, wait::eventually};

use super::legacy::broken;
use super::restarts::upgrade;
use super::shop::{Shop, cluster_ip_service, codes, good_set, without};
use super::{Scenario, alone, scenario};

/// The scenarios.
pub const SCENARIOS: &[Scenario] =
    &[scenario!(brings_old_violations_back_untouched), alone!(passes_everything_once_only_audited)];

const NAMESPACE: &str = "backed-up";
/// What Velero writes on all that it restores: a default of the policy's `restoreLabels`.
const LABEL: &str = "velero.io/restore-name";
const PATIENCE: Duration = Duration::from_mins(2);

/// Makes the objects while no webhook is there.
pub async fn set_up(cluster: &Cluster) -> Result<()> {
    cluster.kubectl(["create", "namespace", NAMESPACE]).ok().await?;
    let shop = backed_up(cluster);
    shop.apply(&cluster_ip_service()).await?.ok()?;
    shop.apply(&broken()).await?.ok()?;
    Ok(())
}

fn backed_up(cluster: &Cluster) -> Shop<'_> {
    Shop::within(cluster, NAMESPACE)
}

async fn brings_old_violations_back_untouched(cluster: &Cluster) -> Result<()> {
    let shop = backed_up(cluster);
    let exported = shop.get("services,statefulsets").await?;
    let exported: Vec<Value> = exported["items"].as_array().context("kubectl prints a list")?.clone();
    ensure!(exported.len() == 2, "a Service and a set are exported: {exported:?}");
    let namespaces: Api<Namespace> = Api::all(cluster.client());
    namespaces.delete(NAMESPACE, &DeleteParams::default()).await?;
    eventually("the namespace is gone", PATIENCE, async || {
        Ok(namespaces.get_opt(NAMESPACE).await?.is_none().then_some(()))
    })
    .await?;
    cluster.kubectl(["create", "namespace", NAMESPACE]).ok().await?;

    for object in &exported {
        let unlabelled = brought(object, None);
        if object["kind"] == "StatefulSet" {
            let said = shop.kubectl_with("create --dry-run=server -f -", Some(&unlabelled)).await?.refused()?;
            ensure!(codes(&said).contains(&"STS302".to_owned()), "without the label it is denied: {said}");
        }
        let output = shop.kubectl_with("create -f -", Some(&brought(object, Some(LABEL)))).await?;
        ensure!(output.status.success(), "a restore is denied: {output}");
    }
    for object in &exported {
        let (kind, name) = (object["kind"].as_str().unwrap_or_default(), object["metadata"]["name"].as_str());
        let stored = shop.get(&format!("{kind} {}", name.unwrap_or_default())).await?;
        let what = |object: &Value| {
            let mut annotations = object["metadata"]["annotations"].clone();
            // kubectl brings its own up to date, with the label in it.
            annotations.as_object_mut().map(|all| all.remove("kubectl.kubernetes.io/last-applied-configuration"));
            (comparable(&object["spec"]), annotations)
        };
        ensure!(what(&stored) == what(object), "{kind} has changed: {stored:#}\nfrom {object:#}");
    }
    Ok(())
}

/// What a backup tool creates: without what the API server fills in, with its label.
fn brought(object: &Value, label: Option<&str>) -> Value {
    let mut object = without(object.clone(), "/status");
    for field in ["uid", "resourceVersion", "creationTimestamp", "generation", "managedFields"] {
        object["metadata"].as_object_mut().map(|metadata| metadata.remove(field));
    }
    if object["kind"] == "Service" {
        object["spec"] = comparable(&object["spec"]);
    }
    if let Some(label) = label {
        object["metadata"]["labels"][label] = json!("restore-1");
    }
    object
}

/// A spec without the addresses that each Service is given anew.
fn comparable(spec: &Value) -> Value {
    let mut spec = spec.clone();
    for field in ["clusterIP", "clusterIPs"] {
        spec.as_object_mut().map(|spec| spec.remove(field));
    }
    spec
}

async fn passes_everything_once_only_audited(cluster: &Cluster) -> Result<()> {
    let shop = Shop::open(cluster).await?;
    shop.apply(&cluster_ip_service()).await?.ok()?;
    let create = "create --dry-run=server -f -";
    let passes = async |expected: bool| {
        eventually(if expected { "a bad set passes" } else { "a bad set is denied" }, PATIENCE, async || {
            let output = shop.kubectl_with(create, Some(&good_set())).await?;
            let denied = !output.status.success() && codes(&output.stderr) == ["STS101"];
            ensure!(denied || output.status.success(), "denied for another reason: {output}");
            // All replicas have heard of it once several answers in a row agree: one of two still denying would show.
            Ok((denied != expected).then_some(()))
        })
        .await
    };
    passes(false).await?;
    upgrade(cluster, &["--set", "policy.enforcement=audit"]).await?;
    let audited = passes(true).await;
    upgrade(cluster, &["--set", "policy.enforcement=deny"]).await?;
    audited?;
    passes(false).await
}
