//! docs/rollout.md, step by step: from a cluster that is only looked at to one in which nothing dangerous passes.

use std::{fs, path::Path, time::Duration};

use anyhow::{Context, Result, ensure};
use test_cluster::{Cluster, wait::eventually};

use super::installation::{RELEASE, pods};
use super::restarts::upgrade;
use super::shop::{Shop, cluster_ip_service, codes, good_set};
use super::{Scenario, alone};

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[alone!(goes_on_namespace_by_namespace)];

const PAGE: &str = "docs/rollout.md";
const PATIENCE: Duration = Duration::from_mins(2);

/// What becomes of a set that the policy denies at last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Met {
    Silence,
    Warning,
    Denial,
}

async fn goes_on_namespace_by_namespace(cluster: &Cluster) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join(PAGE))?;
    let steps: Vec<_> = page.split("```yaml\n").skip(1).filter_map(|part| part.split("```").next()).collect();
    ensure!(steps.len() == 3, "{PAGE} has {} values files", steps.len());
    let mut teams = Vec::new();
    for team in ["team-a", "team-b"] {
        cluster.kubectl(["create", "namespace", team]).ok().await?;
        let shop = Shop::within(cluster, team);
        shop.apply(&cluster_ip_service()).await?.ok()?;
        teams.push(shop);
    }
    let gone = async {
        upgrade(cluster, &["-f", &root.join("charts/stsguard/values/audit.yaml").to_string_lossy()]).await?;
        meets(&teams, [Met::Silence, Met::Silence]).await?;
        recorded(cluster).await?;
        for (step, expected) in
            steps.iter().zip([[Met::Warning, Met::Silence], [Met::Denial, Met::Warning], [Met::Denial, Met::Denial]])
        {
            let file = cluster.scratch().join("rollout.yaml");
            fs::write(&file, step)?;
            upgrade(cluster, &["-f", &file.to_string_lossy()]).await?;
            meets(&teams, expected).await.with_context(|| format!("after\n{step}"))?;
        }
        Ok(())
    };
    let gone = gone.await;
    upgrade(cluster, &["--set-json", r#"policy={"enforcement":"deny","overrides":[]}"#]).await?;
    cluster.kubectl(["delete", "namespace", "team-a", "team-b", "--wait=false"]).ok().await?;
    gone
}

/// Waits until both teams meet what is expected, several times in a row: both replicas have heard of the policy then.
async fn meets(teams: &[Shop<'_>], expected: [Met; 2]) -> Result<()> {
    let mut in_a_row = 0;
    eventually("the policy counts", PATIENCE, async || {
        let mut met = Vec::new();
        for team in teams {
            let output = team.kubectl_with("create --dry-run=server -f -", Some(&good_set())).await?;
            let speaks = codes(&output.stderr).contains(&"STS101".to_owned());
            ensure!(output.status.success() || speaks, "refused for another reason: {output}");
            met.push(match (output.status.success(), speaks) {
                (true, false) => Met::Silence,
                (true, true) => Met::Warning,
                (false, _) => Met::Denial,
            });
        }
        in_a_row = if met == expected { in_a_row + 1 } else { 0 };
        Ok((in_a_row >= 5).then_some(()))
    })
    .await
}

/// Who would be hit is in the log, with the message, and counted by rule.
async fn recorded(cluster: &Cluster) -> Result<()> {
    let (mut lines, mut counted) = (String::new(), String::new());
    for pod in pods(cluster).await? {
        lines += &cluster.pod_logs(RELEASE, &pod)?;
        let metrics = format!("/api/v1/namespaces/{RELEASE}/pods/{pod}:8080/proxy/metrics");
        counted += &cluster.kubectl(["get", "--raw", &metrics]).ok().await?;
    }
    for team in ["team-a", "team-b"] {
        let told = lines.lines().any(|line| {
            line.contains(&format!("\"namespace\":\"{team}\""))
                && line.contains("STS101:audit")
                && line.contains("is one virtual IP")
        });
        ensure!(told, "the log says nothing of {team}: {lines}");
    }
    let sample = "stsguard_verdicts_total{rule=\"STS101\",action=\"audit\"}";
    ensure!(counted.contains(sample), "no {sample} among the metrics");
    Ok(())
}
