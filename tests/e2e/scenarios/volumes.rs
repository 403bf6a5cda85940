//! PGDATA is only set on a volume that is proved new.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use test_cluster::{Cluster, wait::eventually};

use super::shop::{CONTAINER, Shop, codes, good_set, pgdata, service, with, without};
use super::{Scenario, scenario};
use std::time::Duration;

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    scenario!(with_claims_of_the_set_are_left_alone),
    scenario!(reserved_by_claim_ref_are_left_alone),
    scenario!(of_a_class_that_may_hand_out_old_data_are_left_alone),
    scenario!(filled_from_elsewhere_or_shared_are_left_alone),
    scenario!(of_images_with_another_layout_are_left_alone),
];

/// The tutorial's set with PGDATA left at the volume's root.
fn rooted() -> Value {
    without(good_set(), &format!("{CONTAINER}/env/1"))
}

/// Creates `set` and expects that it passes with exactly these codes and no PGDATA.
async fn left_alone(shop: &Shop<'_>, set: &Value, expected: &[&str]) -> Result<()> {
    let output = shop.kubectl_with("create -f -", Some(set)).await?;
    ensure!(codes(&output.stderr) == expected, "expected {expected:?}: {output}");
    output.ok()?;
    let stored = shop.stored().await?;
    ensure!(pgdata(&stored) == pgdata(set), "{stored}");
    Ok(())
}

async fn open(cluster: &Cluster) -> Result<Shop<'_>> {
    let shop = Shop::open(cluster).await?;
    shop.apply_calmly(&service()).await?;
    Ok(shop)
}

async fn with_claims_of_the_set_are_left_alone(cluster: &Cluster) -> Result<()> {
    let shop = open(cluster).await?;
    shop.apply_calmly(&good_set()).await?;
    eventually("the controller has made a claim", Duration::from_secs(60), async || {
        let found = shop.kubectl("get persistentvolumeclaim data-postgres-0").await?;
        Ok(found.status.success().then_some(()))
    })
    .await?;
    shop.kubectl("delete statefulset postgres --cascade=orphan").await?.ok()?;
    let output = shop.kubectl_with("create -f -", Some(&rooted())).await?;
    ensure!(codes(&output.stderr) == ["STS201"] && output.stderr.contains("data-postgres-0"), "{output}");
    output.ok()?;
    ensure!(pgdata(&shop.stored().await?).is_none());
    Ok(())
}

async fn reserved_by_claim_ref_are_left_alone(cluster: &Cluster) -> Result<()> {
    let shop = open(cluster).await?;
    let volume = json!({
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": format!("old-{}", shop.namespace)},
        "spec": {
            "capacity": {"storage": "10Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "standard",
            "csi": {"driver": "csi.example.com", "volumeHandle": "old"},
            "claimRef": {"namespace": shop.namespace, "name": "data-postgres-0"},
        },
    });
    shop.apply(&volume).await?.ok()?;
    left_alone(&shop, &rooted(), &["STS201"]).await
}

async fn of_a_class_that_may_hand_out_old_data_are_left_alone(cluster: &Cluster) -> Result<()> {
    for class in [
        json!({"provisioner": "kubernetes.io/no-provisioner"}),
        json!({"provisioner": "nfs.example.com", "parameters": {"pathPattern": "${.PVC.namespace}/${.PVC.name}"}}),
        json!({"provisioner": "nfs.example.com", "parameters": {"subDir": "shared"}}),
    ] {
        let shop = open(cluster).await?;
        let name = format!("class-{}", shop.namespace);
        let mut object = json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": name}});
        for (key, value) in class.as_object().into_iter().flatten() {
            object[key] = value.clone();
        }
        shop.apply(&object).await?.ok()?;
        let set = with(rooted(), "/spec/volumeClaimTemplates/0/spec/storageClassName", json!(name));
        left_alone(&shop, &set, &["STS201"]).await?;
    }
    Ok(())
}

async fn filled_from_elsewhere_or_shared_are_left_alone(cluster: &Cluster) -> Result<()> {
    let source = json!({"kind": "PersistentVolumeClaim", "name": "backup"});
    let sidecar = json!({
        "name": "backup", "image": "example.com/backup:1",
        "volumeMounts": [{"name": "data", "mountPath": "/data", "readOnly": true}],
    });
    for set in [
        with(rooted(), "/spec/volumeClaimTemplates/0/spec/dataSource", source),
        with(rooted(), "/spec/template/spec/containers/-", sidecar),
    ] {
        left_alone(&open(cluster).await?, &set, &["STS201"]).await?;
    }
    Ok(())
}

async fn of_images_with_another_layout_are_left_alone(cluster: &Cluster) -> Result<()> {
    let eighteen = with(rooted(), &format!("{CONTAINER}/image"), json!("postgres:18"));
    let eighteen = with(eighteen, &format!("{CONTAINER}/volumeMounts/0/mountPath"), json!("/var/lib/postgresql"));
    left_alone(&open(cluster).await?, &eighteen, &[]).await?;
    for image in ["bitnami/postgresql:16", "supabase/postgres:15.8.1.040", "ghcr.io/zalando/spilo-16:3.3-p1"] {
        let shop = open(cluster).await?;
        let output = shop.apply(&with(rooted(), &format!("{CONTAINER}/image"), json!(image))).await?;
        output.ok()?;
        let stored = shop.stored().await?;
        ensure!(pgdata(&stored).is_none(), "{image}: {stored}");
    }
    Ok(())
}
