//! What breaks comes back by itself.

use std::time::Duration;

use anyhow::{Result, ensure};
use test_cluster::{Cluster, wait::eventually};

use super::installation::{RELEASE, pods};
use super::shop::{Shop, cluster_ip_service, codes, good_set};
use super::{Scenario, alone};

/// The scenarios.
pub const SCENARIOS: &[Scenario] =
    &[alone!(after_a_restart_of_the_api_server), alone!(after_a_killed_pod), alone!(over_a_rollout_restart)];

const PATIENCE: Duration = Duration::from_secs(120);

/// A bad set in a new namespace is denied again, within patience.
pub async fn guards(cluster: &Cluster) -> Result<()> {
    let shop = Shop::open(cluster).await?;
    shop.apply(&cluster_ip_service()).await?.ok()?;
    eventually("a bad set is denied", PATIENCE, async || {
        let output = shop.kubectl_with("create --dry-run=server -f -", Some(&good_set())).await?;
        Ok((!output.status.success() && codes(&output.stderr) == ["STS101"]).then_some(()))
    })
    .await?;
    Ok(())
}

async fn after_a_restart_of_the_api_server(cluster: &Cluster) -> Result<()> {
    cluster.restart_api_server().await?;
    guards(cluster).await
}

async fn after_a_killed_pod(cluster: &Cluster) -> Result<()> {
    for pod in pods(cluster).await? {
        cluster.kill_pod_process(RELEASE, &pod).await?;
    }
    guards(cluster).await
}

async fn over_a_rollout_restart(cluster: &Cluster) -> Result<()> {
    let kubectl = |line: &str| cluster.kubectl(line.split(' ').map(str::to_owned).collect::<Vec<_>>());
    kubectl("rollout restart deployment/stsguard -n stsguard").ok().await?;
    let shop = Shop::open(cluster).await?;
    shop.apply(&cluster_ip_service()).await?.ok()?;
    let rolled = async {
        kubectl("rollout status deployment/stsguard -n stsguard --timeout=120s").ok().await?;
        anyhow::Ok(())
    };
    let mut asked = 0;
    let guarded = async {
        loop {
            // With failurePolicy Ignore a lost request would let the bad set pass.
            let output = shop.kubectl_with("create --dry-run=server -f -", Some(&good_set())).await?;
            ensure!(codes(&output.stderr) == ["STS101"], "request {asked}: {output}");
            asked += 1;
        }
        #[allow(unreachable_code, reason = "it tells the type")]
        anyhow::Ok(())
    };
    tokio::select! {
        rolled = rolled => rolled?,
        guarded = guarded => guarded?,
    }
    ensure!(asked > 0, "the rollout was over before anything was asked");
    Ok(())
}
