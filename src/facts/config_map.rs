//! ConfigMaps, as far as they can move a data directory: known from files alone.

use std::sync::Arc;

use serde::Deserialize;

use super::kind::{Kind, Resource, Scope};
use crate::kubernetes::{Labels, ObjectMeta, nullable};

/// What rules know of a ConfigMap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigMapFacts {
    /// Its data.
    pub data: Arc<Labels>,
}

/// A ConfigMap on the wire.
#[derive(Debug, Deserialize)]
pub struct ConfigMap {
    /// Metadata.
    #[serde(default, deserialize_with = "nullable")]
    pub metadata: ObjectMeta,
    #[serde(default, deserialize_with = "nullable")]
    data: Labels,
}

impl From<&ConfigMap> for ConfigMapFacts {
    fn from(map: &ConfigMap) -> Self {
        Self { data: Arc::new(map.data.clone()) }
    }
}

impl Kind for ConfigMapFacts {
    type Wire = ConfigMap;
    const RESOURCE: &'static Resource = &Resource {
        kind: "ConfigMap",
        group: "",
        plural: "configmaps",
        scope: Scope::Namespaced,
        // There are no rights on ConfigMaps in a cluster, on purpose: they hold what is nobody's business.
        stored: false,
        get: false,
        list: None,
        files: true,
    };
}
