//! What is known to all parts of a pod.

use std::{net::Ipv4Addr, path::PathBuf, sync::Arc};

use k8s_openapi::api::core::v1::{Pod, PodSpec};
use tokio::sync::Mutex;

use crate::cluster::{network::PodNetwork, node::Node, volumes::Volumes};

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
