//! Fixes: what is patched, and that it stays when the same bad file comes again, whichever tool brings it.

use std::fs;
use std::path::PathBuf;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use test_cluster::Cluster;

use super::shop::{
    CONTAINER, GRACE, Shop, cluster_ip_service, codes, fixable_set, fixed, good_set, pgdata, service, with, without,
};
use super::{Scenario, scenario};

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    scenario!(survive_apply_and_replace_of_the_same_file),
    scenario!(survive_server_side_apply_from_the_start),
    scenario!(survive_a_change_of_something_else),
    scenario!(survive_helm_upgrades_server_side),
    scenario!(survive_helm_upgrades_client_side_and_by_replacement),
    scenario!(survive_for_each_of_two_servers),
    scenario!(leave_a_written_grace_period_alone),
    scenario!(never_move_pgdata_off_the_claim),
    scenario!(end_with_an_exemption),
    scenario!(are_not_claimed_by_a_copied_manifest),
    scenario!(are_not_claimed_by_an_update),
    scenario!(are_shown_by_a_dry_run_and_a_diff),
    scenario!(leave_sets_of_an_operator_and_of_a_restore_alone),
    scenario!(of_another_life_are_kept_once_restored),
];

const ALL: &str = "STS201,STS301,STS303";

/// All three fixes are in place and nothing has been rolled out.
fn intact(stored: &Value, after: &str) -> Result<()> {
    let spec = &stored["spec"];
    ensure!(fixed(stored) == ALL, "after {after}: {}", stored["metadata"]);
    ensure!(pgdata(stored) == Some("/var/lib/postgresql/data/pgdata"), "after {after}: {spec}");
    ensure!(stored.pointer(GRACE) == Some(&json!(60)), "after {after}: {spec}");
    ensure!(spec["podManagementPolicy"] == "OrderedReady", "after {after}: {spec}");
    ensure!(stored["metadata"]["generation"] == 1, "after {after}: {}", stored["metadata"]);
    Ok(())
}

async fn fixed_shop(cluster: &Cluster) -> Result<Shop<'_>> {
    let shop = Shop::open(cluster).await?;
    shop.apply_calmly(&service()).await?;
    let output = shop.apply(&fixable_set()).await?;
    ensure!(codes(&output.stderr) == ["STS201", "STS301", "STS303"], "{output}");
    output.ok()?;
    intact(&shop.stored().await?, "create")?;
    Ok(shop)
}

async fn survive_apply_and_replace_of_the_same_file(cluster: &Cluster) -> Result<()> {
    let shop = fixed_shop(cluster).await?;
    let bad = fixable_set();
    for verb in [
        "apply -f -",
        "replace -f -",
        "apply -f -",
        "apply --server-side --force-conflicts -f -",
        "apply --server-side --force-conflicts -f -",
        "replace -f -",
    ] {
        shop.kubectl_with(verb, Some(&bad)).await?.ok()?;
        intact(&shop.stored().await?, verb)?;
    }
    Ok(())
}

async fn survive_server_side_apply_from_the_start(cluster: &Cluster) -> Result<()> {
    let shop = Shop::open(cluster).await?;
    shop.apply_calmly(&service()).await?;
    for round in ["create", "again"] {
        shop.kubectl_with("apply --server-side -f -", Some(&fixable_set())).await?.ok()?;
        intact(&shop.stored().await?, round)?;
    }
    Ok(())
}

async fn survive_a_change_of_something_else(cluster: &Cluster) -> Result<()> {
    let shop = fixed_shop(cluster).await?;
    shop.kubectl("label statefulset postgres team=data").await?.ok()?;
    shop.kubectl("annotate statefulset postgres example.com/note=x").await?.ok()?;
    intact(&shop.stored().await?, "label and annotate")?;
    let scaled = with(fixable_set(), "/spec/replicas", json!(2));
    shop.kubectl_with("replace -f -", Some(&scaled)).await?.ok()?;
    let stored = shop.stored().await?;
    ensure!(stored["spec"]["replicas"] == 2 && stored["metadata"]["generation"] == 2, "{stored}");
    ensure!(fixed(&stored) == ALL && pgdata(&stored).is_some(), "{stored}");
    Ok(())
}

/// A chart whose only template is the bad set.
fn chart(shop: &Shop<'_>) -> Result<PathBuf> {
    let folder = shop.cluster.scratch().join(format!("chart-{}", shop.namespace));
    fs::create_dir_all(folder.join("templates"))?;
    fs::write(folder.join("Chart.yaml"), "apiVersion: v2\nname: shop\nversion: 0.1.0\n")?;
    let set = with(fixable_set(), "/metadata/labels", json!({"round": "{{ .Values.round }}"}));
    fs::write(folder.join("templates/set.yaml"), set.to_string())?;
    fs::write(folder.join("templates/service.yaml"), service().to_string())?;
    Ok(folder)
}

