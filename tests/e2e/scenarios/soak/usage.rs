//! What a pod's process uses, and whether that grows.

use std::{fmt, fs, path::Path};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use test_cluster::Cluster;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// How much more the last third may use than the second one; the first is for warming up. Connections come and go, and
/// with them their file descriptors and tasks.
const MORE_MEMORY: f64 = 8.0;
const MORE_OF_OTHERS: f64 = 24.0;

/// What a process uses at one moment.
#[derive(Debug, Clone)]
pub struct Usage {
    /// Resident memory in MiB.
    memory: f64,
    /// Open file descriptors.
    files: f64,
    /// Threads of the system.
    threads: f64,
    /// Tasks of the runtime.
    tasks: f64,
}

impl Usage {
    /// What the process of this pod uses now.
    pub async fn of(cluster: &Cluster, namespace: &str, pod: &str) -> Result<Self> {
        let process = cluster.pod_processes(namespace, pod)?.pop().context("the pod has a process")?;
        let process = Path::new("/proc").join(process.to_string());
        let status = fs::read_to_string(process.join("status"))?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
        let resident: f64 = resident.trim().trim_end_matches(" kB").parse().context("VmRSS is a number")?;
        let entries =
            |folder| -> Result<f64> { Ok(f64::from(u32::try_from(fs::read_dir(process.join(folder))?.count())?)) };
        let text = cluster.kubectl(["get", "pod", pod, "-n", namespace, "-o", "json"]).ok().await?;
        let pod: Value = serde_json::from_str(&text)?;
        let address = pod["status"]["podIP"].as_str().context("a pod has an address")?;
        Ok(Self {
            memory: resident / 1024.0,
            files: entries("fd")?,
            threads: entries("task")?,
            tasks: metric(address, "stsguard_tasks").await?,
        })
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { memory, files, threads, tasks } = self;
        write!(f, "{memory:.1} MiB, {files} files, {threads} threads, {tasks} tasks")
    }
}

/// A sample of the pod's metrics.
async fn metric(address: &str, name: &str) -> Result<f64> {
    let mut stream = TcpStream::connect((address, 8080)).await?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: pod\r\nConnection: close\r\n\r\n").await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.with_context(|| format!("there is no {name}"))?.parse().context("a sample is a number")
}

/// Fails when the last third of the looks saw more than the second, in the middle of each; says what they saw.
pub fn grown(usages: &[Usage]) -> Result<String> {
    let third = usages.len() / 3;
    ensure!(third > 2, "too few looks");
    let mut said = Vec::new();
    for (what, of, more) in [
        ("MiB", (|usage| usage.memory) as fn(&Usage) -> f64, MORE_MEMORY),
        ("files", |usage| usage.files, MORE_OF_OTHERS),
        ("threads", |usage| usage.threads, 0.0),
        ("tasks", |usage| usage.tasks, MORE_OF_OTHERS),
    ] {
        let middle = |usages: &[Usage]| {
            let mut sorted: Vec<f64> = usages.iter().map(of).collect();
            sorted.sort_by(f64::total_cmp);
            sorted[sorted.len() / 2]
        };
        let (before, after) = (middle(&usages[third..2 * third]), middle(&usages[2 * third..]));
        ensure!(after <= before + more, "{what} grow: {before:.1}, then {after:.1} ({more:.0} more are allowed)");
        said.push(format!("{what} {before:.1} then {after:.1}"));
    }
    Ok(said.join(", "))
}
