//! The tutorial's manifest and each mistake that it warns of: that verdict and no other.

use anyhow::{Result, ensure};
use serde_json::json;
use test_cluster::Cluster;

use super::shop::{CONTAINER, GRACE, Shop, cluster_ip_service, codes, fixed, good_set, pgdata, service, with, without};
use super::{Scenario, scenario};

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    scenario!(accepts_the_good_manifest_unchanged_and_without_a_warning),
    scenario!(denies_a_service_name_at_a_cluster_ip_service),
    scenario!(moves_pgdata_off_the_volume_root),
    scenario!(starts_pods_in_order),
    scenario!(raises_a_grace_period_that_nobody_wrote),
    scenario!(warns_of_a_literal_password_without_showing_it),
    scenario!(warns_of_a_deletion_with_replicas),
];

async fn accepts_the_good_manifest_unchanged_and_without_a_warning(cluster: &Cluster) -> Result<()> {
    let shop = Shop::open(cluster).await?;
    shop.apply_calmly(&service()).await?;
    shop.apply_calmly(&good_set()).await?;
    let stored = shop.stored().await?;
    ensure!(fixed(&stored).is_empty(), "{stored}");
    ensure!(stored["metadata"]["generation"] == 1 && stored.pointer(GRACE) == Some(&json!(60)), "{stored}");
    Ok(())
}

async fn denies_a_service_name_at_a_cluster_ip_service(cluster: &Cluster) -> Result<()> {
    let shop = Shop::open(cluster).await?;
    shop.apply_calmly(&cluster_ip_service()).await?;
    let said = shop.apply(&good_set()).await?.refused()?;
    ensure!(codes(&said) == ["STS101"] && said.contains("virtual IP"), "{said}");
    Ok(())
}

async fn moves_pgdata_off_the_volume_root(cluster: &Cluster) -> Result<()> {
    let shop = Shop::open(cluster).await?;
    shop.apply_calmly(&service()).await?;
    let output = shop.apply(&without(good_set(), &format!("{CONTAINER}/env/1"))).await?;
    ensure!(codes(&output.stderr) == ["STS201"], "{output}");
    output.ok()?;
    let stored = shop.stored().await?;
    ensure!(pgdata(&stored) == Some("/var/lib/postgresql/data/pgdata") && fixed(&stored) == "STS201", "{stored}");
    Ok(())
}

async fn starts_pods_in_order(cluster: &Cluster) -> Result<()> {
    let shop = Shop::open(cluster).await?;
    shop.apply_calmly(&service()).await?;
    let output = shop.apply(&with(good_set(), "/spec/podManagementPolicy", json!("Parallel"))).await?;
    ensure!(codes(&output.stderr) == ["STS303"], "{output}");
    output.ok()?;
    let stored = shop.stored().await?;
    ensure!(stored["spec"]["podManagementPolicy"] == "OrderedReady" && fixed(&stored) == "STS303", "{stored}");
    Ok(())
}

async fn raises_a_grace_period_that_nobody_wrote(cluster: &Cluster) -> Result<()> {
    let shop = Shop::open(cluster).await?;
    shop.apply_calmly(&service()).await?;
    let output = shop.apply(&without(good_set(), GRACE)).await?;
    ensure!(codes(&output.stderr) == ["STS301"], "{output}");
    output.ok()?;
    let stored = shop.stored().await?;
    ensure!(stored.pointer(GRACE) == Some(&json!(60)) && fixed(&stored) == "STS301", "{stored}");
    Ok(())
}

async fn warns_of_a_literal_password_without_showing_it(cluster: &Cluster) -> Result<()> {
    let shop = Shop::open(cluster).await?;
    shop.apply_calmly(&service()).await?;
    let literal = json!({"name": "POSTGRES_PASSWORD", "value": "correct-horse"});
    let output = shop.apply(&with(good_set(), &format!("{CONTAINER}/env/0"), literal)).await?;
    ensure!(codes(&output.stderr) == ["STS401"] && !output.stderr.contains("correct-horse"), "{output}");
    output.ok()?;
    Ok(())
}

async fn warns_of_a_deletion_with_replicas(cluster: &Cluster) -> Result<()> {
    let shop = Shop::open(cluster).await?;
    shop.apply_calmly(&service()).await?;
    shop.apply_calmly(&good_set()).await?;
    let output = shop.kubectl("delete statefulset postgres").await?;
    ensure!(codes(&output.stderr) == ["STS307", "STS308"], "{output}");
    output.ok()?;
    Ok(())
}
