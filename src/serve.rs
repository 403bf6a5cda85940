//! The webhook server: build all that can fail, then run until the signal.

mod admin;
mod caller;
mod connection;
mod handshake;
mod limits;
mod listener;
mod metrics;
mod policy;
mod polled;
mod review;
mod router;
mod shutdown;
mod tally;
mod weight;

pub use limits::{Drain, Limits};
pub use metrics::Metrics;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use kube::Client;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::certificates::{Folder, FolderError, Look, Serving};
use crate::cluster::{Live, SILENCE, Stores};
use crate::policy::Policy;
use caller::Callers;
use listener::Listener;
use review::Reviewer;
pub use shutdown::Shutdown;

/// What a server is built from.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where reviews are served.
    pub listen: SocketAddr,
    /// Where probes and metrics are served, without TLS.
    pub admin_listen: SocketAddr,
    /// The folder with `tls.crt` and `tls.key`.
    pub certificates: PathBuf,
    /// A name that the certificate must cover, `<service>.<namespace>.svc`; any certificate will do without it.
    pub certificate_name: Option<String>,
    /// How often the folder is looked into.
    pub certificate_poll: Duration,
    /// Whether TLS 1.2 is spoken beside 1.3.
    pub tls12: bool,
    /// The CA that signs the certificates of those who may call; anyone may without it.
    pub client_ca: Option<PathBuf>,
    /// Names of which a client certificate must carry one; without any, every certificate of the CA will do.
    pub client_names: Vec<String>,
    /// The policy; where there is a file, the one that it held at the start.
    pub policy: Policy,
    /// The policy file.
    pub policy_file: Option<PathBuf>,
    /// How often the policy file is looked at.
    pub policy_poll: Duration,
    /// How long the API server may say nothing about a kind before its watch is begun anew.
    pub silence: Duration,
    /// What one client may ask for at most.
    pub limits: Limits,
    /// How long each step of a shutdown takes.
    pub drain: Drain,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 10250),
            admin_listen: SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 8080),
            certificates: PathBuf::from("/etc/stsguard/certificates"),
            certificate_name: None,
            certificate_poll: Duration::from_secs(10),
            tls12: false,
            client_ca: None,
            client_names: Vec::new(),
            policy: Policy::default(),
            policy_file: None,
            policy_poll: Duration::from_secs(10),
            silence: SILENCE,
            limits: Limits::default(),
            drain: Drain::default(),
        }
    }
}

/// Why the server does not run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// An address is not free, or not ours.
    #[error("cannot listen on {address}: {fault}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        fault: io::Error,
    },
    /// There is no way to an API server.
    #[error("no cluster to serve: {0}; run inside a pod, or set KUBECONFIG")]
    Cluster(String),
    /// The TLS settings do not fit together.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// Signals cannot be received.
    #[error("signals cannot be received: {0}")]
    Signal(io::Error),
}

/// A server whose ports are bound.
pub struct Server {
    settings: Settings,
    listener: TcpListener,
    admin: TcpListener,
}

impl Server {
    /// Binds both ports: all that the outside needs to reach us.
    ///
    /// # Errors
    /// A port that cannot be bound.
    pub async fn bind(settings: Settings) -> Result<Self, ServeError> {
        let listener = bind(settings.listen).await?;
        let admin = bind(settings.admin_listen).await?;
        Ok(Self { settings, listener, admin })
    }

