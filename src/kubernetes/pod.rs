//! Pod templates: containers and volumes.

use serde::Deserialize;

use super::{Affinity, Container, Labels, Present, TopologySpread, nullable};
use crate::pointer::Pointer;

/// A pod template.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodTemplate {
    /// The pods' labels and annotations.
    #[serde(default, deserialize_with = "nullable")]
    pub metadata: PodMeta,
    /// The pods' spec.
    #[serde(default, deserialize_with = "nullable")]
    pub spec: PodSpec,
}

/// The metadata that pods get.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodMeta {
    /// Labels.
    #[serde(default, deserialize_with = "nullable")]
    pub labels: Labels,
}

/// A pod's spec.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodSpec {
    /// Containers.
    #[serde(default, deserialize_with = "nullable")]
    pub containers: Vec<Container>,
    /// Init containers; one with `restartPolicy: Always` is a native sidecar.
    #[serde(default, deserialize_with = "nullable")]
    pub init_containers: Vec<Container>,
    /// The pod's own volumes.
    #[serde(default, deserialize_with = "nullable")]
    pub volumes: Vec<Volume>,
    /// Seconds between SIGTERM and SIGKILL; absent means 30.
    pub termination_grace_period_seconds: Option<i64>,
    /// Which nodes the pods want, and which pods they want near or far.
    pub affinity: Option<Affinity>,
    /// How evenly pods are spread over parts of the cluster.
    #[serde(default, deserialize_with = "nullable")]
    pub topology_spread_constraints: Vec<TopologySpread>,
    /// Whether the pods use the network of their node, and with it the node's ports.
    #[serde(default, deserialize_with = "nullable")]
    pub host_network: bool,
}

/// Where a container stands in its pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Slot {
    /// `containers[n]`.
    Container(usize),
    /// `initContainers[n]`.
    Init(usize),
}

impl Slot {
    /// The container's pointer below the pod's spec at `pod`.
    pub fn pointer(self, pod: &str) -> Pointer {
        let (list, index) = match self {
            Self::Container(index) => ("containers", index),
            Self::Init(index) => ("initContainers", index),
        };
        Pointer::new(pod).field(list).index(index)
    }
}

impl PodSpec {
    /// The grace period in seconds, with the API server's default of 30.
    pub fn grace_period(&self) -> i64 {
        self.termination_grace_period_seconds.unwrap_or(30)
    }

    /// All containers with their slots, containers first, then init containers.
    pub fn all_containers(&self) -> impl Iterator<Item = (Slot, &Container)> {
        let containers = self.containers.iter().enumerate().map(|(n, c)| (Slot::Container(n), c));
        containers.chain(self.init_containers.iter().enumerate().map(|(n, c)| (Slot::Init(n), c)))
    }

    /// The pod volume of this name.
    pub fn volume(&self, name: &str) -> Option<&Volume> {
        self.volumes.iter().find(|volume| volume.name == name)
    }
}

/// A volume of the pod; a claim template of the same name takes its place.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Volume {
    /// The volume's name.
    #[serde(default, deserialize_with = "nullable")]
    pub name: String,
    /// An existing claim, shared by all pods.
    pub persistent_volume_claim: Option<ClaimVolume>,
    /// A directory that lives as long as the pod.
    pub empty_dir: Option<Present>,
    /// A directory of the node.
    pub host_path: Option<HostPath>,
    /// A claim that lives as long as the pod.
    pub ephemeral: Option<Present>,
}

/// A volume from an existing claim.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClaimVolume {
    /// The claim's name.
    #[serde(default, deserialize_with = "nullable")]
    pub claim_name: String,
    /// Whether the pod can only read what is in it.
    #[serde(default, deserialize_with = "nullable")]
    pub read_only: bool,
}

/// A volume from the node's file system.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HostPath {
    /// The path on the node.
    #[serde(default, deserialize_with = "nullable")]
    pub path: String,
}
