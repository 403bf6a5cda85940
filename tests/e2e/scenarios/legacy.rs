//! Sets that broke rules before we came: they can still be scaled, changed and deleted; only a new breach is denied.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use test_cluster::Cluster;

use super::shop::{CONTAINER, GRACE, Shop, cluster_ip_service, codes, fixable_set, good_set, with};
use super::{Scenario, scenario};

/// The scenarios.
pub const SCENARIOS: &[Scenario] =
    &[scenario!(can_be_scaled_labelled_changed_and_deleted), scenario!(only_a_new_breach_is_denied)];

const NAMESPACE: &str = "legacy";

/// A set with every mistake that the API server accepts: behind a ClusterIP Service, no grace period at all, data in the
/// volume's root, started in parallel.
pub fn broken() -> Value {
    with(fixable_set(), GRACE, json!(0))
}

/// Makes the sets while no webhook is there.
pub async fn set_up(cluster: &Cluster) -> Result<()> {
    cluster.kubectl(["create", "namespace", NAMESPACE]).ok().await?;
    let shop = legacy(cluster);
    shop.apply(&cluster_ip_service()).await?.ok()?;
    shop.apply(&broken()).await?.ok()?;
    shop.apply(&with(good_set(), "/metadata/name", json!("healthy"))).await?.ok()?;
    Ok(())
}

fn legacy(cluster: &Cluster) -> Shop<'_> {
    Shop::within(cluster, NAMESPACE)
}

async fn can_be_scaled_labelled_changed_and_deleted(cluster: &Cluster) -> Result<()> {
    let shop = legacy(cluster);
    for line in [
        "scale statefulset postgres --replicas=0",
        "scale statefulset postgres --replicas=2",
        "label statefulset postgres team=data",
        r#"patch statefulset postgres --type=merge -p {"metadata":{"finalizers":["example.com/hold"]}}"#,
        "set image statefulset/postgres postgres=postgres:16.4",
        "rollout restart statefulset/postgres",
        r#"patch statefulset postgres --type=merge -p {"metadata":{"finalizers":null}}"#,
        "delete service postgres",
        "delete statefulset postgres --cascade=orphan",
    ] {
        let output = shop.kubectl(line).await?;
        ensure!(output.status.success(), "{output}");
    }
    Ok(())
}

async fn only_a_new_breach_is_denied(cluster: &Cluster) -> Result<()> {
    let shop = legacy(cluster);
    let healthy = with(good_set(), "/metadata/name", json!("healthy"));
    let said = shop.apply(&with(healthy.clone(), GRACE, json!(0))).await?.refused()?;
    ensure!(codes(&said) == ["STS302"], "{said}");
    shop.apply(&with(healthy, &format!("{CONTAINER}/image"), json!("postgres:16.4"))).await?.ok()?;
    Ok(())
}
