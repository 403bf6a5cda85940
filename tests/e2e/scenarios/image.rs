//! The binary of the image, and nothing beside it, in each of our pods.

use std::{fs, path::Path, time::Duration};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use test_cluster::{Cluster, sandbox::interpreter, wait::eventually};

use super::installation::{RELEASE, pods};
use super::resilience::guards;
use super::{Scenario, of_image};

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[of_image!(serves_from_an_empty_root), of_image!(finds_the_api_server_by_name)];

const PATIENCE: Duration = Duration::from_mins(1);

async fn serves_from_an_empty_root(cluster: &Cluster) -> Result<()> {
    let pod = pods(cluster).await?.pop().context("there is a pod")?;
    let process = cluster.pod_processes(RELEASE, &pod)?.pop().context("it has a process")?;
    let process = Path::new("/proc").join(process.to_string());
    let status = fs::read_to_string(process.join("status"))?;
    let ids = |field: &str| -> Vec<String> {
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        line.unwrap_or_default().split_whitespace().map(str::to_owned).collect()
    };
    if cluster.can_switch_user() {
        ensure!(ids("Uid:") == ["65532"; 4] && ids("Gid:") == ["65532"; 4], "{status}");
    }
    ensure!(ids("NoNewPrivs:") == ["1"], "{status}");
    let root = process.join("root");
    ensure!(!interpreter::is_needed(&process.join("exe"))?, "it needs shared libraries: name one that does not");
    let mut names: Vec<_> = fs::read_dir(&root)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<Result<_>>()?;
    names.sort();
    // etc: what the kubelet writes, and our volumes; var: the account's token.
    ensure!(names == ["dev", "etc", "proc", "stsguard", "var"], "the root holds {names:?}");
    guards(cluster).await
}

/// A cluster may name its API server: KUBERNETES_SERVICE_HOST is an address in most, not in all.
async fn finds_the_api_server_by_name(cluster: &Cluster) -> Result<()> {
    let text = cluster.kubectl(["get", "deployment", RELEASE, "-n", RELEASE, "-o", "json"]).ok().await?;
    let deployment: Value = serde_json::from_str(&text)?;
    let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "by-name", "namespace": RELEASE}});
    pod["spec"] = deployment["spec"]["template"]["spec"].clone();
    let named = json!({"name": "KUBERNETES_SERVICE_HOST", "value": "kubernetes.default.svc"});
    let env = &mut pod["spec"]["containers"][0]["env"];
    match env.as_array_mut() {
        Some(env) => env.push(named),
        None => *env = json!([named]),
    }
    cluster.kubectl(["create", "-f", "-"]).stdin(pod.to_string()).ok().await?;
    let ready = eventually("the pod is ready: its stores are synced", PATIENCE, async || {
        let words = ["get", "pod", "by-name", "-n", RELEASE, "-o", "jsonpath={.status.containerStatuses[0].ready}"];
        Ok((cluster.kubectl(words).ok().await? == "true").then_some(()))
    });
    let ready = ready.await.with_context(|| cluster.pod_logs(RELEASE, "by-name").unwrap_or_default());
    cluster.kubectl(["delete", "pod", "by-name", "-n", RELEASE, "--grace-period=0", "--force"]).ok().await?;
    ready
}
