//! Namespaces: whether they are going.

use serde::Deserialize;

use super::kind::{Kind, Resource, Scope};
use crate::kubernetes::{ObjectMeta, nullable};

/// What rules know of a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NamespaceFacts {
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
        Self { terminating: namespace.metadata.deletion_timestamp.is_some() }
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
        files: false,
    };
}
