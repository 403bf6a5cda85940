#![doc = include_str!("../README.md")]
//!
//! # The code, in reading order
//! - [`isolation`]: the namespaces that everything runs in.
//! - [`control_plane`]: etcd, kube-apiserver and kube-controller-manager, the real ones; [`credentials`] for them.
//! - [`node`]: takes the pods; [`pod`], [`container`], [`probe`], [`volumes`], [`environment`], [`status`] are its
//!   parts, [`sandbox`] is what a container's process sees, [`network`] joins them.
//! - [`proxy`] makes Services work.
//! - [`call`], [`controls`], [`shell`], [`wait`]: what tests and people use.

#![allow(rustdoc::private_intra_doc_links, reason = "the map names all parts, and `make docs` documents them all")]

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use kube::{Api, Client, Config, api::PostParams, config::KubeConfigOptions};
use serde_json::json;
use tokio::{sync::Mutex, task::JoinHandle};

use self::{
    call::Call,
    control_plane::ControlPlane,
    credentials::{Credentials, User},
    isolation::Place,
    node::Node,
    proxy::Proxy,
};

pub mod call;
mod container;
mod control_plane;
mod controls;
pub mod credentials;
mod environment;
pub mod isolation;
mod network;
mod node;
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

/// What can be chosen about a cluster.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Images that stand for an executable of this machine: part of the image's name, path.
    pub images: Vec<(String, PathBuf)>,
    /// Images (parts of their names, `*` for all others) whose containers are ready without a process.
    pub pretend_ready: Vec<String>,
    /// How long the service proxy takes to learn of a change.
    pub proxy_lag: Duration,
    /// Further arguments of kube-apiserver.
    pub api_server_arguments: Vec<String>,
}

/// A running cluster.
pub struct Cluster {
    binaries: PathBuf,
    state: PathBuf,
    logs: PathBuf,
    credentials: Credentials,
    control_plane: Mutex<ControlPlane>,
    client: Client,
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
        let client = client_of(&credentials, User::Admin).await?;
        let control_plane =
            ControlPlane::start(binaries, state, logs, &credentials, &options.api_server_arguments, client.clone())
                .await?;

        let for_node = client_of(&credentials, User::Node).await?;
        let node = Arc::new(Node::new(
            for_node.clone(),
            options.images,
            options.pretend_ready,
            state.clone(),
            logs.clone(),
            *can_switch_user,
        ));
        let proxy = Arc::new(Proxy::default());
        proxy.set_lag(options.proxy_lag);
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
            client,
            node,
            proxy,
            tasks,
        };
        cluster.await_account("default").await?;
        cluster.let_developers_edit().await?;
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
        self.client.clone()
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

    /// The kubeconfig file of a user.
    pub fn kubeconfig(&self, user: User) -> PathBuf {
        self.credentials.kubeconfig(user)
    }

    /// Makes a namespace that nobody has used before.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn namespace(&self) -> Result<String> {
        static COUNT: AtomicUsize = AtomicUsize::new(1);
        let name = format!("e2e-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let namespaces: Api<Namespace> = Api::all(self.client());
        let namespace: Namespace = serde_json::from_value(json!({ "metadata": { "name": name } }))?;
        namespaces.create(&PostParams::default(), &namespace).await?;
        self.await_account(&name).await?;
        Ok(name)
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

    /// Pods need it, and the controller manager makes it a moment after the namespace.
    async fn await_account(&self, namespace: &str) -> Result<()> {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client(), namespace);
        wait::eventually("the default service account is there", Duration::from_mins(1), async || {
            Ok(accounts.get_opt("default").await?)
        })
        .await?;
        Ok(())
    }

    async fn let_developers_edit(&self) -> Result<()> {
        self.kubectl(["create", "clusterrolebinding", "devs", "--clusterrole=edit", "--group=devs"]).ok().await?;
        Ok(())
    }
}

async fn client_of(credentials: &Credentials, user: User) -> Result<Client> {
    let kubeconfig = credentials.kubeconfig_of(user)?;
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
