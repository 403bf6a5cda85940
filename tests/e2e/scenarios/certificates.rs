//! Certificates that nobody looks after: made, published, renewed, exchanged, and fixed when somebody breaks them.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use serde_json::{Value, json};
use test_cluster::{Cluster, wait::eventually};
use tokio::time::sleep;

use super::installation::{NAME, RELEASE, certificate, chart, pods, secret};
use super::resilience::guards;
use super::restarts::upgrade;
use super::shop::{Shop, cluster_ip_service, codes, good_set};
use super::{Scenario, alone};

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    alone!(the_first_bad_manifest_after_an_installation_is_denied),
    alone!(stay_published_over_upgrades_applies_and_rollbacks),
    alone!(are_published_again_when_they_are_wiped),
    alone!(survive_the_loss_of_their_secret),
    alone!(can_be_provided_and_managed_again),
];

const CONFIGURATIONS: [&str; 2] = ["validatingwebhookconfiguration", "mutatingwebhookconfiguration"];
/// Where the CA and the certificate are kept.
pub const SECRET: &str = "stsguard-authority";
const PATIENCE: Duration = Duration::from_mins(1);

async fn the_first_bad_manifest_after_an_installation_is_denied(cluster: &Cluster) -> Result<()> {
    let shop = Shop::open(cluster).await?;
    shop.apply(&cluster_ip_service()).await?.ok()?;
    install_again(cluster).await?;
    let output = shop.kubectl_with("create --dry-run=server -f -", Some(&good_set())).await?;
    ensure!(codes(&output.stderr) == ["STS101"], "{output}");
    Ok(())
}

/// Removes the installation with all that it has made, and installs it with the same values.
async fn install_again(cluster: &Cluster) -> Result<()> {
    let (chart, values) = (chart().display().to_string(), values(cluster).await?);
    cluster.helm(["uninstall", RELEASE, "-n", RELEASE, "--wait", "--timeout=120s"]).ok().await?;
    cluster.kubectl(["delete", "secret", SECRET, "-n", RELEASE]).ok().await?;
    let words = ["install", RELEASE, &chart, "-n", RELEASE, "--wait", "--timeout=120s", &values];
    cluster.helm(words).ok().await?;
    Ok(())
}

async fn stay_published_over_upgrades_applies_and_rollbacks(cluster: &Cluster) -> Result<()> {
    let values = values(cluster).await?;
    let published = bundles(cluster).await?;
    let chart = chart().display().to_string();
    let helm = |line: &str| {
        let words = line.split(' ').map(str::to_owned).chain([chart.clone(), values.clone()]).collect::<Vec<_>>();
        cluster.helm(words)
    };
    let kept = async |after: &str| {
        let now = bundles(cluster).await?;
        ensure!(now == published, "after {after}: {now:?}");
        guards(cluster).await
    };
    let wait = "-n stsguard --wait --timeout=120s";
    for how in ["", " --server-side=false", " --server-side=true --force-conflicts", " --server-side=true"] {
        // Something differs each time, or nothing would be written.
        let line = format!("upgrade {wait}{how} --set=webhook.timeoutSeconds={} stsguard", 6 + how.len() % 7);
        helm(&line).ok().await?;
        kept(&line).await?;
    }
    helm_rollback(cluster, "").await?;
    kept("a rollback").await?;
    let text = helm("template -n stsguard --set=webhook.timeoutSeconds=4 --no-hooks stsguard").ok().await?;
    for how in ["apply -f -", "apply --server-side --force-conflicts -f -"] {
        let words: Vec<_> = how.split(' ').chain(["-n", RELEASE]).collect();
        cluster.kubectl(words.clone()).stdin(text.clone()).ok().await?;
        kept(how).await?;
        // What GitOps tools compare: nothing is out of step.
        let diff: Vec<_> = words.iter().map(|word| if *word == "apply" { "diff" } else { word }).collect();
        let output = cluster.kubectl(diff).stdin(text.clone()).output().await?;
        ensure!(output.status.success(), "{how} differs: {output}");
    }
    // kubectl owns fields by now.
    helm_rollback(cluster, " --server-side=true --force-conflicts").await?;
    kept("a rollback after kubectl apply").await?;
    helm(&format!("upgrade {wait} --server-side=true --force-conflicts stsguard")).ok().await?;
    kept("an upgrade").await?;
    // Fields that are kubectl's by now would be in the way of other scenarios.
    install_again(cluster).await
}

async fn helm_rollback(cluster: &Cluster, how: &str) -> Result<()> {
    let line = format!("rollback stsguard{how} -n stsguard --wait --timeout=120s");
    cluster.helm(line.split(' ').map(str::to_owned).collect::<Vec<_>>()).ok().await?;
    Ok(())
}

