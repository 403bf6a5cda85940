//! What is known to all parts of a pod.

use std::{net::Ipv4Addr, path::PathBuf, sync::Arc};

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::{Pod, PodSpec};
use kube::ResourceExt;
use tokio::sync::Mutex;

use crate::{
    network::{PodNetwork, next_address},
    node::{Node, Program},
    volumes::Volumes,
};

/// What the containers of a pod share.
pub struct PodContext {
    /// The node it runs on.
    pub node: Arc<Node>,
    /// The pod as it was first seen.
    pub pod: Arc<Pod>,
    /// Its address.
    pub address: Ipv4Addr,
    /// Its network namespace; none when no process runs in it.
    pub network: Option<PodNetwork>,
    /// Its volumes.
    pub volumes: Mutex<Volumes>,
    /// Where its containers' logs go.
    pub logs: PathBuf,
    /// Where its files are.
    pub folder: PathBuf,
}

impl PodContext {
    /// Gives a pod an address and, when it has processes to run, a network namespace.
    ///
    /// # Errors
    /// When the network cannot be made.
    pub async fn create(node: Arc<Node>, pod: Arc<Pod>) -> Result<Self> {
        let (namespace, name) = (pod.namespace().unwrap_or_default(), pod.name_any());
        let uid = pod.uid().context("a pod has a uid")?;
        let spec = pod.spec.as_ref().context("a pod has a spec")?;
        let address = next_address();
        let folder = node.pod_folder(&uid);
        std::fs::create_dir_all(&folder)?;
        let all = spec.containers.iter().chain(spec.init_containers.iter().flatten());
        let mut images = all.filter_map(|container| container.image.as_deref());
        let has_process = images.any(|image| matches!(node.program(image), Program::Binary(_) | Program::Script(_)));
        let network = if has_process { Some(PodNetwork::create(&folder, address).await?) } else { None };
        let volumes = Volumes::new(
            node.client.clone(),
            pod.clone(),
            address,
            folder.join("volumes"),
            node.claims(),
            node.can_switch_user,
        );
        let logs = node.pod_logs_folder(&namespace, &name, &uid);
        Ok(Self { node, pod, address, network, volumes: Mutex::new(volumes), logs, folder })
    }

    /// The pod's specification.
    pub fn spec(&self) -> &PodSpec {
        static EMPTY: std::sync::LazyLock<PodSpec> = std::sync::LazyLock::new(PodSpec::default);
        self.pod.spec.as_ref().unwrap_or(&EMPTY)
    }

    /// The pod's name.
    pub fn name(&self) -> &str {
        self.pod.metadata.name.as_deref().unwrap_or_default()
    }

    /// Its grace period in seconds.
    pub fn grace(&self) -> i64 {
        self.spec().termination_grace_period_seconds.unwrap_or(30)
    }

    /// Where a container's files are.
    pub fn container_folder(&self, container: &str) -> PathBuf {
        self.folder.join("containers").join(container)
    }

    /// The first process of a container, once there is one.
    pub fn pid(&self, container: &str) -> Option<u32> {
        std::fs::read_to_string(self.container_folder(container).join("pid")).ok()?.parse().ok()
    }
}
