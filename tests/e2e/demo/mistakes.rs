//! The tutorial's other mistakes, each in a dry run: admission answers, and nothing is stored.

use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};
use test_cluster::Cluster;

use super::{
    binary, kubectl, manifest, screen,
    shop::{CONTAINER, GRACE, Shop, cluster_ip_service, good_set, service, with, without},
};

/// Each mistake and what is said of it.
pub async fn show(cluster: &Cluster) -> Result<()> {
    let password = json!({"name": "POSTGRES_PASSWORD", "value": "correct-horse"});
    for (title, namespace, governing, set) in [
        ("serviceName at a ClusterIP Service", "cluster-ip", cluster_ip_service(), good_set()),
        (
            "podManagementPolicy Parallel",
            "parallel",
            service(),
            with(good_set(), "/spec/podManagementPolicy", json!("Parallel")),
        ),
        ("no grace period", "no-grace", service(), without(good_set(), GRACE)),
        ("a literal password", "password", service(), with(good_set(), &format!("{CONTAINER}/env/0"), password)),
    ] {
        screen::heading(&format!("mistake: {title}"));
        cluster.kubectl(["create", "namespace", namespace]).ok().await?;
        let shop = Shop::within(cluster, namespace);
        shop.apply(&governing).await?.ok()?;
        dry_run(&shop, &set).await?;
    }

    screen::heading("mistake: the database as a Deployment");
    let manifest = "examples/bad/database-in-deployment.yaml";
    screen::say("Unless the chart says otherwise, admission is not asked about Deployments. In CI:");
    screen::command(&format!("stsguard check {manifest}"));
    let mut check = tokio::process::Command::new(binary()?);
    let checked = check.current_dir(Path::new(env!("CARGO_MANIFEST_DIR"))).args(["check", manifest]).output().await?;
    screen::lines(&String::from_utf8_lossy(&checked.stdout));
    Ok(())
}

async fn dry_run(shop: &Shop<'_>, set: &Value) -> Result<()> {
    kubectl::write(shop, set)?;
    let output = kubectl::show(shop, "apply --dry-run=server -f postgres.yaml").await?;
    if !output.status.success() {
        return Ok(());
    }
    let stored = kubectl::quiet(shop, "apply --dry-run=server -o yaml -f postgres.yaml").await?.ok()?;
    manifest::show_changes(shop, set, &stored).await
}
