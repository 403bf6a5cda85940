//! Addresses, and the wires between pods.
//!
//! Every ClusterIP is a local address (the service proxy listens on them); pods hang on a bridge, each in a network
//! namespace of its own with one end of a veth pair. API servers have addresses that pods can reach too, for they are the
//! endpoints of the Service `kubernetes`.

use std::{
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::Stdio,
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::{Context, Result, ensure};
use tokio::{io::AsyncWriteExt, process::Command};

use super::{api_server::Server, process::run};

/// The addresses of Services.
pub const SERVICES: &str = "10.96.0.0/16";
/// The node's own address, and the pods' gateway.
pub const NODE: &str = "10.244.0.1";

/// The bridge's hardware address. Without one of its own it takes the lowest of its ports', and each pod that goes may
/// change it: the others then send to an address that is gone, for up to half a minute.
const BRIDGE: &str = "02:00:0a:f4:00:01";

/// Prepares the network namespace of the whole run.
///
/// # Errors
/// When `ip` fails.
pub async fn prepare() -> Result<()> {
    let [first, second] = Server::ALL.map(Server::address);
    let commands = format!(
        "link set lo up\n\
         addr add {first}/32 dev lo\n\
         addr add {second}/32 dev lo\n\
         route add local {SERVICES} dev lo\n\
         link add br0 address {BRIDGE} type bridge\n\
         addr add {NODE}/16 dev br0\n\
         link set br0 up\n"
    );
    batch("ip", &[], &commands).await
}

/// One pod's network namespace.
#[derive(Debug)]
pub struct PodNetwork {
    /// A file that the namespace is mounted on, as `nsenter --net=` takes it.
    pub namespace: PathBuf,
    link: String,
}

/// An address that no pod had before.
pub fn next_address() -> Ipv4Addr {
    static NEXT: AtomicU32 = AtomicU32::new(10);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    // 10.244.0.10 up to 10.244.254.255; a run does not live to see the end of it.
    Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 244, 0, 0)) + number)
}

impl PodNetwork {
    /// Makes a network namespace with an interface of this address.
    ///
    /// # Errors
    /// When `unshare` or `ip` fails.
    pub async fn create(folder: &Path, address: Ipv4Addr) -> Result<Self> {
        let namespace = folder.join("network");
        std::fs::write(&namespace, "")?;
        let file = namespace.to_string_lossy();
        run("unshare", &[&format!("--net={file}"), "true"]).await?;
        let [.., high, low] = address.octets();
        let link = format!("pod{high}-{low}");
        let outside = format!(
            "link add {link} type veth peer name eth0 netns {file}\n\
             link set {link} master br0 up\n"
        );
        batch("ip", &[], &outside).await?;
        let inside = format!(
            "link set lo up\n\
             addr add {address}/16 dev eth0\n\
             link set eth0 up\n\
             route add default via {NODE}\n"
        );
        batch("nsenter", &[&format!("--net={file}"), "ip"], &inside).await?;
        Ok(Self { namespace, link })
    }

    /// Takes the namespace away; its processes should have ended.
    ///
    /// # Errors
    /// When `ip` or `umount` fails.
    pub async fn remove(self) -> Result<()> {
        run("ip", &["link", "del", &self.link]).await?;
        run("umount", &[&self.namespace.to_string_lossy()]).await
    }
}

/// Runs several commands of `ip` in one process.
async fn batch(program: &str, arguments: &[&str], commands: &str) -> Result<()> {
    let mut child = Command::new(program)
        .args(arguments)
        .args(["-batch", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("starting {program}"))?;
    let mut input = child.stdin.take().context("ip has no input")?;
    input.write_all(commands.as_bytes()).await?;
    drop(input);
    let output = child.wait_with_output().await?;
    ensure!(output.status.success(), "ip: {}\n{commands}", String::from_utf8_lossy(&output.stderr).trim_end());
    Ok(())
}