pub async fn helm(shop: &Shop<'_>, line: &str) -> Result<()> {
    let chart = chart(shop)?;
    let words = line.split(' ').map(|word| if word == "CHART" { chart.display().to_string() } else { word.to_owned() });
    shop.cluster.helm(words.chain(["-n".to_owned(), shop.namespace.clone()])).ok().await?;
    Ok(())
}

async fn survive_helm_upgrades_server_side(cluster: &Cluster) -> Result<()> {
    let shop = Shop::open(cluster).await?;
    for line in [
        "install shop CHART --set round=1",
        "upgrade shop CHART --set round=2",
        "upgrade shop CHART --set round=3 --force-conflicts",
        "rollback shop 1",
    ] {
        helm(&shop, line).await?;
        intact(&shop.stored().await?, line)?;
    }
    Ok(())
}

async fn survive_helm_upgrades_client_side_and_by_replacement(cluster: &Cluster) -> Result<()> {
    let shop = Shop::open(cluster).await?;
    for line in [
        "install shop CHART --set round=1 --server-side=false",
        "upgrade shop CHART --set round=2 --server-side=false",
        "upgrade shop CHART --set round=3 --server-side=false --force-replace",
        "upgrade shop CHART --set round=4 --server-side=true --force-conflicts",
    ] {
        helm(&shop, line).await?;
        intact(&shop.stored().await?, line)?;
    }
    Ok(())
}

/// Two PostgreSQL servers in one pod, each with a claim of its own at its volume's root.
async fn survive_for_each_of_two_servers(cluster: &Cluster) -> Result<()> {
    let shop = Shop::open(cluster).await?;
    shop.apply_calmly(&service()).await?;
    let set = fixable_set();
    let mut second = set.pointer(CONTAINER).cloned().expect("there is a container");
    (second["name"], second["volumeMounts"][0]["name"]) = (json!("audit"), json!("audit"));
    let mut claim = set["spec"]["volumeClaimTemplates"][0].clone();
    claim["metadata"]["name"] = json!("audit");
    let set = with(with(set, "/spec/template/spec/containers/-", second), "/spec/volumeClaimTemplates/-", claim);
    shop.apply(&set).await?.ok()?;
    for verb in ["replace -f -", "apply -f -", "replace -f -"] {
        shop.kubectl_with(verb, Some(&set)).await?.ok()?;
        let stored = shop.stored().await?;
        intact(&stored, verb)?;
        let env = stored["spec"]["template"]["spec"]["containers"][1]["env"].to_string();
        ensure!(env.contains("/var/lib/postgresql/data/pgdata"), "the second server's data moved after {verb}: {env}");
    }
    Ok(())
}

async fn leave_a_written_grace_period_alone(cluster: &Cluster) -> Result<()> {
    let written = with(good_set(), GRACE, json!(30));
    for verb in ["apply -f -", "apply --server-side -f -"] {
        let shop = Shop::open(cluster).await?;
        shop.apply_calmly(&service()).await?;
        let output = shop.kubectl_with(verb, Some(&written)).await?;
        ensure!(codes(&output.stderr) == ["STS301"], "{output}");
        output.ok()?;
        let stored = shop.stored().await?;
        ensure!(stored.pointer(GRACE) == Some(&json!(30)) && fixed(&stored).is_empty(), "{verb}: {stored}");
    }
    Ok(())
}

async fn never_move_pgdata_off_the_claim(cluster: &Cluster) -> Result<()> {
    let shop = fixed_shop(cluster).await?;
    let moved = with(fixable_set(), &format!("{CONTAINER}/volumeMounts/0/mountPath"), json!("/var/lib/db"));
    let said = shop.kubectl_with("replace -f -", Some(&moved)).await?.refused()?;
    ensure!(codes(&said).contains(&"STS202".to_owned()), "{said}");
    intact(&shop.stored().await?, "a refused move")
}

async fn end_with_an_exemption(cluster: &Cluster) -> Result<()> {
    let shop = fixed_shop(cluster).await?;
    let exempt = json!({"stsguard.dev/exempt-short-grace-period": "a cache, nothing to flush"});
    let short = with(fixable_set(), "/metadata/annotations", exempt);
    shop.kubectl_with("replace -f -", Some(&short)).await?.ok()?;
    let stored = shop.stored().await?;
    ensure!(stored.pointer(GRACE) == Some(&json!(30)) && fixed(&stored) == "STS201,STS303", "{stored}");
    Ok(())
}

