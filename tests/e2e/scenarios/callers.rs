//! Only the API server is let in: it presents a client certificate, and nobody else has one.

use anyhow::{Context, Result, ensure};
use kube::{Client, Config};
use tokio::time::Duration;

use super::certificates::data;
use super::installation::{NAME, RELEASE, pods};
use super::resilience::guards;
use super::restarts::upgrade;
use super::shop::{Shop, cluster_ip_service, good_set};
use super::{Scenario, alone};
use crate::cluster::{Cluster, credentials::WEBHOOK_CALLER, wait::eventually};

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[alone!(with_a_certificate_are_let_in_and_nobody_else)];

const CONFIG_MAP: &str = "api-server-ca";
const PATIENCE: Duration = Duration::from_mins(1);

async fn with_a_certificate_are_let_in_and_nobody_else(cluster: &Cluster) -> Result<()> {
    let authority = format!("--from-file=ca.crt={}", cluster.authority().display());
    cluster.kubectl(["create", "configmap", CONFIG_MAP, "-n", RELEASE, &authority]).ok().await?;
    let config_map = format!("callers.clientCAConfigMap={CONFIG_MAP}");
    // With Fail, an API server that is not let in would show at once.
    let names = format!("callers.names={{{WEBHOOK_CALLER}}},webhook.failurePolicy=Fail");
    upgrade(cluster, &["--set", &config_map, "--set", &names]).await?;
    guards(cluster).await?;
    let (refused, text) = stranger(cluster).await?;
    ensure!(refused, "a client without a certificate is answered: {text}");

    upgrade(cluster, &["--set", "callers.names={somebody-else},webhook.failurePolicy=Ignore"]).await?;
    let shop = Shop::open(cluster).await?;
    shop.apply(&cluster_ip_service()).await?.ok()?;
    eventually("a caller of no allowed name is not answered", PATIENCE, async || {
        let output = shop.kubectl_with("create --dry-run=server -f -", Some(&good_set())).await?;
        let mut logs = String::new();
        for pod in pods(cluster).await? {
            logs += &cluster.pod_logs(RELEASE, &pod)?;
        }
        let said = logs.contains(&format!("\"carries\":\"{WEBHOOK_CALLER}\""));
        Ok((output.status.success() && said).then_some(()))
    })
    .await?;

    upgrade(cluster, &["--set", "callers.clientCAConfigMap=,callers.names=null"]).await?;
    guards(cluster).await
}

/// Asks without a certificate; whether that ended in the handshake, and what was said.
async fn stranger(cluster: &Cluster) -> Result<(bool, String)> {
    let line = ["get", "service", RELEASE, "-n", RELEASE, "-o", "jsonpath={.spec.clusterIP}"];
    let address = cluster.kubectl(line).ok().await?;
    let mut config = Config::new(format!("https://{address}/").parse()?);
    config.root_cert = Some(vec![pem(&data(cluster, "ca.crt").await?)?]);
    config.tls_server_name = Some(NAME.to_owned());
    let request = http::Request::post("/validate").header("content-type", "application/json").body(b"{}".to_vec())?;
    Ok(match Client::try_from(config)?.request_text(request).await {
        Err(kube::Error::Api(status)) => (false, format!("{status:?}")),
        Err(error) => {
            let text = format!("{:#}", anyhow::Error::from(error));
            (text.contains("certificate") || text.contains("CertificateRequired"), text)
        }
        Ok(text) => (false, text),
    })
}

fn pem(text: &[u8]) -> Result<Vec<u8>> {
    use rustls_pki_types::{CertificateDer, pem::PemObject as _};
    Ok(CertificateDer::from_pem_slice(text).context("the CA is PEM text")?.to_vec())
}
