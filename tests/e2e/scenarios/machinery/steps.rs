//! Steps that the scenarios have in common.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use test_cluster::{Cluster, wait::eventually};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::PATIENCE;

/// Deploys the test server twice and returns the address of its Service, once that answers.
pub async fn deploy(cluster: &Cluster, namespace: &str) -> Result<String> {
    apply(cluster, namespace, include_str!("server.yaml")).await?;
    kubectl(cluster, namespace, "rollout status deployment/server --timeout=120s").await?;
    let address = kubectl(cluster, namespace, "get service/server -o jsonpath={.spec.clusterIP}:80").await?;
    eventually("the service answers", PATIENCE, async || get(&address, "/name").await.map(Some)).await?;
    Ok(address)
}

pub async fn restarted(cluster: &Cluster, namespace: &str, pod: &str, times: &str) -> Result<()> {
    let count = format!("--for=jsonpath={{.status.containerStatuses[0].restartCount}}={times}");
    kubectl(cluster, namespace, &format!("wait pod/{pod} {count} --timeout=120s")).await?;
    kubectl(cluster, namespace, &format!("wait pod/{pod} --for=condition=Ready --timeout=120s")).await?;
    Ok(())
}

pub async fn apply(cluster: &Cluster, namespace: &str, manifest: &str) -> Result<()> {
    cluster.kubectl(["apply", "--namespace", namespace, "-f", "-"]).stdin(manifest).ok().await?;
    Ok(())
}

/// kubectl with arguments that hold no blanks.
pub async fn kubectl(cluster: &Cluster, namespace: &str, arguments: &str) -> Result<String> {
    cluster.kubectl(arguments.split(' ').chain(["--namespace", namespace])).ok().await
}

pub async fn timed<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    timeout(PATIENCE, work).await.context("waited in vain")?
}

/// The body of a GET that is answered with 200.
pub async fn get(address: &str, path: &str) -> Result<String> {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await.context("connecting")?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: server\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.context("sending")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.context("receiving")?;
        let (head, body) = answer.split_once("\r\n\r\n").with_context(|| format!("no answer: {answer:?}"))?;
        ensure!(head.starts_with("HTTP/1.1 200"), "{head}: {body}");
        Ok(body.to_owned())
    };
    timeout(Duration::from_secs(10), exchange).await.with_context(|| format!("GET {path}: no answer in time"))?
}
