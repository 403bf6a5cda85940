//! Deletions always go through.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use test_cluster::{Cluster, wait::eventually};

use super::shop::{Shop, codes, good_set, service, with};
use super::{Scenario, scenario};

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    scenario!(of_a_namespace_go_through),
    scenario!(that_orphan_the_pods_go_through_without_a_word),
    scenario!(in_the_foreground_go_through),
    scenario!(after_a_scale_to_zero_only_name_the_claims),
    scenario!(by_the_garbage_collector_go_through),
    scenario!(by_helm_uninstall_go_through),
];

const PATIENCE: Duration = Duration::from_secs(120);

async fn running(cluster: &Cluster) -> Result<Shop<'_>> {
    let shop = Shop::open(cluster).await?;
    shop.apply_calmly(&service()).await?;
    shop.apply_calmly(&good_set()).await?;
    Ok(shop)
}

async fn gone(shop: &Shop<'_>, what: &str) -> Result<()> {
    eventually(&format!("{what} is gone"), PATIENCE, async || {
        let found = shop.kubectl(&format!("get {what}")).await?;
        Ok(found.stderr.contains("not found").then_some(()))
    })
    .await?;
    Ok(())
}

async fn of_a_namespace_go_through(cluster: &Cluster) -> Result<()> {
    let shop = running(cluster).await?;
    let scaled = shop.kubectl("scale statefulset postgres --replicas=1").await?;
    scaled.ok()?;
    let output = shop.kubectl(&format!("delete namespace {} --wait=false", shop.namespace)).await?;
    ensure!(codes(&output.stderr).is_empty(), "{output}");
    output.ok()?;
    gone(&shop, &format!("namespace {}", shop.namespace)).await
}

async fn that_orphan_the_pods_go_through_without_a_word(cluster: &Cluster) -> Result<()> {
    let shop = running(cluster).await?;
    let output = shop.kubectl("delete statefulset postgres --cascade=orphan").await?;
    ensure!(codes(&output.stderr).is_empty(), "{output}");
    output.ok()?;
    gone(&shop, "statefulset postgres").await
}

async fn in_the_foreground_go_through(cluster: &Cluster) -> Result<()> {
    let shop = running(cluster).await?;
    let output = shop.kubectl("delete statefulset postgres --cascade=foreground --wait=false").await?;
    ensure!(codes(&output.stderr) == ["STS307", "STS308"], "{output}");
    output.ok()?;
    gone(&shop, "statefulset postgres").await
}

async fn after_a_scale_to_zero_only_name_the_claims(cluster: &Cluster) -> Result<()> {
    let shop = running(cluster).await?;
    shop.kubectl("scale statefulset postgres --replicas=0").await?.ok()?;
    let output = shop.kubectl("delete statefulset postgres").await?;
    ensure!(codes(&output.stderr) == ["STS308"], "{output}");
    output.ok()?;
    Ok(())
}

async fn by_the_garbage_collector_go_through(cluster: &Cluster) -> Result<()> {
    let shop = Shop::open(cluster).await?;
    shop.apply_calmly(&service()).await?;
    let owner = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "owner"}});
    shop.apply(&owner).await?.ok()?;
    let uid = shop.get("configmap owner").await?["metadata"]["uid"].clone();
    let reference = json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid}]);
    shop.apply_calmly(&with(good_set(), "/metadata/ownerReferences", reference)).await?;
    shop.kubectl("delete configmap owner").await?.ok()?;
    gone(&shop, "statefulset postgres").await
}

async fn by_helm_uninstall_go_through(cluster: &Cluster) -> Result<()> {
    let shop = Shop::open(cluster).await?;
    super::fixes::helm(&shop, "install shop CHART --set round=1").await?;
    let words = ["uninstall", "shop", "-n", &shop.namespace];
    let output = cluster.helm(words).output().await?;
    ensure!(output.status.success(), "{output}");
    gone(&shop, "statefulset postgres").await
}
