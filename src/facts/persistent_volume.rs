//! PersistentVolumes: for which claim they are reserved, or of which class the free ones are.

use serde::Deserialize;

use super::claim::is_claim_of;
use super::kind::{Kind, LiveList, Resource, Scope};
use crate::kubernetes::nullable;

/// What rules know of a PersistentVolume.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VolumeFacts {
    /// The volume's StorageClass, empty for none.
    pub class: Box<str>,
    /// The namespace of the claim that it is reserved for, empty when it is free.
    pub namespace: Box<str>,
    /// The claim's name, empty when the volume is free.
    pub claim: Box<str>,
}

impl VolumeFacts {
    /// Whether it is reserved for a claim of this set's template: it will be bound with what is in it.
    pub fn is_reserved_for(&self, namespace: &str, set: &str, template: &str) -> bool {
        *self.namespace == *namespace && is_claim_of(&self.claim, set, template)
    }

    /// Whether a claim of this class may get it: it is bound, with what is in it, before a new one is made.
    pub fn is_free_for(&self, class: &str) -> bool {
        self.claim.is_empty() && *self.class == *class
    }
}

/// A PersistentVolume on the wire.
#[derive(Debug, Deserialize)]
pub struct PersistentVolume {
    spec: PersistentVolumeSpec,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PersistentVolumeSpec {
    claim_ref: Option<ClaimReference>,
    #[serde(default, deserialize_with = "nullable")]
    storage_class_name: String,
}

#[derive(Debug, Deserialize)]
struct ClaimReference {
    #[serde(default, deserialize_with = "nullable")]
    namespace: String,
    #[serde(default, deserialize_with = "nullable")]
    name: String,
}

impl From<&PersistentVolume> for VolumeFacts {
    fn from(volume: &PersistentVolume) -> Self {
        let class = volume.spec.storage_class_name.as_str().into();
        match &volume.spec.claim_ref {
            Some(claim) => {
                Self { class, namespace: claim.namespace.as_str().into(), claim: claim.name.as_str().into() }
            }
            None => Self { class, ..Self::default() },
        }
    }
}

impl Kind for VolumeFacts {
    type Wire = PersistentVolume;
    const RESOURCE: &'static Resource = &Resource {
        kind: "PersistentVolume",
        group: "",
        plural: "persistentvolumes",
        scope: Scope::Cluster,
        stored: true,
        get: false,
        // Some KB each; a thousand are read in a few hundredths of a second.
        list: Some(LiveList { page: 250, metadata_only: false, at_most: 1000 }),
        files: false,
    };
}
