//! The governing Service: headless or not, early or late.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use test_cluster::Cluster;

use super::shop::{Answer, Shop, cluster_ip_service, codes, good_set, service, with, without};
use super::{Scenario, scenario};

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    scenario!(accepts_a_headless_pair_sent_back_to_back_100_times),
    scenario!(denies_a_cluster_ip_service_made_a_moment_before),
    scenario!(denies_external_name_node_port_and_load_balancer),
    scenario!(warns_where_the_service_is_absent_or_has_no_selector),
    scenario!(denies_a_cluster_ip_service_for_a_set_that_waits_for_a_headless_one),
    scenario!(denies_turning_the_governing_service_into_external_name),
    scenario!(warns_when_the_governing_service_is_deleted),
    scenario!(warns_when_a_lone_replica_behind_a_virtual_ip_gets_peers),
    scenario!(denies_a_name_that_leaves_no_room_for_the_revision_label),
];

fn numbered(mut object: Value, number: usize) -> Value {
    object["metadata"]["name"] = json!(format!("postgres-{number}"));
    if object["kind"] == "StatefulSet" {
        object["spec"]["serviceName"] = json!(format!("postgres-{number}"));
        object["spec"]["replicas"] = json!(1);
    }
    object
}

async fn accepts_a_headless_pair_sent_back_to_back_100_times(cluster: &Cluster) -> Result<()> {
    let shop = Shop::open(cluster).await?;
    for number in 0..100 {
        let made = shop.post(&numbered(service(), number)).await?;
        ensure!(made.status == 201, "{made:?}");
        let Answer { status, warnings, body } = shop.post(&numbered(good_set(), number)).await?;
        ensure!(status == 201 && warnings.is_empty(), "pair {number}: {status} {warnings:?} {body}");
    }
    Ok(())
}

async fn denies_a_cluster_ip_service_made_a_moment_before(cluster: &Cluster) -> Result<()> {
    let shop = Shop::open(cluster).await?;
    for number in 0..30 {
        let made = shop.post(&numbered(cluster_ip_service(), number)).await?;
        ensure!(made.status == 201, "{made:?}");
        let Answer { status, body, .. } = shop.post(&numbered(good_set(), number)).await?;
        ensure!(status == 403 && codes(&body.to_string()) == ["STS101"], "pair {number}: {status} {body}");
    }
    Ok(())
}

async fn denies_external_name_node_port_and_load_balancer(cluster: &Cluster) -> Result<()> {
    for kind in ["ExternalName", "NodePort", "LoadBalancer"] {
        let shop = Shop::open(cluster).await?;
        let mut other = with(cluster_ip_service(), "/spec/type", json!(kind));
        if kind == "ExternalName" {
            other["spec"]["externalName"] = json!("db.example.com");
        }
        shop.apply_calmly(&other).await?;
        let said = shop.apply(&good_set()).await?.refused()?;
        ensure!(codes(&said) == ["STS101"] && said.contains(kind), "{kind}: {said}");
    }
    Ok(())
}

async fn warns_where_the_service_is_absent_or_has_no_selector(cluster: &Cluster) -> Result<()> {
    let shop = Shop::open(cluster).await?;
    let output = shop.apply(&good_set()).await?;
    ensure!(codes(&output.stderr) == ["STS102"], "{output}");
    output.ok()?;

    let shop = Shop::open(cluster).await?;
    shop.apply_calmly(&without(cluster_ip_service(), "/spec/selector")).await?;
    let output = shop.apply(&good_set()).await?;
    ensure!(codes(&output.stderr) == ["STS101"], "{output}");
    output.ok()?;
    Ok(())
}

async fn denies_a_cluster_ip_service_for_a_set_that_waits_for_a_headless_one(cluster: &Cluster) -> Result<()> {
    let shop = Shop::open(cluster).await?;
    shop.apply(&good_set()).await?.ok()?;
    let said = shop.apply(&cluster_ip_service()).await?.refused()?;
    ensure!(codes(&said) == ["STS105"], "{said}");
    shop.apply_calmly(&service()).await?;
    let mismatch = with(service(), "/spec/selector", json!({"app": "mysql"}));
    let output = shop.apply(&mismatch).await?;
    ensure!(codes(&output.stderr) == ["STS105"], "{output}");
    output.ok()?;
    Ok(())
}

async fn denies_turning_the_governing_service_into_external_name(cluster: &Cluster) -> Result<()> {
    let shop = Shop::open(cluster).await?;
    shop.apply_calmly(&service()).await?;
    shop.apply_calmly(&good_set()).await?;
    let patch = r#"patch service postgres --type=merge -p {"spec":{"type":"ExternalName","externalName":"db.example.com","clusterIP":null}}"#;
    let said = shop.kubectl(patch).await?.refused()?;
    ensure!(codes(&said) == ["STS105"], "{said}");
    Ok(())
}

async fn warns_when_the_governing_service_is_deleted(cluster: &Cluster) -> Result<()> {
    let shop = Shop::open(cluster).await?;
    shop.apply_calmly(&service()).await?;
    shop.apply_calmly(&good_set()).await?;
    let output = shop.kubectl("delete service postgres").await?;
    ensure!(codes(&output.stderr) == ["STS106"], "{output}");
    output.ok()?;
    Ok(())
}

async fn denies_a_name_that_leaves_no_room_for_the_revision_label(cluster: &Cluster) -> Result<()> {
    let shop = Shop::open(cluster).await?;
    shop.apply_calmly(&service()).await?;
    let said = shop.apply(&with(good_set(), "/metadata/name", json!("p".repeat(56)))).await?.refused()?;
    ensure!(codes(&said) == ["STS108"], "{said}");
    let output = shop.apply(&with(good_set(), "/metadata/name", json!("p".repeat(53)))).await?;
    ensure!(codes(&output.stderr) == ["STS108"], "{output}");
    output.ok()?;
    Ok(())
}

async fn warns_when_a_lone_replica_behind_a_virtual_ip_gets_peers(cluster: &Cluster) -> Result<()> {
    let shop = Shop::open(cluster).await?;
    shop.apply_calmly(&cluster_ip_service()).await?;
    let exempt = json!({"stsguard.dev/exempt-non-headless-service": "one replica, clients use the virtual IP"});
    let lone = with(with(good_set(), "/spec/replicas", json!(1)), "/metadata/annotations", exempt);
    shop.apply_calmly(&lone).await?;
    shop.kubectl("annotate statefulset postgres stsguard.dev/exempt-non-headless-service-").await?.ok()?;
    let output = shop.kubectl("scale statefulset postgres --replicas=3").await?;
    ensure!(codes(&output.stderr) == ["STS101"], "{output}");
    output.ok()?;
    Ok(())
}
