//! The API servers: one, and for as long as a test wants it a second one on the same etcd.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::{Context, Result, bail};
use kube::Client;
use tokio::{
    net::TcpListener,
    task::JoinHandle,
    time::{Instant, sleep},
};

use super::{
    process::Process,
    wire::{Latency, forward_along},
};

/// Where etcd is reached.
pub const ETCD: &str = "127.0.0.1:2379";
/// Where the second API server reaches it.
const DISTANT_ETCD: &str = "127.0.0.1:2389";

/// One of the API servers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Server {
    /// The one that is always there.
    #[default]
    First,
    /// The one that [`crate::Cluster::start_second_api_server`] starts.
    Second,
}

impl Server {
    /// Both.
    pub const ALL: [Self; 2] = [Self::First, Self::Second];

    /// Where it is reached, by pods too.
    pub fn address(self) -> &'static str {
        match self {
            Self::First => "10.244.255.1",
            Self::Second => "10.244.255.2",
        }
    }

    /// Its number, from 1.
    pub fn number(self) -> u8 {
        match self {
            Self::First => 1,
            Self::Second => 2,
        }
    }

    fn etcd(self) -> &'static str {
        match self {
            Self::First => ETCD,
            Self::Second => DISTANT_ETCD,
        }
    }
}

/// The program, running or not.
pub struct ApiServer {
    server: Server,
    program: PathBuf,
    arguments: Vec<String>,
    log: PathBuf,
    client: Client,
    process: Option<Process>,
}

impl ApiServer {
    /// One that does not run yet; `arguments` are those that all API servers have.
    pub fn new(server: Server, program: PathBuf, arguments: &[String], log: PathBuf, client: Client) -> Self {
        let address = server.address();
        let own = [
            format!("--etcd-servers=http://{}", server.etcd()),
            format!("--advertise-address={address}"),
            format!("--bind-address={address}"),
            "--secure-port=6443".into(),
        ];
        let arguments = own.into_iter().chain(arguments.iter().cloned()).collect();
        Self { server, program, arguments, log, client, process: None }
    }

    /// Starts it, with these arguments besides, and waits until it is ready.
    ///
    /// # Errors
    /// When it runs already, or it or etcd ends early, or it does not get ready.
    pub async fn start(&mut self, more: &[String], etcd: &mut Process) -> Result<()> {
        if self.process.is_some() {
            bail!("API server {} runs already", self.server.number());
        }
        let arguments = [&self.arguments, more].concat();
        let process = self.process.insert(Process::start(&self.program, &arguments, &self.log)?);
        let begun = Instant::now();
        loop {
            process.check()?;
            etcd.check()?;
            let request = http::Request::get("/readyz").body(Vec::new())?;
            match self.client.request_text(request).await {
                Ok(_) => return Ok(()),
                Err(error) if begun.elapsed() > Duration::from_mins(2) => {
                    return Err(error).context("the API server does not get ready");
                }
                Err(_) => sleep(Duration::from_millis(100)).await,
            }
        }
    }

    /// Ends it; clients find nobody there.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn stop(&mut self, patience: Duration) -> Result<()> {
        let Some(mut process) = self.process.take() else {
            bail!("API server {} does not run", self.server.number());
        };
        process.stop(patience).await
    }

    /// Whether it has been started.
    pub fn runs(&self) -> bool {
        self.process.is_some()
    }
}

/// The way from the second API server to etcd: whatever it hears comes later.
pub struct DistantEtcd(JoinHandle<()>);

impl DistantEtcd {
    /// Opens the way.
    ///
    /// # Errors
    /// When the address is taken.
    pub async fn open(latency: Latency) -> Result<Self> {
        let etcd: SocketAddr = ETCD.parse()?;
        let listener = TcpListener::bind(DISTANT_ETCD).await?;
        Ok(Self(tokio::spawn(async move {
            loop {
                let Ok((server, _)) = listener.accept().await else { continue };
                let latency = latency.clone();
                tokio::spawn(async move { forward_along(server, etcd, || latency.get()).await });
            }
        })))
    }
}

impl Drop for DistantEtcd {
    fn drop(&mut self) {
        self.0.abort(); // connections end with the API server
    }
}