async fn are_published_again_when_they_are_wiped(cluster: &Cluster) -> Result<()> {
    let published = bundles(cluster).await?;
    let again = async |after: &str| {
        let what = format!("the bundles are there again after {after}");
        let begun = Instant::now();
        eventually(&what, PATIENCE, async || Ok((bundles(cluster).await? == published).then_some(()))).await?;
        println!("published again after {after}: seen within {:.1} s", begun.elapsed().as_secs_f32());
        guards(cluster).await
    };
    for configuration in CONFIGURATIONS {
        let patch = r#"[{"op":"remove","path":"/webhooks/0/clientConfig/caBundle"}]"#;
        cluster.kubectl(["patch", configuration, RELEASE, "--type=json", "-p", patch]).ok().await?;
    }
    again("a patch").await?;
    for configuration in CONFIGURATIONS {
        let text = cluster.kubectl(["get", configuration, RELEASE, "-o", "json"]).ok().await?;
        let mut object: Value = serde_json::from_str(&text)?;
        for webhook in object["webhooks"].as_array_mut().context("it has entries")? {
            webhook["clientConfig"].as_object_mut().context("an object")?.remove("caBundle");
        }
        cluster.kubectl(["replace", "-f", "-"]).stdin(object.to_string()).ok().await?;
    }
    again("kubectl replace").await?;
    let patch = r#"[{"op":"remove","path":"/webhooks/0"}]"#;
    cluster.kubectl(["patch", CONFIGURATIONS[0], RELEASE, "--type=json", "-p", patch]).ok().await?;
    ensure!(bundles(cluster).await.is_err(), "an entry is gone");
    helm_rollback(cluster, " 1 --server-side=true --force-conflicts").await?;
    again("a rollback that adds an entry").await?;
    let (chart, values) = (chart().display().to_string(), values(cluster).await?);
    let replace = ["upgrade", RELEASE, &chart, "-n", RELEASE, "--wait", "--timeout=120s", &values];
    let how = ["--force-replace", "--server-side=false", "--set=webhook.timeoutSeconds=9"];
    cluster.helm(replace.into_iter().chain(how)).ok().await?;
    again("helm upgrade --force-replace").await?;
    cluster.helm(replace.into_iter().chain(["--server-side=true", "--force-conflicts"])).ok().await?;
    again("an upgrade").await?;
    install_again(cluster).await
}

async fn survive_the_loss_of_their_secret(cluster: &Cluster) -> Result<()> {
    let (before, published) = (authority(cluster).await?, bundles(cluster).await?);
    let words = ["-n", RELEASE, "secret", SECRET];
    let steps: [(&str, Vec<&str>); 2] = [
        ("deleted", [&["delete"], &words[..]].concat()),
        ("wiped", [&["patch"], &words[..], &["--type=json", "-p", r#"[{"op":"remove","path":"/data"}]"#]].concat()),
    ];
    for (how, step) in steps {
        cluster.kubectl(step).ok().await?;
        eventually(&format!("the Secret that was {how} is there again"), PATIENCE, async || {
            Ok((authority(cluster).await.ok() == Some(before.clone())).then_some(()))
        })
        .await?;
        ensure!(bundles(cluster).await? == published, "the same CA goes on");
        guards(cluster).await?;
    }
    Ok(())
}

async fn can_be_provided_and_managed_again(cluster: &Cluster) -> Result<()> {
    // As docs/install.md says: both CAs in the bundle, so that pods of either kind are verified meanwhile.
    let pair = certificate(cluster, "provided", NAME)?;
    secret(cluster, &pair).await?;
    let both = cluster.scratch().join("both.crt");
    let managed = String::from_utf8(data(cluster, "ca.crt").await?)?;
    std::fs::write(&both, managed + &std::fs::read_to_string(pair.join("ca.crt"))?)?;
    let bundle = format!("--set-file=certificates.caBundle={}", both.display());
    upgrade(cluster, &["--set", "certificates.source=provided", &bundle]).await?;
    guards(cluster).await?;
    let provided = bundles(cluster).await?;
    eventually("the pods that made their own are gone", PATIENCE, async || {
        Ok((pods(cluster).await?.len() == 2).then_some(()))
    })
    .await?;
    sleep(Duration::from_secs(1)).await;
    ensure!(bundles(cluster).await? == provided, "pods on their way out wrote over it");
    upgrade(
        cluster,
        &[
            "--set",
            "certificates.source=self-managed,certificates.caBundle=",
            "--server-side=true",
            "--force-conflicts",
        ],
    )
    .await?;
    guards(cluster).await?;
    ensure!(bundles(cluster).await? != provided, "the CA is published again");
    Ok(())
}

/// The values of the installation, as an argument for helm.
async fn values(cluster: &Cluster) -> Result<String> {
    let values: PathBuf = cluster.scratch().join("values-of-the-installation.yaml");
    std::fs::write(&values, cluster.helm(["get", "values", RELEASE, "-n", RELEASE, "-o", "yaml"]).ok().await?)?;
    Ok(format!("--values={}", values.display()))
}

/// The bundle of every entry, by name.
async fn bundles(cluster: &Cluster) -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    for configuration in CONFIGURATIONS {
        let text = cluster.kubectl(["get", configuration, RELEASE, "-o", "json"]).ok().await?;
        let object: Value = serde_json::from_str(&text)?;
        for webhook in object["webhooks"].as_array().context("it has entries")? {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            found.push((text(&webhook["name"]), text(&webhook["clientConfig"]["caBundle"])));
        }
    }
    ensure!(found.len() == 5, "{found:?}");
    Ok(found)
}

/// The CA that signs.
pub async fn authority(cluster: &Cluster) -> Result<Vec<u8>> {
    data(cluster, "ca.crt").await
}

pub async fn data(cluster: &Cluster, key: &str) -> Result<Vec<u8>> {
    let text = cluster.kubectl(["get", "secret", SECRET, "-n", RELEASE, "-o", "json"]).ok().await?;
    let secret: Value = serde_json::from_str(&text)?;
    let data =
        secret["data"][key].as_str().with_context(|| format!("it has no {key}: {}", json!(secret["metadata"])))?;
    Ok(base64::engine::general_purpose::STANDARD.decode(data)?)
}
