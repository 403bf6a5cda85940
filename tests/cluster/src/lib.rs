#![doc = include_str!("../README.md")]
//!
//! # The code, in reading order
//! - [`isolation`]: the namespaces that everything runs in.
//! - [`control_plane`]: etcd, kube-apiserver and kube-controller-manager, the real ones; [`api_server`] and
//!   [`credentials`] for them; [`contents`] is what the cluster comes with.
//! - [`node`]: takes the pods; [`pod`], [`container`], [`probe`], [`volumes`], [`environment`], [`status`] are its
//!   parts, [`sandbox`] is what a container's process sees, [`network`] joins them.
//! - [`proxy`] makes Services work, on a [`wire`] as long as wanted.
//! - [`call`], [`controls`], [`shell`], [`wait`]: what tests and people use.

#![allow(rustdoc::private_intra_doc_links, reason = "the map names all parts, and `make docs` documents them all")]

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result};
use kube::{Client, Config, config::KubeConfigOptions};
use tokio::{sync::Mutex, task::JoinHandle};

use self::{
    api_server::Server,
    call::Call,
    control_plane::ControlPlane,
    credentials::{Credentials, User},
    isolation::Place,
    node::Node,
    proxy::Proxy,
};

pub use self::options::{Options, Script};

pub mod api_server;
pub mod call;
mod container;
mod contents;
mod control_plane;
mod controls;
pub mod credentials;
mod environment;
pub mod isolation;
mod network;
mod node;
mod options;
mod pod;
mod probe;
mod process;
mod proxy;
pub mod sandbox;
mod shell;
mod status;
mod tls;
mod volumes;
pub mod wait;
mod wire;

/// A running cluster.
pub struct Cluster {
    binaries: PathBuf,
    state: PathBuf,
    logs: PathBuf,
    credentials: Credentials,
    control_plane: Mutex<ControlPlane>,
    clients: [Client; 2],
    node: Arc<Node>,
    proxy: Arc<Proxy>,
    tasks: Vec<JoinHandle<()>>,
}

impl Cluster {
    /// Starts a cluster and waits until it takes pods: a few seconds.
    ///
    /// # Errors
    /// When a part does not come up; its log is among [`Place::logs`].
    pub async fn start(place: &Place, options: Options) -> Result<Self> {
        let Place { state, logs, binaries, can_switch_user, .. } = place;
        log_to(&logs.join("node.log"))?;
        network::prepare().await?;
        let credentials = Credentials::create(state.join("credentials"))?;
        let clients = [
            client_of(&credentials, User::Admin, Server::First).await?,
            client_of(&credentials, User::Admin, Server::Second).await?,
        ];
        let control_plane =
            ControlPlane::start(binaries, state, logs, &credentials, &options.api_server_arguments, &clients).await?;

        let for_node = client_of(&credentials, User::Node, Server::First).await?;
        let proxy = Arc::new(Proxy::default());
        proxy.set_lag(options.proxy_lag);
        let node = Arc::new(Node::new(for_node.clone(), options, state.clone(), logs.clone(), *can_switch_user));
        let tasks = vec![
            tokio::spawn({
                let node = node.clone();
                async move {
                    if let Err(error) = node.run().await {
                        tracing::error!("the node cannot start: {error:#}");
                    }
                }
            }),
            tokio::spawn(proxy.clone().run(for_node)),
        ];
        let cluster = Self {
            binaries: binaries.clone(),
            state: state.clone(),
            logs: logs.clone(),
            credentials,
            control_plane: Mutex::new(control_plane),
            clients,
            node,
            proxy,
            tasks,
        };
        cluster.furnish().await?;
        Ok(cluster)
    }

    /// Ends all processes.
    ///
    /// # Errors
    /// When one can be neither signalled nor waited for; the end of the program ends it anyway.
    pub async fn stop(self) -> Result<()> {
        for task in &self.tasks {
            task.abort();
        }
        self.node.kill_all().await?;
        self.control_plane.into_inner().stop().await
    }

    /// A client that may do everything.
    pub fn client(&self) -> Client {
        self.client_of(Server::First)
    }

    /// The same of one of the API servers.
    pub fn client_of(&self, server: Server) -> Client {
        let [first, second] = &self.clients;
        match server {
            Server::First => first.clone(),
            Server::Second => second.clone(),
        }
    }

    /// kubectl with these arguments, by default as the administrator.
    pub fn kubectl(&self, arguments: impl IntoIterator<Item = impl Into<String>>) -> Call {
        Call::new(self, "kubectl", arguments)
    }

    /// helm with these arguments, by default as the administrator.
    pub fn helm(&self, arguments: impl IntoIterator<Item = impl Into<String>>) -> Call {
        Call::new(self, "helm", arguments)
    }

    /// Another program with these arguments, set up as helm is; a path, or a name among the control plane's.
    pub fn program(&self, program: &str, arguments: impl IntoIterator<Item = impl Into<String>>) -> Call {
        Call::new(self, program, arguments)
    }

    /// The folder of the programs: kubectl and helm among them.
    pub fn programs(&self) -> &Path {
        &self.binaries
    }

    /// The CA of the API server and of the certificate that it presents to webhooks.
    pub fn authority(&self) -> PathBuf {
        self.credentials.authority()
    }

    /// Variables that keep clients from reading or leaving anything in the user's home.
    fn client_environment(&self) -> Vec<(&'static str, PathBuf)> {
        let home = self.state.join("home");
        vec![
            ("HOME", home.clone()),
            ("KUBECACHEDIR", home.join("kube")),
            ("KUBERC", "off".into()),
            ("HELM_CACHE_HOME", home.join("helm/cache")),
            ("HELM_CONFIG_HOME", home.join("helm/config")),
            ("HELM_DATA_HOME", home.join("helm/data")),
        ]
    }
}

async fn client_of(credentials: &Credentials, user: User, server: Server) -> Result<Client> {
    let kubeconfig = credentials.kubeconfig_of(user, server)?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    Client::try_from(config).context("making a client")
}

/// The node, the proxy and what they are made of tell what they do in this file.
fn log_to(path: &Path) -> Result<()> {
    let file = process::open_log(path)?;
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new("info,kube_client=off,kube_runtime=off"))
        .with_ansi(false)
        .with_target(false)
        .with_writer(std::sync::Mutex::new(file))
        .try_init()
        .map_err(|error| anyhow::anyhow!("two clusters in one program: {error}"))
}