    /// The addresses of the reviews' and the admin port, which tells which ports were free when they were given as 0.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn addresses(&self) -> io::Result<(SocketAddr, SocketAddr)> {
        Ok((self.listener.local_addr()?, self.admin.local_addr()?))
    }

    /// Serves until `shutdown` says to stop, then drains.
    ///
    /// # Errors
    /// TLS settings that do not fit together.
    pub async fn run(self, client: Client, shutdown: Arc<Shutdown>) -> Result<(), ServeError> {
        let Self { settings, listener, admin } = self;
        let metrics = Arc::new(Metrics::new());
        let serving = Arc::new(Serving::default());
        let stores = Stores::new(settings.silence);
        let observe = {
            let metrics = Arc::clone(&metrics);
            move |resource, result| metrics.live_read(resource, result)
        };
        let reviewer = Arc::new(Reviewer {
            policy: ArcSwap::from_pointee(settings.policy),
            stores: Arc::clone(&stores),
            live: Live::new(client.clone(), observe),
            metrics: Arc::clone(&metrics),
        });
        let mut folder = Folder::new(settings.certificates, settings.certificate_name);
        let mut said = None;
        look(&mut folder, &serving, &metrics, &mut said);
        let callers = Callers::new(settings.client_ca.is_some(), settings.client_names, Arc::clone(&metrics));
        let callers = Arc::new(callers);
        let state = admin::State {
            stores: Arc::clone(&stores),
            serving: Arc::clone(&serving),
            metrics: Arc::clone(&metrics),
            callers: Arc::clone(&callers),
        };
        let policy = settings.policy_file.map(|path| policy::follow(path, settings.policy_poll, Arc::clone(&reviewer)));
        let mut tasks = Tasks(vec![
            tokio::spawn(admin::serve(admin, settings.limits.admin_connections, state)),
            tokio::spawn(Arc::clone(&stores).follow(client)),
            tokio::spawn(reload(folder, said, settings.certificate_poll, Arc::clone(&serving), Arc::clone(&metrics))),
            tokio::spawn(async move {
                stores.until_synced().await;
                tracing::info!("ready: all stores are synced");
            }),
        ]);
        tasks.0.extend(policy.map(tokio::spawn));
        let client_ca = settings.client_ca.map(|path| Arc::clone(&callers).follow(path, settings.certificate_poll));
        tasks.0.extend(client_ca.map(tokio::spawn));
        let listener = Listener::new(listener, serving, settings.tls12, settings.limits, reviewer, callers)?;
        listener.serve(&settings.drain, &shutdown).await;
        drop(tasks);
        Ok(())
    }
}

/// Runs a server until SIGTERM or SIGINT, then drains; a second signal ends at once.
///
/// # Errors
/// All that can fail before the first review is served.
pub async fn run(settings: Settings) -> Result<(), ServeError> {
    let server = Server::bind(settings).await?;
    let (listen, admin) =
        server.addresses().map_err(|fault| ServeError::Listen { address: server.settings.listen, fault })?;
    tracing::info!(%listen, %admin, "listening");
    let shutdown = Shutdown::on_signals().map_err(ServeError::Signal)?;
    let client = Client::try_default().await.map_err(|error| ServeError::Cluster(error.to_string()))?;
    server.run(client, shutdown).await
}

/// Tasks that end with their owner.
struct Tasks(Vec<JoinHandle<()>>);

impl Drop for Tasks {
    fn drop(&mut self) {
        for task in &self.0 {
            task.abort();
        }
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, ServeError> {
    match TcpListener::bind(address).await {
        // A kernel without IPv6: everywhere is 0.0.0.0 then.
        Err(error) if address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED) && error.kind() != io::ErrorKind::AddrInUse => {
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, address.port())).await
        }
        bound => bound,
    }
    .map_err(|fault| ServeError::Listen { address, fault })
}

async fn reload(
    mut folder: Folder,
    mut said: Option<FolderError>,
    poll: Duration,
    serving: Arc<Serving>,
    metrics: Arc<Metrics>,
) {
    let mut ticks = tokio::time::interval(poll);
    // The first look has been made.
    ticks.tick().await;
    loop {
        ticks.tick().await;
        look(&mut folder, &serving, &metrics, &mut said);
    }
}

/// Looks into the folder once; each distinct fault is logged once.
fn look(folder: &mut Folder, serving: &Serving, metrics: &Metrics, said: &mut Option<FolderError>) {
    match folder.look(serving) {
        Look::Unchanged => *said = None,
        Look::Replaced => {
            *said = None;
            if let Some(pair) = serving.pair() {
                metrics.certificate_not_after(pair.not_after);
                tracing::info!(not_after = pair.not_after, "a new certificate is served");
            }
        }
        Look::Kept(error) => {
            metrics.certificate_fault();
            if said.as_ref() != Some(&error) {
                let goes_on = serving.pair().is_some();
                tracing::error!(%error, last_pair_goes_on = goes_on, "the certificate cannot be used");
                *said = Some(error);
            }
        }
    }
}
