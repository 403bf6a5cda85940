//! Pods: only that they exist, one by its name.

use serde::Deserialize;

use super::kind::{Kind, Resource, Scope};
use crate::kubernetes::{ObjectMeta, nullable};

/// What rules know of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PodFacts {
    /// Whether it is being deleted.
    pub deleting: bool,
}

/// A pod's metadata.
#[derive(Debug, Deserialize)]
pub struct PodMetadata {
    #[serde(default, deserialize_with = "nullable")]
    metadata: ObjectMeta,
}

impl From<&PodMetadata> for PodFacts {
    fn from(pod: &PodMetadata) -> Self {
        Self { deleting: pod.metadata.deletion_timestamp.is_some() }
    }
}

impl Kind for PodFacts {
    type Wire = PodMetadata;
    const RESOURCE: &'static Resource = &Resource {
        kind: "Pod",
        group: "",
        plural: "pods",
        scope: Scope::Namespaced,
        stored: false,
        // The names of a set's pods are known, so nobody needs the right to list those of others.
        get: true,
        list: None,
        files: false,
    };
}
