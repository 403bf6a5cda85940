//! Both replicas are gone: what goes on, what does not, and the ways out; the documented one is tried in `servers`.

use std::{fs, path::Path, time::Duration};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use test_cluster::{Cluster, wait::eventually};

use super::installation::{RELEASE, pods};
use super::resilience::guards;
use super::restarts::upgrade;
use super::shop::{Shop, cluster_ip_service, good_set, service, with};
use super::{Scenario, alone};

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    alone!(blocks_nothing_when_ignored),
    alone!(blocks_nothing_but_sets_when_failing),
    alone!(ends_with_an_uninstall),
];

const PATIENCE: Duration = Duration::from_mins(2);

async fn blocks_nothing_when_ignored(cluster: &Cluster) -> Result<()> {
    let shop = stocked(cluster).await?;
    leave_by_scaling(cluster).await?;
    let drilled = async {
        incident(&shop).await?;
        shop.apply(&named("created-meanwhile")).await?.ok()?;
        shop.apply(&scaled_by_edit()).await?.ok()
    };
    let drilled = drilled.await;
    come_back(cluster, "Ignore").await?;
    drilled.map(drop)
}

async fn blocks_nothing_but_sets_when_failing(cluster: &Cluster) -> Result<()> {
    upgrade(cluster, &["--set", "webhook.failurePolicy=Fail"]).await?;
    let shop = stocked(cluster).await?;
    leave_by_a_bad_image(cluster).await?;
    let drilled = async {
        incident(&shop).await?;
        for object in [named("created-meanwhile"), scaled_by_edit()] {
            let said = shop.apply(&object).await?.refused()?;
            ensure!(said.contains("failed calling webhook \"statefulsets.stsguard.dev\""), "{said}");
        }
        Ok(())
    };
    let drilled = drilled.await;
    come_back(cluster, "Ignore").await?;
    drilled
}

