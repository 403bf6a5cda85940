//! The webhook server: build all that can fail, then run until the signal.

mod accept;
mod admin;
mod budget;
mod caller;
mod certificates;
mod connection;
mod first_byte;
mod gauge_guard;
mod handshake;
mod incompatible;
mod limits;
mod listener;
mod metrics;
mod policy;
mod polled;
mod review;
mod router;
mod settings;
mod shutdown;
mod weight;

pub use limits::{Drain, Limits};
pub use metrics::Metrics;
pub use settings::Settings;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use arc_swap::ArcSwap;
use kube::Client;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::certificates::{Folder, Serving};
use crate::cluster::{Live, Stores};
use caller::Callers;
use handshake::Tls;
use listener::Listener;
use review::Reviewer;

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
    /// A part of the server has ended; to go on without it would be worse than to begin again.
    #[error("a part of the server has ended in a panic, which is a fault in stsguard: please report the line above")]
    Panicked,
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

    /// Serves until `shutdown` is cancelled, then drains.
    ///
    /// # Errors
    /// TLS settings that do not fit together; a part that has panicked.
    pub async fn run(self, client: Client, shutdown: CancellationToken) -> Result<(), ServeError> {
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
            live: Live::new(client.clone(), Arc::clone(&stores), observe),
            metrics: Arc::clone(&metrics),
        });
        // A folder's pair is for others to publish.
        let guarded = Arc::new(AtomicBool::new(settings.self_managed.is_none()));
        let tls = Tls { tls12: settings.tls12, name: settings.certificate_name.clone() };
        let mut tasks = JoinSet::new();
        let (served, counted) = (Arc::clone(&serving), Arc::clone(&metrics));
        match settings.self_managed {
            Some(own) => {
                let watched = (client.clone(), settings.silence);
                tasks.spawn(certificates::keep(own, watched, served, Arc::clone(&guarded), counted));
            }
            None => {
                let folder = Folder::new(settings.certificates, settings.certificate_name);
                tasks.spawn(certificates::follow(folder, settings.certificate_poll, served, counted));
            }
        }
        let callers = Callers::new(settings.client_ca.is_some(), settings.client_names, Arc::clone(&metrics));
        let callers = Arc::new(callers);
        let state = admin::State {
            stores: Arc::clone(&stores),
            serving: Arc::clone(&serving),
            guarded,
            metrics: Arc::clone(&metrics),
            callers: Arc::clone(&callers),
        };
        tasks.spawn(admin::serve(admin, settings.limits.admin_connections, state));
        tasks.spawn(Arc::clone(&stores).follow(client));
        tasks.spawn(async move {
            stores.until_synced().await;
            tracing::info!("ready: all stores are synced");
        });
        if let Some(path) = settings.policy_file {
            tasks.spawn(policy::follow(path, settings.policy_poll, Arc::clone(&reviewer)));
        }
        if let Some(path) = settings.client_ca {
            tasks.spawn(Arc::clone(&callers).follow(path, settings.certificate_poll));
        }
        let listener = Listener::new(listener, serving, tls, settings.limits, reviewer, callers)?;
        tokio::select! {
            () = listener.serve(&settings.drain, &shutdown) => Ok(()),
            () = a_panic(&mut tasks) => Err(ServeError::Panicked),
        }
    }
}

/// Waits until a task ends in a panic.
async fn a_panic(tasks: &mut JoinSet<()>) {
    while let Some(ended) = tasks.join_next().await {
        if ended.is_err() {
            return;
        }
    }
    std::future::pending::<()>().await;
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
    let shutdown = shutdown::on_signals().map_err(ServeError::Signal)?;
    let client = Client::try_default().await.map_err(|error| ServeError::Cluster(error.to_string()))?;
    server.run(client, shutdown).await
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
