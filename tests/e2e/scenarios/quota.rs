//! Clusters that let pods of a system priority class in only by a ResourceQuota that speaks of the class, as GKE does.
//!
//! The cluster of all scenarios is one. Each scenario has an installation of its own, which looks at one namespace only
//! and denies there what the one that all share only warns of.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::Value;
use test_cluster::{
    Cluster,
    call::{Call, Output},
    wait::eventually,
};

use super::installation::chart;
use super::shop::{CONTAINER, Shop, codes, good_set, service, without};
use super::{Scenario, scenario};

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    scenario!(of_system_classes_is_asked_for_outside_kube_system),
    scenario!(of_the_enforcing_chart_lets_its_pods_in),
    scenario!(that_is_switched_off_keeps_pods_out_until_it_comes),
];

/// What the API server says of a pod that no quota speaks of.
const REFUSED: &str = "insufficient quota to match these scopes";
const PATIENCE: Duration = Duration::from_mins(1);

async fn of_system_classes_is_asked_for_outside_kube_system(cluster: &Cluster) -> Result<()> {
    let namespace = cluster.namespace().await?;
    let run = async |namespace: &str, class: &str| -> Result<Output> {
        let overrides = format!(r#"--overrides={{"spec":{{"priorityClassName":"{class}"}}}}"#);
        let words = ["run", "probe", "-n", namespace, "--image=postgres:16", "--dry-run=server", &overrides];
        cluster.kubectl(words).output().await
    };
    for class in ["system-node-critical", "system-cluster-critical"] {
        let said = run(&namespace, class).await?.refused()?;
        ensure!(said.contains(REFUSED), "{said}");
        eventually("kube-system lets it in", PATIENCE, async || {
            Ok(run("kube-system", class).await?.status.success().then_some(()))
        })
        .await?;
    }
    run(&namespace, "").await?.ok()?;
    Ok(())
}

async fn of_the_enforcing_chart_lets_its_pods_in(cluster: &Cluster) -> Result<()> {
    let release = Release::open(cluster, "critical").await?;
    let outcome = async {
        release.install(&["--wait"]).ok().await?;
        ensure!(release.pods().await? == 3, "--wait has not waited");
        release.denies().await?;
        // Without the quota the same pods would not have come.
        release.kubectl("delete resourcequota critical-stsguard-critical").ok().await?;
        release.kubectl("rollout restart deployment critical-stsguard").ok().await?;
        release.is_refused().await
    };
    let outcome = outcome.await;
    release.remove().await?;
    outcome
}

async fn that_is_switched_off_keeps_pods_out_until_it_comes(cluster: &Cluster) -> Result<()> {
    let release = Release::open(cluster, "unquoted").await?;
    let outcome = async {
        release.install(&["--set=resourceQuota.enabled=false"]).ok().await?;
        release.is_refused().await?;
        ensure!(release.pods().await? == 0, "pods came without a quota");
        let said = release.shop.apply(&good_set()).await?.refused()?;
        ensure!(said.contains("failed calling webhook"), "it fails closed: {said}");
        release.install(&["--wait"]).ok().await?;
        release.denies().await
    };
    let outcome = outcome.await;
    release.remove().await?;
    outcome
}

/// An enforcing installation, and the only namespace that it looks at.
struct Release<'a> {
    cluster: &'a Cluster,
    name: &'static str,
    namespace: String,
    shop: Shop<'a>,
}

impl<'a> Release<'a> {
    /// Makes both namespaces; nothing is installed yet.
    async fn open(cluster: &'a Cluster, name: &'static str) -> Result<Self> {
        let shop = Shop::open(cluster).await?;
        cluster.kubectl(["label", "namespace", &shop.namespace, &format!("guarded-by={name}")]).ok().await?;
        Ok(Self { cluster, name, namespace: cluster.namespace().await?, shop })
    }

    /// `helm upgrade --install` with `values/enforcing.yaml`; what is set here besides changes nothing about the pods.
    fn install(&self, settings: &[&str]) -> Call {
        let Self { name, namespace, .. } = self;
        let only =
            format!(r#"webhook.namespaceExpressions=[{{"key":"guarded-by","operator":"In","values":["{name}"]}}]"#);
        let brief = r#"shutdown={"propagationSeconds":0.5,"idleSeconds":2,"terminationGracePeriodSeconds":25}"#;
        let enforcing = chart().join("values/enforcing.yaml").display().to_string();
        let chart = chart().display().to_string();
        let words = ["upgrade", "--install", name, &chart, "-n", namespace, "--timeout=60s", "--values", &enforcing];
        let words = words.into_iter().chain(["--set-json", &only, "--set-json", brief]);
        let words = words.chain(["--set=policy.rules.missing-readiness-probe=deny"]).chain(settings.iter().copied());
        self.cluster.helm(words)
    }

    fn kubectl(&self, line: &str) -> Call {
        self.cluster.kubectl(["-n", &self.namespace].into_iter().chain(line.split(' ')))
    }

    /// How many pods are ready.
    async fn pods(&self) -> Result<usize> {
        let ready = self.kubectl("get pods -o jsonpath={.items[*].status.containerStatuses[0].ready}").ok().await?;
        Ok(ready.split(' ').filter(|word| *word == "true").count())
    }

    /// Waits until the controller says that its pods are refused for want of a quota.
    async fn is_refused(&self) -> Result<()> {
        eventually("pods are refused", PATIENCE, async || {
            let said =
                self.kubectl("get replicasets -o jsonpath={.items[*].status.conditions[*].message}").ok().await?;
            Ok(said.contains(REFUSED).then_some(()))
        })
        .await
    }

    /// A bad set is denied by this installation, and a good one let in.
    async fn denies(&self) -> Result<()> {
        self.shop.apply(&service()).await?.ok()?;
        let said = self.shop.apply(&bad_set()).await?.refused()?;
        ensure!(said.contains("denied the request") && codes(&said) == ["STS304"], "{said}");
        self.shop.apply(&good_set()).await?.ok()?;
        Ok(())
    }

    async fn remove(&self) -> Result<()> {
        self.cluster.helm(["uninstall", self.name, "-n", &self.namespace]).ok().await?;
        Ok(())
    }
}

/// A set that the profile `recommended` lets pass with a warning.
fn bad_set() -> Value {
    without(good_set(), &format!("{CONTAINER}/readinessProbe"))
}
