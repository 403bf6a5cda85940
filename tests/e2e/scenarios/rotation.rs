//! The pair in a Secret of the user's own is replaced under an API server's load, now and then by one that is no good.
//!
//! A server of its own, so that it does not matter where the installation has its certificate from.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use stsguard::certificates::local::{self, Made};
use test_cluster::{Cluster, wait::eventually};

use super::installation::RELEASE;
use super::restarts::{
    SCALED,
    load::{Load, Target},
};
use super::{Scenario, scenario};

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[scenario!(of_a_provided_pair_loses_no_request)];

/// The server's pod, Service and Secret.
const NAME: &str = "rotated";
const ROUNDS: usize = 5;
const PATIENCE: Duration = Duration::from_mins(1);

async fn of_a_provided_pair_loses_no_request(cluster: &Cluster) -> Result<()> {
    let made = || local::make(&[format!("{NAME}.{RELEASE}.svc")]);
    let pairs = [made()?, made()?];
    secret(cluster, NAME, &pairs[0].certificate, &pairs[0].key).await?;
    server(cluster, NAME, &["--certificate-poll=200ms"]).await?;
    said(cluster, "a new certificate is served", 1).await?;
    let authorities = pairs.each_ref().map(|pair| pair.ca.as_str()).concat();
    let target = Target { service: NAME.to_owned(), namespace: RELEASE.to_owned(), authorities };
    let load = Load::start(cluster, &target, SCALED.idle).await?;
    let rotated = rotate(cluster, &pairs).await;
    let load = load.end().await?;
    end(cluster, NAME).await?;
    rotated.with_context(|| cluster.pod_logs(RELEASE, NAME).unwrap_or_default())?;
    println!("{} rotations and {} bad pairs: {load}", ROUNDS * 2, ROUNDS * 4);
    ensure!(load.failed == 0, "requests were lost: {load}");
    ensure!(load.connections > 20, "hardly anybody has seen a certificate: {load}");
    Ok(())
}

/// Each good pair is followed by two bad ones, and each is noticed before the next comes.
async fn rotate(cluster: &Cluster, pairs: &[Made; 2]) -> Result<()> {
    for round in 0..ROUNDS {
        for (turn, (one, other)) in [(&pairs[1], &pairs[0]), (&pairs[0], &pairs[1])].into_iter().enumerate() {
            let half = &other.certificate[..other.certificate.len() / 2];
            for (number, (certificate, key)) in
                [(half, &other.key), (&other.certificate, &one.key)].into_iter().enumerate()
            {
                secret(cluster, NAME, certificate, key).await?;
                said(cluster, "the certificate cannot be used", (round * 2 + turn) * 2 + number + 1).await?;
            }
            secret(cluster, NAME, &one.certificate, &one.key).await?;
            said(cluster, "a new certificate is served", round * 2 + turn + 2).await?;
        }
    }
    Ok(())
}

/// Waits until the server has said this so often.
async fn said(cluster: &Cluster, what: &str, times: usize) -> Result<()> {
    eventually(&format!("{times} × {what:?}"), PATIENCE, async || {
        Ok((cluster.pod_logs(RELEASE, NAME)?.matches(what).count() >= times).then_some(()))
    })
    .await
}

/// Puts a pair into the Secret of a server of this name.
pub async fn secret(cluster: &Cluster, name: &str, certificate: &str, key: &str) -> Result<()> {
    let metadata = json!({"name": name, "namespace": RELEASE});
    let data = json!({"tls.crt": certificate, "tls.key": key});
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data});
    cluster.kubectl(["apply", "-f", "-"]).stdin(secret.to_string()).ok().await?;
    Ok(())
}

/// A pod of the product's image under its account, behind a Service of its name, with the pair in the Secret of its name.
pub async fn server(cluster: &Cluster, name: &str, flags: &[&str]) -> Result<()> {
    let metadata = json!({"name": name, "namespace": RELEASE, "labels": {"app": name}});
    let arguments = [&["serve", "--certificates=/pair"], flags].concat();
    let container = json!({
        "name": "stsguard", "image": "stsguard:rotated",
        "args": arguments,
        "ports": [{"name": "webhook", "containerPort": 10250}],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}, "periodSeconds": 1},
        "volumeMounts": [{"name": "pair", "mountPath": "/pair", "readOnly": true}],
    });
    let spec = json!({
        "serviceAccountName": RELEASE, "securityContext": {"runAsNonRoot": true}, "containers": [container],
        "volumes": [{"name": "pair", "secret": {"secretName": name}}],
    });
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec});
    let ports = json!([{"port": 443, "targetPort": "webhook"}]);
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": metadata,
        "spec": {"selector": {"app": name}, "ports": ports},
    });
    for object in [pod, service] {
        cluster.kubectl(["apply", "-f", "-"]).stdin(object.to_string()).ok().await?;
    }
    let wait = ["wait", "pod", name, "-n", RELEASE, "--for=condition=Ready", "--timeout=60s"];
    cluster.kubectl(wait).ok().await?;
    Ok(())
}

/// Ends such a server.
pub async fn end(cluster: &Cluster, name: &str) -> Result<()> {
    cluster.kubectl(["delete", "pod", name, "-n", RELEASE, "--grace-period=0", "--force"]).ok().await?;
    Ok(())
}
