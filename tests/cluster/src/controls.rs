//! What a test can do to a running cluster, and learn of it.

use std::{path::Path, time::Duration};

use anyhow::{Context, Result};
use k8s_openapi::api::{core::v1::Pod, discovery::v1::EndpointSlice};
use kube::Api;

use super::{Cluster, api_server::Server, process, wait::eventually};

impl Cluster {
    /// Ends the API server and starts it again; returns when it is ready.
    ///
    /// # Errors
    /// When it does not come back.
    pub async fn restart_api_server(&self) -> Result<()> {
        let mut control_plane = self.control_plane.lock().await;
        control_plane.stop_api_server().await?;
        control_plane.start_api_server().await
    }

    /// Ends the API server until [`Self::start_api_server`].
    ///
    /// # Errors
    /// When it does not run.
    pub async fn stop_api_server(&self) -> Result<()> {
        self.control_plane.lock().await.stop_api_server().await
    }

    /// Starts the API server again; returns when it is ready.
    ///
    /// # Errors
    /// When it does not get ready.
    pub async fn start_api_server(&self) -> Result<()> {
        self.control_plane.lock().await.start_api_server().await
    }

    /// Starts a second API server on the same etcd, as clouds run several, with these arguments besides; returns when it is
    /// ready. [`Self::stop_second_api_server`] ends it.
    ///
    /// # Errors
    /// When it runs already or does not get ready.
    pub async fn start_second_api_server(&self, arguments: &[&str]) -> Result<()> {
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        self.control_plane.lock().await.start_second(&arguments).await
    }

    /// Ends the second API server; returns when the Service `kubernetes` stands for the first only.
    ///
    /// # Errors
    /// When it does not run, or its place among the endpoints is not given up.
    pub async fn stop_second_api_server(&self) -> Result<()> {
        self.control_plane.lock().await.stop_second().await?;
        self.await_api_servers(1).await
    }

    /// How much later than the first the second API server hears of each change; what it asks takes twice as long.
    pub async fn set_second_api_server_lag(&self, lag: Duration) {
        self.control_plane.lock().await.lag.set(lag);
    }

    /// Which API servers a pod is connected to.
    ///
    /// # Errors
    /// When there is no such pod.
    pub async fn api_servers_of(&self, namespace: &str, pod: &str) -> Result<Vec<Server>> {
        let pod = Api::<Pod>::namespaced(self.client(), namespace).get(pod).await?;
        let address = pod.status.and_then(|status| status.pod_ip).context("the pod has no address yet")?;
        let endpoints = self.proxy.endpoints_of(address.parse()?);
        let is_among = |server: &Server| endpoints.iter().any(|one| one.ip().to_string() == server.address());
        Ok(Server::ALL.into_iter().filter(is_among).collect())
    }

    /// Waits until the Service `kubernetes` stands for so many API servers.
    ///
    /// # Errors
    /// When it does not come to that.
    pub async fn await_api_servers(&self, count: usize) -> Result<()> {
        let slices: Api<EndpointSlice> = Api::namespaced(self.client(), "default");
        eventually(
            &format!("the Service kubernetes stands for {count} API servers"),
            Duration::from_mins(1),
            async || {
                let endpoints = slices.get("kubernetes").await?.endpoints.unwrap_or_default();
                let addresses: usize = endpoints.iter().map(|endpoint| endpoint.addresses.len()).sum();
                Ok((addresses == count).then_some(()))
            },
        )
        .await
    }

    /// Kills a pod's processes, as an out-of-memory kill would.
    ///
    /// # Errors
    /// When the node runs no process for this pod.
    pub async fn kill_pod_process(&self, namespace: &str, name: &str) -> Result<()> {
        self.node.kill_processes(namespace, name).await
    }

    /// The first process of each container of a pod.
    ///
    /// # Errors
    /// When no such pod is here.
    pub fn pod_processes(&self, namespace: &str, name: &str) -> Result<Vec<u32>> {
        self.node.processes_of(namespace, name)
    }

    /// All that pods of this name have printed, those that are gone included.
    ///
    /// # Errors
    /// When a log cannot be read.
    pub fn pod_logs(&self, namespace: &str, name: &str) -> Result<String> {
        let files = self.node.log_files(&format!("{namespace}_{name}_"))?;
        files.iter().map(|path| std::fs::read_to_string(path).context("reading a log")).collect()
    }

    /// Whether containers run as the user they ask for; not so where the run itself is not root's.
    pub fn can_switch_user(&self) -> bool {
        self.node.can_switch_user
    }

    /// How long the service proxy takes to learn of a change; from the next change on.
    pub fn set_proxy_lag(&self, lag: Duration) {
        self.proxy.set_lag(lag);
    }

    /// How long bytes to and from Services are under way, each way; for connections made from now on.
    pub fn set_latency(&self, latency: Duration) {
        self.proxy.set_latency(latency);
    }

    /// Where a folder for a test's files can be made; gone with the cluster.
    pub fn scratch(&self) -> &Path {
        &self.state
    }

    /// The last lines of the logs that tell most, for a run that failed: those of the pods that printed last included.
    pub fn log_tails(&self) -> String {
        let pods = self.node.log_files("").unwrap_or_default();
        let tail = |path: &Path, lines| {
            let name = path.strip_prefix(&self.logs).unwrap_or(path).display();
            format!("--- {name}\n{}\n", process::tail(path, lines))
        };
        let last = pods.iter().rev().take(5).rev().map(|path| tail(path, 8));
        let of_control_plane = ["kube-apiserver.log", "kube-apiserver-2.log", "kube-controller-manager.log"];
        let there = of_control_plane.into_iter().map(|name| self.logs.join(name)).filter(|path| path.exists());
        let control_plane = there.map(|path| tail(&path, 10));
        control_plane.chain([tail(&self.logs.join("node.log"), 40)]).chain(last).collect()
    }
}
