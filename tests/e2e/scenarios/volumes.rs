//! PGDATA is only set on a volume that is proved new.

use anyhow::{Result, bail, ensure};
use serde_json::{Value, json};
use test_cluster::{Cluster, wait::eventually};

use super::restarts::{drained, restart};
use super::shop::{CONTAINER, Shop, codes, good_set, kubernetes_minor, pgdata, service, with, without};
use super::{Scenario, alone, scenario};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use std::time::{Duration, Instant};

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    scenario!(with_claims_of_the_set_are_left_alone),
    scenario!(that_a_set_left_behind_are_named_to_the_next),
    scenario!(reserved_by_claim_ref_are_left_alone),
    alone!(reserved_behind_a_watch_that_lags_are_left_alone),
    alone!(among_many_are_proved_by_the_watch),
    scenario!(of_a_class_that_may_hand_out_old_data_are_left_alone),
    scenario!(filled_from_elsewhere_or_shared_are_left_alone),
    scenario!(of_images_with_another_layout_are_left_alone),
];

/// How late the pods hear, and how late they are heard.
const LAG: Duration = Duration::from_millis(120);

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

async fn that_a_set_left_behind_are_named_to_the_next(cluster: &Cluster) -> Result<()> {
    let shop = open(cluster).await?;
    shop.apply_calmly(&good_set()).await?;
    eventually("the controller has made a pod", Duration::from_secs(60), async || {
        let found = shop.kubectl("get pod postgres-0").await?;
        Ok(found.status.success().then_some(()))
    })
    .await?;
    shop.kubectl("delete statefulset postgres --cascade=foreground").await?.ok()?;
    let output = shop.kubectl_with("create -f -", Some(&good_set())).await?;
    ensure!(codes(&output.stderr) == ["STS212"] && output.stderr.contains(": data-postgres-0"), "{output}");
    output.ok()?;
    Ok(())
}

/// A volume with old data that is kept for the set's first claim.
pub fn reserved(namespace: &str) -> Value {
    volume(&format!("old-{namespace}"), namespace, "data-postgres-0")
}

fn volume(name: &str, namespace: &str, claim: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": "10Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "standard",
            "csi": {"driver": "csi.example.com", "volumeHandle": name},
            "claimRef": {"namespace": namespace, "name": claim},
        },
    })
}

async fn reserved_by_claim_ref_are_left_alone(cluster: &Cluster) -> Result<()> {
    let shop = open(cluster).await?;
    shop.apply(&reserved(&shop.namespace)).await?.ok()?;
    left_alone(&shop, &rooted(), &["STS201"]).await
}

/// The volume and the set are created one after the other, and whatever the pods hear of the volume comes later.
async fn reserved_behind_a_watch_that_lags_are_left_alone(cluster: &Cluster) -> Result<()> {
    // Only connections that pods make while this counts are slow; the API server's own to the pods are made afterwards.
    cluster.set_latency(LAG);
    let slow = async {
        restart(cluster).await?;
        drained(cluster).await
    }
    .await;
    cluster.set_latency(Duration::ZERO);
    slow?;
    let outcome = async {
        let control = open(cluster).await?.post(&rooted()).await?;
        ensure!(pgdata(&control.body).is_some(), "live reads are fast enough for a fix: {control:?}");
        for _ in 0..3 {
            let shop = open(cluster).await?;
            let begun = Instant::now();
            let volume = shop.post(&reserved(&shop.namespace)).await?;
            let soon = begun.elapsed() < LAG / 2;
            let answer = shop.post(&rooted()).await?;
            ensure!(volume.status == 201 && answer.status == 201, "{volume:?} {answer:?}");
            ensure!(pgdata(&answer.body).is_none(), "an empty database would stand beside the old one: {answer:?}");
            if soon {
                return Ok(());
            }
        }
        bail!("the machine is too slow to be faster than the lag")
    };
    let outcome = outcome.await;
    restart(cluster).await?;
    outcome
}

/// More volumes than are read again one and all: the stores are proved current by a bookmark instead.
async fn among_many_are_proved_by_the_watch(cluster: &Cluster) -> Result<()> {
    let shop = open(cluster).await?;
    let many = (0..1_001).map(|number| {
        let volume = volume(&format!("many-{number}"), "elsewhere", &format!("data-{number}"));
        let shop = &shop;
        async move { shop.post(&volume).await }
    });
    let made: Vec<_> = stream::iter(many).buffer_unordered(16).try_collect().await?;
    let outcome = async {
        ensure!(made.iter().all(|answer| answer.status == 201), "{:?}", made.iter().find(|one| one.status != 201));
        eventually("the controller has looked at each", Duration::from_secs(120), async || {
            let phases = shop.kubectl("get persistentvolume -o jsonpath={.items[*].status.phase}").await?.ok()?;
            Ok((phases.split(' ').filter(|phase| *phase == "Available").count() >= made.len()).then_some(()))
        })
        .await?;
        // What happens elsewhere has later versions than any volume: only a bookmark proves the store current.
        let later = open(cluster).await?;
        let begun = Instant::now();
        let answer = later.post(&rooted()).await?;
        println!("an answer among {} volumes took {:?}", made.len(), begun.elapsed());
        // Before 1.31 an API server does not ask etcd how far it is (KEP-2340), and nothing proves the store current.
        let told = kubernetes_minor(cluster).await? >= 31;
        ensure!(pgdata(&answer.body).is_some() == told, "{answer:?}");
        ensure!(told || codes(&answer.warnings.concat()) == ["STS201"], "{answer:?}");
        let other = open(cluster).await?;
        ensure!(other.post(&reserved(&other.namespace)).await?.status == 201, "a volume is made");
        let answer = other.post(&rooted()).await?;
        ensure!(pgdata(&answer.body).is_none(), "{answer:?}");
        Ok(())
    };
    let outcome = outcome.await;
    shop.kubectl("delete persistentvolume --all --wait=false").await?.ok()?;
    outcome
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
