//! Services.

use super::kind::{Kind, Resource, Scope};
use super::pairs::Pairs;
use crate::kubernetes::Service;

/// What rules know of a Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceFacts {
    /// How its name is answered.
    pub address: Address,
    /// The labels it selects by; empty when other software writes its endpoints.
    pub selector: Pairs,
    /// Whether pods are published before they are ready.
    pub publishes_not_ready: bool,
}

/// How a Service's name is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Address {
    /// The pods' own addresses: type ClusterIP with `clusterIP: None`.
    Headless,
    /// One virtual IP.
    ClusterIp,
    /// One virtual IP and a port on every node.
    NodePort,
    /// One virtual IP and a load balancer.
    LoadBalancer,
    /// A CNAME to somewhere else.
    ExternalName,
}

impl Address {
    /// The words for it in a message.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Headless => "headless",
            Self::ClusterIp => "a ClusterIP Service",
            Self::NodePort => "a NodePort Service",
            Self::LoadBalancer => "a LoadBalancer Service",
            Self::ExternalName => "an ExternalName Service",
        }
    }
}

impl From<&Service> for ServiceFacts {
    fn from(service: &Service) -> Self {
        let address = match service.spec.kind() {
            "ExternalName" => Address::ExternalName,
            "NodePort" => Address::NodePort,
            "LoadBalancer" => Address::LoadBalancer,
            _ if service.spec.is_headless() => Address::Headless,
            _ => Address::ClusterIp,
        };
        Self {
            address,
            selector: Pairs::from(&service.spec.selector),
            publishes_not_ready: service.spec.publish_not_ready_addresses,
        }
    }
}

impl Kind for ServiceFacts {
    type Wire = Service;
    const RESOURCE: &'static Resource = &Resource {
        kind: "Service",
        group: "",
        plural: "services",
        scope: Scope::Namespaced,
        stored: true,
        get: true,
        list: None,
        files: true,
    };
}
