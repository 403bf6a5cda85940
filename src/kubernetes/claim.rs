//! Claim templates: what a StatefulSet makes its PersistentVolumeClaims from.

use serde::Deserialize;

use super::{ObjectMeta, Present, nullable};

/// One entry of `volumeClaimTemplates`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClaimTemplate {
    /// Metadata; the name is what volume mounts refer to.
    #[serde(default, deserialize_with = "nullable")]
    pub metadata: ObjectMeta,
    /// What is asked of the storage.
    #[serde(default, deserialize_with = "nullable")]
    pub spec: ClaimTemplateSpec,
}

/// The spec of a claim template.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClaimTemplateSpec {
    /// How the volume may be mounted: `ReadWriteOnce` and others.
    #[serde(default, deserialize_with = "nullable")]
    pub access_modes: Vec<String>,
    /// The StorageClass; absent means the cluster's default, empty means none.
    pub storage_class_name: Option<String>,
    /// A snapshot or claim that the volume is filled from.
    pub data_source: Option<Present>,
    /// The newer form of `dataSource`.
    pub data_source_ref: Option<Present>,
    /// A fixed PersistentVolume.
    pub volume_name: Option<String>,
    /// Picks PersistentVolumes by label.
    pub selector: Option<Present>,
}

impl ClaimTemplate {
    /// The template's name, empty if it has none.
    pub fn name(&self) -> &str {
        self.metadata.name.as_deref().unwrap_or_default()
    }
}
