//! Services, as far as identity is concerned.

use serde::Deserialize;

use super::{Labels, ObjectMeta, nullable};

/// A core/v1 Service.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Service {
    /// Metadata.
    #[serde(default, deserialize_with = "nullable")]
    pub metadata: ObjectMeta,
    /// The desired state.
    #[serde(default, deserialize_with = "nullable")]
    pub spec: ServiceSpec,
}

/// The spec of a Service.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceSpec {
    /// The Service's type; absent means `ClusterIP`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// `None` makes the Service headless; absent in a new manifest means that one will be allocated.
    #[serde(rename = "clusterIP")]
    pub cluster_ip: Option<String>,
    /// The labels a pod must carry; empty means that other software writes the endpoints.
    #[serde(default, deserialize_with = "nullable")]
    pub selector: Labels,
    /// Whether pods are published before they are ready.
    #[serde(default, deserialize_with = "nullable")]
    pub publish_not_ready_addresses: bool,
}

impl ServiceSpec {
    /// The type, with the API server's default.
    pub fn kind(&self) -> &str {
        self.kind.as_deref().filter(|kind| !kind.is_empty()).unwrap_or("ClusterIP")
    }

    /// Whether the Service is headless: type ClusterIP with the address `None`.
    ///
    /// An absent address is not headless: one will be allocated. The type is judged first because a Service
    /// that is being turned into ExternalName may still carry its old address.
    pub fn is_headless(&self) -> bool {
        self.kind() == "ClusterIP" && self.cluster_ip.as_deref() == Some("None")
    }
}
