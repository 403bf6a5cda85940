//! Namespaces: their labels, and whether they are going.

use serde::Deserialize;

use super::kind::{Kind, Resource, Scope};
use crate::kubernetes::{Labels, ObjectMeta, nullable};

/// What rules know of a namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamespaceFacts {
    /// Its labels, which choose overrides of the policy.
    pub labels: Labels,
    /// Whether it is being deleted.
    pub terminating: bool,
}

/// A Namespace on the wire.
#[derive(Debug, Deserialize)]
pub struct Namespace {
    #[serde(default, deserialize_with = "nullable")]
    metadata: ObjectMeta,
}

impl From<&Namespace> for NamespaceFacts {
    fn from(namespace: &Namespace) -> Self {
        let metadata = &namespace.metadata;
        Self { labels: metadata.labels.clone(), terminating: metadata.deletion_timestamp.is_some() }
    }
}

impl Kind for NamespaceFacts {
    type Wire = Namespace;
    const RESOURCE: &'static Resource = &Resource {
        kind: "Namespace",
        group: "",
        plural: "namespaces",
        scope: Scope::Cluster,
        stored: true,
        get: true,
        list: None,
        files: true,
    };
}
