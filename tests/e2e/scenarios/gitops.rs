//! What GitOps tools compare with what Git says, after a set has been fixed: docs/gitops.md promises it.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use test_cluster::Cluster;

use super::shop::{Shop, fixable_set, fixed, service, with};
use super::{Scenario, alone, scenario};

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    scenario!(a_dry_run_of_the_same_manifest_changes_nothing),
    scenario!(only_the_field_that_somebody_wrote_differs_from_git),
    alone!(while_we_are_away_only_the_immutable_field_is_refused),
];

/// What starts in parallel as well, so that all three fixes are made.
fn manifest() -> Value {
    with(fixable_set(), "/spec/podManagementPolicy", json!("Parallel"))
}

/// Flux, and Argo CD with ServerSideDiff, compare the stored object with the result of a server-side dry run.
async fn a_dry_run_of_the_same_manifest_changes_nothing(cluster: &Cluster) -> Result<()> {
    for how in ["", " --server-side"] {
        let shop = Shop::open(cluster).await?;
        shop.apply_calmly(&service()).await?;
        shop.kubectl_with(&format!("apply{how} -f -"), Some(&manifest())).await?.ok()?;
        ensure!(fixed(&shop.stored().await?) == "STS201,STS301,STS303");
        // The controller's news would count as a difference.
        shop.kubectl("rollout status statefulset/postgres --timeout=120s").await?.ok()?;
        let diff = shop.kubectl_with(&format!("diff{how} -f -"), Some(&manifest())).await?;
        ensure!(diff.status.success() && diff.stdout.is_empty(), "{diff}");
    }
    Ok(())
}

/// Argo CD's own comparison takes every field that Git writes, lists with names merged by them, and nothing else.
async fn only_the_field_that_somebody_wrote_differs_from_git(cluster: &Cluster) -> Result<()> {
    let shop = Shop::open(cluster).await?;
    shop.apply_calmly(&service()).await?;
    shop.apply(&manifest()).await?.ok()?;
    let stored = shop.stored().await?;
    ensure!(fixed(&stored) == "STS201,STS301,STS303", "{stored}");
    let mut differing = Vec::new();
    compare(&manifest(), &stored, String::new(), &mut differing);
    ensure!(differing == ["/spec/podManagementPolicy"], "{differing:?}");
    Ok(())
}

/// A dry run that nobody fixes: what was added stays, as nobody who applies owns it, and Parallel cannot come back.
async fn while_we_are_away_only_the_immutable_field_is_refused(cluster: &Cluster) -> Result<()> {
    let shop = Shop::open(cluster).await?;
    shop.apply_calmly(&service()).await?;
    shop.kubectl_with("apply --server-side -f -", Some(&manifest())).await?.ok()?;
    let scale = |replicas: u8| format!("scale deployment stsguard -n stsguard --replicas={replicas}");
    let kubectl = |line: String| cluster.kubectl(line.split(' ').map(str::to_owned).collect::<Vec<_>>());
    kubectl(scale(0)).ok().await?;
    let gone = "wait --for=delete pod -n stsguard -l app.kubernetes.io/name=stsguard --timeout=60s";
    kubectl(gone.to_owned()).ok().await?;
    let away = async {
        let refused =
            shop.kubectl_with("apply --server-side --dry-run=server -f -", Some(&manifest())).await?.refused()?;
        let newer = refused.contains("spec.podManagementPolicy") && refused.contains("immutable");
        // Others name the fields that may change, and not the one that would.
        let older = refused.contains("updates to statefulset spec for fields other than");
        ensure!(newer || older, "{refused}");
        let ordered = with(manifest(), "/spec/podManagementPolicy", json!("OrderedReady"));
        let diff = shop.kubectl_with("diff --server-side -f -", Some(&ordered)).await?;
        ensure!(diff.status.success() && diff.stdout.is_empty(), "{diff}");
        anyhow::Ok(())
    };
    let away = away.await;
    kubectl(scale(2)).ok().await?;
    kubectl("rollout status deployment/stsguard -n stsguard --timeout=120s".to_owned()).ok().await?;
    away
}

/// The places of a manifest whose values are others in the stored object.
fn compare(written: &Value, stored: &Value, place: String, differing: &mut Vec<String>) {
    match (written, stored) {
        (Value::Object(written), Value::Object(stored)) => {
            for (key, value) in written {
                compare(value, stored.get(key).unwrap_or(&Value::Null), format!("{place}/{key}"), differing);
            }
        }
        (Value::Array(written), Value::Array(stored)) => {
            for (at, value) in written.iter().enumerate() {
                let name = |value: &Value| value.get("name").or(value.pointer("/metadata/name")).cloned();
                let same = match name(value) {
                    Some(own) => stored.iter().find(|other| name(other).as_ref() == Some(&own)),
                    None => stored.get(at),
                };
                compare(value, same.unwrap_or(&Value::Null), format!("{place}/{at}"), differing);
            }
        }
        _ if written == stored => {}
        _ => differing.push(place),
    }
}
