//! Only the API server is let in: it presents a client certificate, and nobody else has one.

use anyhow::{Context, Result, ensure};
use kube::{Client, Config};
use test_cluster::{Cluster, credentials::WEBHOOK_CALLER, wait::eventually};
use tokio::time::Duration;

use super::certificates::data;
use super::installation::{NAME, RELEASE, pods};
use super::resilience::guards;
use super::restarts::upgrade;
use super::shop::{Shop, cluster_ip_service, good_set};
use super::{Scenario, alone};

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[alone!(with_a_certificate_are_let_in_and_nobody_else)];

const COUNTED: &str = "stsguard_callers_refused_total{reason=\"absent\"} ";
const CONFIG_MAP: &str = "api-server-ca";
const PATIENCE: Duration = Duration::from_mins(1);

async fn with_a_certificate_are_let_in_and_nobody_else(cluster: &Cluster) -> Result<()> {
    let outcome = only_the_api_server_is_let_in(cluster).await;
    // Whatever came of it: the scenarios after this one have no certificate.
    upgrade(cluster, &["--set", "callers.clientCAConfigMap=,callers.names=null,webhook.failurePolicy=Ignore"]).await?;
    guards(cluster).await?;
    outcome
}

async fn only_the_api_server_is_let_in(cluster: &Cluster) -> Result<()> {
    let authority = format!("--from-file=ca.crt={}", cluster.authority().display());
    cluster.kubectl(["create", "configmap", CONFIG_MAP, "-n", RELEASE, &authority]).ok().await?;
    let config_map = format!("callers.clientCAConfigMap={CONFIG_MAP}");
    // With Fail, an API server that is not let in would show at once.
    let names = format!("callers.names={{{WEBHOOK_CALLER}}},webhook.failurePolicy=Fail");
    upgrade(cluster, &["--set", &config_map, "--set", &names]).await?;
    guards(cluster).await?;
    // Clients seldom tell why a handshake failed; the server counts it.
    let answered = eventually("a client without a certificate is refused and counted", PATIENCE, async || {
        if let Ok(answer) = stranger(cluster).await? {
            return Ok(Some(Some(answer)));
        }
        let metrics = "/api/v1/namespaces/stsguard/services/stsguard-metrics:admin/proxy/metrics";
        let metrics = cluster.kubectl(["get", "--raw", metrics]).ok().await?;
        let count = |line: &str| line.strip_prefix(COUNTED).is_some_and(|count| count != "0");
        Ok(metrics.lines().any(count).then_some(None))
    })
    .await?;
    ensure!(answered.is_none(), "a client without a certificate is answered: {answered:?}");

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
    .await
}

/// Asks without a certificate: what was answered, or how it failed.
async fn stranger(cluster: &Cluster) -> Result<Result<String, String>> {
    let line = ["get", "service", RELEASE, "-n", RELEASE, "-o", "jsonpath={.spec.clusterIP}"];
    let address = cluster.kubectl(line).ok().await?;
    let mut config = Config::new(format!("https://{address}/").parse()?);
    config.root_cert = Some(vec![pem(&data(cluster, "ca.crt").await?)?]);
    config.tls_server_name = Some(NAME.to_owned());
    let request = http::Request::post("/validate").header("content-type", "application/json").body(b"{}".to_vec())?;
    Ok(match Client::try_from(config)?.request_text(request).await {
        Err(kube::Error::Api(status)) => Ok(format!("{status:?}")),
        Err(error) => Err(format!("{:#}", anyhow::Error::from(error))),
        Ok(text) => Ok(text),
    })
}

fn pem(text: &[u8]) -> Result<Vec<u8>> {
    use rustls_pki_types::{CertificateDer, pem::PemObject as _};
    Ok(CertificateDer::from_pem_slice(text).context("the CA is PEM text")?.to_vec())
}
