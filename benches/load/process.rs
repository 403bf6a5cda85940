//! The servers as processes: started, looked at in /proc, and ended by pid whatever happens.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::api::ApiServer;
use super::floor;

/// How long a server may take to come up.
const PATIENCE: Duration = Duration::from_secs(20);
/// Linux counts a process's time in hundredths of a second.
const TICK: Duration = Duration::from_millis(10);

/// A running process.
pub struct Process(Child);

impl Process {
    /// Processor time used so far.
    pub fn cpu(&self) -> Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0.id()))?;
        // The second field is the name, in parentheses, and may hold anything.
        let (_, fields) = stat.rsplit_once(") ").context("no name in the process's stat")?;
        let mut fields = fields.split(' ').skip(11);
        let mut ticks = || {
            fields.next().context("too few fields in the process's stat")?.parse::<u32>().map_err(anyhow::Error::from)
        };
        Ok(TICK * (ticks()? + ticks()?))
    }

    /// Resident memory in KiB.
    pub fn resident(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The floor server, and where it listens.
pub fn start_floor(folder: &Path) -> Result<(Process, SocketAddr)> {
    let mut child =
        Command::new(std::env::current_exe()?).arg(floor::ROLE).arg(folder).stdout(Stdio::piped()).spawn()?;
    let output = child.stdout.take().context("its output is a pipe")?;
    let process = Process(child);
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line)?;
    Ok((process, SocketAddr::from((Ipv4Addr::LOCALHOST, line.trim().parse()?))))
}

/// A server that is ready.
pub struct Started {
    pub process: Process,
    /// Where it takes reviews.
    pub reviews: SocketAddr,
    /// From exec until it listened.
    pub listening: Duration,
    /// From the last list answered until it was ready.
    pub ready: Duration,
}

/// `stsguard serve`, the built binary, watching `api`.
pub async fn start_server(api: &ApiServer, scratch: &Path, folder: &Path) -> Result<Started> {
    let (reviews, admin) = (free()?, free()?);
    let kubeconfig = scratch.join("kubeconfig");
    fs::write(&kubeconfig, api.kubeconfig())?;
    let log = scratch.join("server.log");
    let begun = Instant::now();
    let child = Command::new(env!("CARGO_BIN_EXE_stsguard"))
        .args(["serve", "--listen", &reviews.to_string(), "--admin-listen", &admin.to_string(), "--certificates"])
        .arg(folder)
        .env_clear()
        .env("KUBECONFIG", &kubeconfig)
        .stderr(File::create(&log)?)
        .spawn()?;
    let process = Process(child);
    let up = async {
        while TcpStream::connect(reviews).await.is_err() {
            sleep(Duration::from_millis(1)).await;
        }
        let listening = begun.elapsed();
        while !is_ready(admin).await {
            sleep(Duration::from_millis(1)).await;
        }
        (listening, Instant::now())
    };
    let (listening, ready) = tokio::time::timeout(PATIENCE, up)
        .await
        .with_context(|| format!("the server is not ready: {}", fs::read_to_string(&log).unwrap_or_default()))?;
    let listed = api.last_list();
    ensure!(listed >= begun, "ready before it was given the lists");
    Ok(Started { process, reviews, listening, ready: ready.saturating_duration_since(listed) })
}

/// A port that is free now.
fn free() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

async fn is_ready(admin: SocketAddr) -> bool {
    let asked = async {
        let mut stream = TcpStream::connect(admin).await?;
        stream.write_all(b"GET /ready HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    asked.await.is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}
