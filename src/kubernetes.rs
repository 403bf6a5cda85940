//! A slim model of the Kubernetes objects that rules look at: only the fields a rule reads, unknown fields skipped.
//!
//! Everything a manifest may leave out is an `Option`, an empty list or an empty map; accessors such as
//! [`StatefulSet::replicas`] give the API server's default, so a raw manifest and a defaulted object read alike.
//! `null` counts as absent, as it does for the API server.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod claim;
mod container;
mod delete_options;
mod deployment;
mod meta;
mod placement;
mod pod;
mod scale;
mod selector;
mod service;
mod stateful_set;

pub use claim::{ClaimTemplate, ClaimTemplateSpec};
pub use container::{
    Container, ContainerPort, EnvFrom, EnvVar, Exec, Handler, HttpGet, Lifecycle, NameReference, Port, Probe, Sleep,
    TcpSocket, VolumeDevice, VolumeMount,
};
pub use delete_options::DeleteOptions;
pub use deployment::{Deployment, DeploymentSpec};
pub use meta::{Labels, ManagedFields, ObjectMeta, OwnerReference};
pub use placement::{Affinity, PodAffinityTerm, PodAntiAffinity, TopologySpread, WeightedTerm};
pub use pod::{ClaimVolume, HostPath, PodMeta, PodSpec, PodTemplate, Slot, Volume};
pub use scale::{Scale, ScaleSpec};
pub use selector::{LabelSelector, Requirement};
pub use service::{Service, ServiceSpec};
pub use stateful_set::{ClaimRetention, Ordinals, RollingUpdate, StatefulSet, StatefulSetSpec, UpdateStrategy};

use serde::{Deserialize, Deserializer};

/// A value of any shape of which only the presence matters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Present;

impl<'de> Deserialize<'de> for Present {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde::de::IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

/// An object that runs pods from a template.
pub trait RunsPods {
    /// Where the pod's spec stands inside the object.
    const POD: &'static str = "/spec/template/spec";

    /// The object's metadata.
    fn metadata(&self) -> &ObjectMeta;
    /// The pod template.
    fn template(&self) -> &PodTemplate;
    /// The claim templates; empty for everything but a StatefulSet.
    fn claim_templates(&self) -> &[ClaimTemplate] {
        &[]
    }

    /// The pod's spec.
    fn pod(&self) -> &PodSpec {
        &self.template().spec
    }
}

/// Reads a field that is `null` as the type's default, as the API server's decoder does. Inside lists and maps `null`
/// comes only in manifests, whose reader takes it so by itself.
pub(crate) fn nullable<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}
