//! The client in `tests/e2e/client`, run beside the cluster: it calls the webhook as an API server does.

use std::{collections::BTreeMap, fmt, fs, path::Path, process::Stdio, time::Duration};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use test_cluster::Cluster;
use tokio::{
    io::AsyncReadExt,
    process::{Child, Command},
};

use crate::settings::cache;

/// A client at work; killed when dropped.
pub struct Load(Child);

/// What is called.
pub struct Target {
    /// The Service.
    pub service: String,
    /// Its namespace.
    pub namespace: String,
    /// The CAs to trust, as PEM text.
    pub authorities: String,
}

/// What the client has counted.
#[derive(Debug, Deserialize)]
pub struct Report {
    /// Requests that have been answered or have failed.
    pub sent: u64,
    /// Requests without a right answer.
    pub failed: u64,
    /// How often each error came.
    pub errors: BTreeMap<String, u64>,
    /// Requests that were the first on their connection.
    pub connections: u64,
    /// Requests on a connection that had been idle for a quarter of the idle time or longer.
    pub rested: u64,
    /// Answers that closed their connection.
    pub closing: u64,
    /// How often each TLS version was agreed on, by its name.
    pub handshakes: BTreeMap<String, u64>,
    /// Whether the client's TLS was in FIPS mode.
    pub fips: bool,
}

/// Which TLS the client speaks; by default all that Go does.
#[derive(Debug, Clone, Copy, Default)]
pub struct Speaks {
    /// Nothing newer than 1.2.
    pub tls12: bool,
    /// Nothing but what Go allows in FIPS mode.
    pub fips: bool,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Builds the client where that has not been done, and says where it is.
async fn program() -> Result<String> {
    let mut build = Command::new("sh");
    build.arg(root().join("tests/e2e/client/build.sh")).arg(cache::folder());
    let built = build.stdin(Stdio::null()).output().await?;
    ensure!(built.status.success(), "the client cannot be built: {}", String::from_utf8_lossy(&built.stderr));
    Ok(String::from_utf8(built.stdout)?.trim_end().to_owned())
}

/// Makes a pair with an RSA key for this name, which stsguard itself never does, with its CA, in a folder.
pub async fn rsa_pair(folder: &Path, name: &str) -> Result<()> {
    let mut make = Command::new(program().await?);
    let made = make.arg("-pair").arg(folder).args(["-name", name]).stdin(Stdio::null()).output().await?;
    ensure!(made.status.success(), "no pair can be made: {}", String::from_utf8_lossy(&made.stderr));
    Ok(())
}

impl Load {
    /// Starts the client, which keeps idle connections for `idle`.
    pub async fn start(cluster: &Cluster, target: &Target, idle: Duration) -> Result<Self> {
        Self::speaking(Speaks::default(), cluster, target, idle).await
    }

    /// The same, with a client that speaks just this TLS.
    pub async fn speaking(speaks: Speaks, cluster: &Cluster, target: &Target, idle: Duration) -> Result<Self> {
        let Target { service, namespace, authorities } = target;
        let words = ["get", "service", service, "-n", namespace, "-o"];
        let words = words.into_iter().chain(["jsonpath={.spec.clusterIP}:{.spec.ports[0].port}"]);
        let address = cluster.kubectl(words).ok().await?;
        let file = cluster.scratch().join(format!("{service}-ca.crt"));
        fs::write(&file, authorities)?;
        let child = Command::new(program().await?)
            .args(["-tls", if speaks.tls12 { "1.2" } else { "1.3" }])
            .env("GODEBUG", if speaks.fips { "fips140=on" } else { "fips140=off" })
            .args(["-address", &address, "-name", &format!("{service}.{namespace}.svc")])
            .arg("-ca")
            .arg(file)
            .arg("-reviews")
            .arg(root().join("benches/reviews"))
            .args(["-servers", "3", "-rate", "15", "-idle", &format!("{}ms", idle.as_millis())])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .context("starting the client")?;
        Ok(Self(child))
    }

    /// Ends the client and returns what it has counted.
    pub async fn end(self) -> Result<Report> {
        let Self(mut child) = self;
        drop(child.stdin.take());
        let mut line = String::new();
        child.stdout.take().context("the client has no output")?.read_to_string(&mut line).await?;
        ensure!(child.wait().await?.success(), "the client has failed");
        serde_json::from_str(&line).with_context(|| format!("reading {line:?}"))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sent, failed, connections, rested, closing, errors, .. } = self;
        write!(f, "{sent} requests, {failed} failed, {connections} connections, {rested} requests on rested ones")?;
        write!(f, ", {closing} answers that closed theirs")?;
        errors.iter().try_for_each(|(error, times)| write!(f, "\n  {times} × {error}"))
    }
}
