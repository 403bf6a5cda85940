//! Installs the chart as a user would: `helm install --wait`.

use std::path::{Path, PathBuf};

use anyhow::Result;
use stsguard::certificates::local;
use test_cluster::{Cluster, Options};

/// The release and its namespace.
pub const RELEASE: &str = "stsguard";
/// The name that the API server calls it by.
pub const NAME: &str = "stsguard.stsguard.svc";

/// The chart in this repository.
pub fn chart() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/stsguard")
}

/// The image that stands for the binary, and images whose pods run nothing.
pub fn images(options: &mut Options, binary: PathBuf) {
    options.images.push((RELEASE.into(), binary));
    options.pretend_ready.extend(["postgres", "spilo", "supabase", "backup"].map(str::to_owned));
}

/// A pair for a name, written into a folder of its own.
pub fn certificate(cluster: &Cluster, folder: &str, name: &str) -> Result<PathBuf> {
    let folder = cluster.scratch().join(folder);
    local::write(&folder, &[name.to_owned()])?;
    Ok(folder)
}

/// `helm upgrade --install --wait` of the chart.
///
/// Times of the shutdown are a twentieth of the real ones; everything else is the chart's default.
pub async fn install(cluster: &Cluster, settings: &[&str]) -> Result<()> {
    let words = ["upgrade", "--install", RELEASE].map(str::to_owned).into_iter();
    let words = words.chain([chart().display().to_string()]);
    let fixed = [
        "-n",
        RELEASE,
        "--wait",
        "--timeout=90s",
        "--set-json",
        "shutdown={\"propagationSeconds\":0.5,\"idleSeconds\":5,\"terminationGracePeriodSeconds\":25}",
    ];
    let words = words.chain(fixed.map(str::to_owned));
    cluster.helm(words.chain(settings.iter().map(|word| (*word).to_owned()))).ok().await?;
    Ok(())
}

/// Installs the chart into a cluster that has nothing of it yet.
pub async fn install_afresh(cluster: &Cluster) -> Result<()> {
    let class = r#"{"apiVersion":"storage.k8s.io/v1","kind":"StorageClass","metadata":{"name":"standard"},"provisioner":"csi.example.com"}"#;
    cluster.kubectl(["apply", "-f", "-"]).stdin(class).ok().await?;
    cluster.kubectl(["create", "namespace", RELEASE]).ok().await?;
    let installed = install(cluster, &[]).await;
    if installed.is_err() {
        for pod in pods(cluster).await.unwrap_or_default() {
            println!("--- {pod}\n{}", cluster.pod_logs(RELEASE, &pod).unwrap_or_default());
        }
    }
    installed
}

/// Installs the chart into a cluster from which a scenario has taken it and its namespace.
pub async fn install_release_again(cluster: &Cluster) -> Result<()> {
    cluster.kubectl(["create", "namespace", RELEASE]).ok().await?;
    install(cluster, &["--set", "image.repository=stsguard"]).await
}

/// Puts a pair into the Secret that the chart mounts.
pub async fn secret(cluster: &Cluster, folder: &Path) -> Result<()> {
    let made = cluster
        .kubectl(
            ["create", "secret", "tls", "stsguard-certificate", "-n", RELEASE, "--dry-run=client", "-o", "json"]
                .map(str::to_owned)
                .into_iter()
                .chain([
                    format!("--cert={}", folder.join("tls.crt").display()),
                    format!("--key={}", folder.join("tls.key").display()),
                ]),
        )
        .ok()
        .await?;
    cluster.kubectl(["apply", "-f", "-"]).stdin(made).ok().await?;
    Ok(())
}

/// The names of our pods.
pub async fn pods(cluster: &Cluster) -> Result<Vec<String>> {
    let names =
        cluster.kubectl(["get", "pods", "-n", RELEASE, "-o", "jsonpath={.items[*].metadata.name}"]).ok().await?;
    Ok(names.split_whitespace().map(str::to_owned).collect())
}
