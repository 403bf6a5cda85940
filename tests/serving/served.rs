//! A server under test, with its folder of certificates and its API server.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::{Deref, DerefMut};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use stsguard::certificates::local::{self, Made};
use stsguard::serve::{Drain, Server, Settings};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::api::Api;
use super::patience::patiently;
use super::target::Target;

/// A server that runs; it ends with the test's runtime.
pub struct Served {
    target: Target,
    pub api: Api,
    pub folder: TempDir,
    pub shutdown: CancellationToken,
    pub run: JoinHandle<()>,
}

impl Deref for Served {
    type Target = Target;

    fn deref(&self) -> &Target {
        &self.target
    }
}

impl DerefMut for Served {
    fn deref_mut(&mut self) -> &mut Target {
        &mut self.target
    }
}

/// A pair for localhost with its CA.
pub fn pair() -> Made {
    local::make(&["localhost".to_owned()]).expect("a pair can be made")
}

/// Puts a pair into a folder in one step, as the kubelet does.
pub fn publish(folder: &Path, version: &str, certificate: &str, key: &str) {
    let target = folder.join(version);
    fs::create_dir(&target).expect("a folder can be made");
    fs::write(target.join("tls.crt"), certificate).expect("a file can be written");
    fs::write(target.join("tls.key"), key).expect("a file can be written");
    symlink(version, folder.join("..next")).expect("a link can be made");
    fs::rename(folder.join("..next"), folder.join("..data")).expect("a link can be replaced");
}

impl Served {
    /// A server with everything it needs, ready.
    pub async fn ready() -> Self {
        Self::ready_with(Api::default(), |_| {}).await
    }

    /// The same with other settings and an API server.
    pub async fn ready_with(api: Api, change: impl FnOnce(&mut Settings)) -> Self {
        let served = Self::start(api, change).await;
        served.becomes_ready().await;
        served
    }

    /// A server with a pair that may not be ready yet.
    pub async fn start(api: Api, change: impl FnOnce(&mut Settings)) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let made = pair();
        publish(folder.path(), "..first", &made.certificate, &made.key);
        Self::start_in(folder, made.ca, api, change).await
    }

    /// A server with this folder of certificates.
    pub async fn start_in(folder: TempDir, cas: String, api: Api, change: impl FnOnce(&mut Settings)) -> Self {
        let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let drain = Drain { propagation: Duration::ZERO, quiet: Duration::ZERO, ..Drain::default() };
        let mut settings = Settings {
            listen: free,
            admin_listen: free,
            certificates: folder.path().to_owned(),
            certificate_poll: Duration::from_millis(20),
            drain,
            ..Settings::default()
        };
        change(&mut settings);
        let server = Server::bind(settings).await.expect("free ports can be bound");
        let (reviews, admin) = server.addresses().expect("the system says");
        let shutdown = CancellationToken::new();
        let (client, told) = (api.client(), shutdown.clone());
        let run = tokio::spawn(async move { server.run(client, told).await.expect("the settings fit together") });
        Self { target: Target { reviews, admin, cas }, api, folder, shutdown, run }
    }

    /// Waits until the server has ended by itself.
    pub async fn ended(self) {
        patiently("the end", self.run).await.expect("the server does not panic");
    }
}
