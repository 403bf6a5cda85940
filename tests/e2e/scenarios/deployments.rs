//! Databases in Deployments: judged where the chart asks for them, by an entry of their own.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use test_cluster::{Cluster, wait::eventually};

use super::installation::chart;
use super::shop::{Shop, codes, with};
use super::{Scenario, scenario};

/// The scenarios.
pub const SCENARIOS: &[Scenario] =
    &[scenario!(warns_of_or_denies_a_database_on_a_claim_where_the_chart_asks_and_only_there)];

const PATIENCE: Duration = Duration::from_mins(1);
const ENTRY: &str = "deployments.stsguard.dev";

/// A Deployment of PostgreSQL on a claim.
fn database(name: &str) -> Value {
    let mounts = json!([{"name": "data", "mountPath": "/var/lib/postgresql/data"}]);
    let env = json!([{"name": "PGDATA", "value": "/var/lib/postgresql/data/pgdata"}]);
    let container = json!({"name": "db", "image": "postgres:16.4", "env": env, "volumeMounts": mounts});
    let volume = json!({"name": "data", "persistentVolumeClaim": {"claimName": name}});
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "replicas": 1, "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [container], "volumes": [volume]},
            },
        },
    })
}

/// A release in a namespace of its own that looks at one namespace alone.
struct Release<'a> {
    cluster: &'a Cluster,
    namespace: String,
    looks_at: String,
}

impl Release<'_> {
    /// Brings it to these values, whatever it had before.
    async fn set(&self, values: &str) -> Result<()> {
        let expressions = json!([
            {"key": "kubernetes.io/metadata.name", "operator": "In", "values": [self.looks_at]},
        ]);
        let brief = r#"shutdown={"propagationSeconds":0.5,"idleSeconds":2,"terminationGracePeriodSeconds":25}"#;
        let words = [
            "upgrade".to_owned(),
            "--install".to_owned(),
            "apart".to_owned(),
            chart().display().to_string(),
            format!("--namespace={}", self.namespace),
            "--wait".to_owned(),
            "--timeout=120s".to_owned(),
            format!("--set-json=webhook.namespaceExpressions={expressions}"),
            format!("--set-json={brief}"),
            format!("--set={values}"),
        ];
        self.cluster.helm(words).ok().await?;
        Ok(())
    }

    async fn entries(&self) -> Result<String> {
        let path = "-o=jsonpath={.webhooks[*].name}";
        self.cluster.kubectl(["get", "validatingwebhookconfiguration", "apart-stsguard", path]).ok().await
    }
}

async fn warns_of_or_denies_a_database_on_a_claim_where_the_chart_asks_and_only_there(cluster: &Cluster) -> Result<()> {
    let shop = Shop::open(cluster).await?;
    let release = Release { cluster, namespace: cluster.namespace().await?, looks_at: shop.namespace.clone() };
    release.set("policy.profile=recommended").await?;
    ensure!(!release.entries().await?.contains(ENTRY), "{}", release.entries().await?);
    shop.apply_calmly(&database("before")).await?;

    release.set("webhook.deployments=true").await?;
    ensure!(release.entries().await?.ends_with(ENTRY), "{}", release.entries().await?);
    // Until the entry has its CA and the API server has heard of it, requests pass: it is Ignore.
    let tried = async || shop.kubectl_with("create --dry-run=server -f -", Some(&database("tried"))).await;
    eventually("a database is warned of", PATIENCE, async || {
        let output = tried().await?;
        Ok((output.status.success() && codes(&output.stderr) == ["STS601"]).then_some(()))
    })
    .await?;
    let output = shop.apply(&database("reports")).await?;
    ensure!(codes(&output.stderr) == ["STS601"] && output.stderr.contains("PostgreSQL"), "{output}");
    output.ok()?;

    // What it had before is no news, what has no claim is never sent, and nobody asks about replicas.
    let volume = "/spec/template/spec/volumes/0";
    shop.apply_calmly(&with(database("scratch"), volume, json!({"name": "data", "emptyDir": {}}))).await?;
    for line in [
        "set image deployment/before db=postgres:16.6",
        "set image deployment/reports db=postgres:16.6",
        "scale deployment reports --replicas=2",
        "label deployment reports team=payments",
    ] {
        let output = shop.kubectl(line).await?;
        ensure!(output.status.success() && codes(&output.stderr).is_empty(), "{line}: {output}");
    }
    let namespace = format!("--namespace={}", release.namespace);
    let told = cluster.helm(["test", "apart", &namespace, "--timeout=60s", "--logs"]).ok().await?;
    ensure!(told.contains(&format!("{ENTRY} answers at apart-stsguard.")), "{told}");

    release.set("webhook.deployments=true,policy.profile=strict").await?;
    let said = eventually("a database is denied", PATIENCE, async || {
        let output = tried().await?;
        Ok((!output.status.success()).then_some(output.stderr))
    })
    .await?;
    ensure!(codes(&said) == ["STS601"] && said.contains("stsguard.dev/exempt-database-in-deployment"), "{said}");
    let output = shop.kubectl("set image deployment/reports db=postgres:16.8").await?;
    ensure!(output.status.success() && codes(&output.stderr) == ["STS601"], "what stood there is not denied: {output}");
    let exempt = json!({"stsguard.dev/exempt-database-in-deployment": "one replica, Recreate"});
    shop.apply_calmly(&with(database("exempt"), "/metadata/annotations", exempt)).await?;
    let blank = json!({"stsguard.dev/exempt-database-in-deployment": " "});
    let blank = with(database("blank"), "/metadata/annotations", blank);
    let blank = with(blank, volume, json!({"name": "data", "emptyDir": {}}));
    let output = shop.apply(&blank).await?;
    ensure!(codes(&output.stderr) == ["STS001"], "an annotation of ours is looked at without a claim: {output}");
    shop.kubectl("delete deployment reports").await?.ok()?;

    release.set("policy.profile=strict").await?;
    ensure!(!release.entries().await?.contains(ENTRY), "{}", release.entries().await?);
    eventually("nobody is asked any more", PATIENCE, async || {
        let output = tried().await?;
        Ok((output.status.success() && codes(&output.stderr).is_empty()).then_some(()))
    })
    .await?;
    cluster.helm(["uninstall", "apart", &namespace, "--wait", "--timeout=120s"]).ok().await?;
    Ok(())
}