/// Does `work` in a stocked namespace while all replicas are gone and the webhook fails closed.
pub async fn locked_out(cluster: &Cluster, work: impl AsyncFnOnce(&Shop<'_>) -> Result<()>) -> Result<()> {
    upgrade(cluster, &["--set", "webhook.failurePolicy=Fail"]).await?;
    let shop = stocked(cluster).await?;
    leave_by_scaling(cluster).await?;
    let drilled = work(&shop).await;
    come_back(cluster, "Ignore").await?;
    drilled
}

/// No set can be created at any of these places, until the runbook's command is given at the first one.
pub async fn is_freed(shops: &[Shop<'_>]) -> Result<()> {
    for shop in shops {
        shop.apply(&named("created-meanwhile")).await?.refused()?;
    }
    let Shop { cluster, server, .. } = shops.first().context("there is a place")?;
    let runbook = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/runbook.md"))?;
    let command = runbook.lines().find_map(|line| line.strip_prefix("kubectl ")).context("the runbook's command")?;
    let notes = cluster.helm(["get", "notes", RELEASE, "-n", RELEASE]).ok().await?;
    ensure!(notes.contains(&format!("kubectl {command}")), "the notes say something else: {notes}");
    cluster.kubectl(command.split(' ')).server(*server).ok().await?;
    for shop in shops {
        eventually("a set can be created again", PATIENCE, async || {
            Ok(shop.apply(&named("created-afterwards")).await?.status.success().then_some(()))
        })
        .await?;
    }
    Ok(())
}

async fn ends_with_an_uninstall(cluster: &Cluster) -> Result<()> {
    upgrade(cluster, &["--set", "webhook.failurePolicy=Fail"]).await?;
    let shop = stocked(cluster).await?;
    let values = cluster.scratch().join("values-before-uninstall.yaml");
    fs::write(&values, cluster.helm(["get", "values", RELEASE, "-n", RELEASE, "-o", "yaml"]).ok().await?)?;
    leave_by_a_bad_image(cluster).await?;
    let drilled = async {
        cluster.helm(["uninstall", RELEASE, "-n", RELEASE, "--wait", "--timeout=120s"]).ok().await?;
        let words = ["get", "validatingwebhookconfigurations,mutatingwebhookconfigurations", "-o", "name"];
        let left = cluster.kubectl(words).ok().await?;
        ensure!(!left.contains(RELEASE), "left behind: {left}");
        eventually("a set can be created again", PATIENCE, async || {
            Ok(shop.apply(&named("created-afterwards")).await?.status.success().then_some(()))
        })
        .await
    };
    let drilled = drilled.await;
    let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/stsguard");
    let words = ["upgrade", "--install", RELEASE, &chart.to_string_lossy(), "-n", RELEASE, "--wait", "--timeout=120s"];
    let words = words.into_iter().map(str::to_owned).chain([format!("--values={}", values.display())]);
    let fixed = ["--set=image.repository=stsguard", "--set=replicas=2", "--set=webhook.failurePolicy=Ignore"]
        .map(str::to_owned);
    cluster.helm(words.chain(fixed)).ok().await?;
    drilled?;
    guards(cluster).await
}

/// Everything that an incident needs, in a cluster whose webhook is gone.
pub async fn incident(shop: &Shop<'_>) -> Result<()> {
    let cluster = shop.cluster;
    let kubectl = |line: &str| cluster.kubectl(line.split(' ').map(str::to_owned)).server(shop.server);
    for namespace in ["kube-system", RELEASE] {
        let there = Shop::within(cluster, namespace).at(shop.server);
        for object in [service(), with(good_set(), "/spec/replicas", json!(0))] {
            there.apply(&object).await?.ok()?;
        }
        there.apply(&with(good_set(), "/spec/replicas", json!(1))).await?.ok()?;
        there.kubectl("delete statefulset/postgres service/postgres").await?.ok()?;
    }
    // Nodes, and pods of every kind: the controller of a set brings a lost one back.
    for line in ["label node node-1 drill=yes --overwrite", "cordon node-1", "uncordon node-1"] {
        kubectl(line).ok().await?;
    }
    shop.kubectl("run drill --image=postgres:16 --restart=Never").await?.ok()?;
    shop.kubectl("wait pod/drill --for=condition=Ready --timeout=60s").await?.ok()?;
    let uid = shop.get("pod postgres-0").await?["metadata"]["uid"].clone();
    shop.kubectl("delete pod postgres-0 drill --wait=false").await?.ok()?;
    eventually("the pod is there again", PATIENCE, async || {
        let pods = shop.get("pods").await?;
        let of_set = |pod: &&Value| pod["metadata"]["name"] == "postgres-0" && pod["metadata"]["uid"] != uid;
        Ok(pods["items"].as_array().into_iter().flatten().find(of_set).map(drop))
    })
    .await?;
    // Scale, Services and deletions are never held up.
    shop.kubectl("scale statefulset postgres --replicas=1").await?.ok()?;
    shop.apply(&with(service(), "/spec/ports/0/port", json!(5433))).await?.ok()?;
    shop.apply(&with(cluster_ip_service(), "/metadata/name", json!("another"))).await?.ok()?;
    shop.kubectl("label statefulset postgres incident=yes --overwrite").await?.ok()?;
    shop.kubectl("delete service another").await?.ok()?;
    shop.kubectl("delete statefulset spare").await?.ok()?;
    shop.kubectl("create configmap drill --from-literal=a=b").await?.ok()?;
    let namespace = cluster.namespace().await?;
    kubectl(&format!("delete namespace {namespace} --timeout=60s")).ok().await?;
    Ok(())
}

/// A namespace with sets in it, made while the webhook is there.
async fn stocked(cluster: &Cluster) -> Result<Shop<'_>> {
    let shop = Shop::open(cluster).await?;
    shop.apply(&service()).await?.ok()?;
    shop.apply(&good_set()).await?.ok()?;
    shop.apply(&named("spare")).await?.ok()?;
    eventually("the first pod is there", PATIENCE, async || {
        Ok(shop.kubectl("get pod postgres-0").await?.status.success().then_some(()))
    })
    .await?;
    Ok(shop)
}

fn named(name: &str) -> Value {
    with(good_set(), "/metadata/name", json!(name))
}

/// An update that the webhook is asked about, unlike `kubectl scale`.
fn scaled_by_edit() -> Value {
    with(good_set(), "/spec/replicas", json!(2))
}

async fn leave_by_scaling(cluster: &Cluster) -> Result<()> {
    cluster.kubectl(["scale", "deployment", RELEASE, "-n", RELEASE, "--replicas=0"]).ok().await?;
    eventually("all replicas are gone", PATIENCE, async || Ok(pods(cluster).await?.is_empty().then_some(()))).await
}

/// A bad image alone takes nobody away, for the rollout waits; here the old pods go too.
async fn leave_by_a_bad_image(cluster: &Cluster) -> Result<()> {
    leave_by_scaling(cluster).await?;
    let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/stsguard");
    let words = ["upgrade", RELEASE, &chart.to_string_lossy(), "-n", RELEASE, "--reuse-values"];
    let words = words.into_iter().chain(["--set", "replicas=2,image.repository=registry.example.com/lost"]);
    cluster.helm(words).ok().await?;
    eventually("both pods wait for their image", PATIENCE, async || {
        let pods = cluster.kubectl(["get", "pods", "-n", RELEASE]).ok().await?;
        Ok((pods.matches("ErrImagePull").count() == 2).then_some(()))
    })
    .await
}

async fn come_back(cluster: &Cluster, failure_policy: &str) -> Result<()> {
    let policy = format!("webhook.failurePolicy={failure_policy}");
    upgrade(cluster, &["--set", &format!("{policy},replicas=2,image.repository=stsguard")]).await?;
    guards(cluster).await
}