async fn are_not_claimed_by_a_copied_manifest(cluster: &Cluster) -> Result<()> {
    let shop = Shop::open(cluster).await?;
    shop.apply_calmly(&service()).await?;
    let copied = with(good_set(), "/metadata/annotations", json!({"stsguard.dev/fixed": ALL}));
    shop.apply(&copied).await?.ok()?;
    ensure!(fixed(&shop.stored().await?).is_empty());
    Ok(())
}

async fn are_not_claimed_by_an_update(cluster: &Cluster) -> Result<()> {
    let shop = Shop::open(cluster).await?;
    shop.apply_calmly(&service()).await?;
    shop.apply_calmly(&good_set()).await?;
    shop.kubectl(&format!("annotate statefulset postgres stsguard.dev/fixed={ALL}")).await?.ok()?;
    ensure!(fixed(&shop.stored().await?).is_empty());

    let shop = fixed_shop(cluster).await?;
    for written in ["stsguard.dev/fixed=STS201", "stsguard.dev/fixed-"] {
        shop.kubectl(&format!("annotate statefulset postgres --overwrite {written}")).await?.ok()?;
        ensure!(fixed(&shop.stored().await?) == ALL, "{written}");
    }
    Ok(())
}

async fn are_shown_by_a_dry_run_and_a_diff(cluster: &Cluster) -> Result<()> {
    let shop = Shop::open(cluster).await?;
    shop.apply_calmly(&service()).await?;
    let output = shop.kubectl_with("create --dry-run=server -o json -f -", Some(&fixable_set())).await?;
    ensure!(codes(&output.stderr) == ["STS201", "STS301", "STS303"], "{output}");
    let shown: Value = serde_json::from_str(&output.ok()?)?;
    ensure!(fixed(&shown) == ALL && pgdata(&shown).is_some(), "{shown}");
    let diff = shop.kubectl_with("diff -f -", Some(&fixable_set())).await?;
    ensure!(diff.status.code() == Some(1) && diff.stdout.contains("stsguard.dev/fixed"), "{diff}");

    let denied = without(fixable_set(), "/spec/serviceName");
    let denied = with(denied, &format!("{CONTAINER}/image"), json!("postgres:18"));
    for verb in ["create --dry-run=server -f -", "diff -f -", "create -f -"] {
        let said = shop.kubectl_with(verb, Some(&denied)).await?.refused()?;
        ensure!(codes(&said).contains(&"STS205".to_owned()), "{verb}: {said}");
    }
    Ok(())
}

async fn leave_sets_of_an_operator_and_of_a_restore_alone(cluster: &Cluster) -> Result<()> {
    let shop = Shop::open(cluster).await?;
    shop.apply(&cluster_ip_service()).await?.ok()?;
    shop.apply(&json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "operator"}})).await?.ok()?;
    let uid = shop.get("configmap operator").await?["metadata"]["uid"].clone();
    let owner = json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "operator", "uid": uid, "controller": true}]);
    shop.apply_calmly(&with(fixable_set(), "/metadata/ownerReferences", owner)).await?;
    let stored = shop.stored().await?;
    ensure!(fixed(&stored).is_empty() && stored["spec"]["podManagementPolicy"] == "Parallel", "{stored}");

    let shop = Shop::open(cluster).await?;
    shop.apply(&cluster_ip_service()).await?.ok()?;
    let restored = with(fixable_set(), "/metadata/labels", json!({"velero.io/restore-name": "nightly"}));
    let output = shop.apply(&restored).await?;
    ensure!(codes(&output.stderr) == ["STS101", "STS201", "STS301", "STS303"], "{output}");
    output.ok()?;
    let stored = shop.stored().await?;
    ensure!(fixed(&stored).is_empty() && pgdata(&stored).is_none(), "{stored}");
    Ok(())
}

/// What a backup holds was fixed in another life: its record comes with it, and what it says is kept.
async fn of_another_life_are_kept_once_restored(cluster: &Cluster) -> Result<()> {
    let backup = {
        let stored = fixed_shop(cluster).await?.stored().await?;
        let metadata = json!({
            "name": "postgres", "annotations": {"stsguard.dev/fixed": fixed(&stored)},
            "labels": {"velero.io/restore-name": "nightly"},
        });
        json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": metadata, "spec": stored["spec"]})
    };
    let shop = Shop::open(cluster).await?;
    shop.apply_calmly(&service()).await?;
    shop.kubectl_with("create -f -", Some(&backup)).await?.ok()?;
    intact(&shop.stored().await?, "the restore")?;
    let original = with(fixable_set(), "/metadata/labels", json!({"velero.io/restore-name": "nightly"}));
    shop.kubectl_with("replace -f -", Some(&original)).await?.ok()?;
    intact(&shop.stored().await?, "the original manifest")
}
