//! What is kept of each kind of object.

use serde::Deserialize;

use super::observed::Projection;
use crate::evaluation::{Address, Pairs, ServiceFacts, SetFacts, StorageClassFacts, exempts};
use crate::kubernetes::{Labels, ObjectMeta, RunsPods, Service, StatefulSet};

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

impl From<&StatefulSet> for SetFacts {
    fn from(set: &StatefulSet) -> Self {
        Self {
            name: set.metadata.name.as_deref().unwrap_or_default().into(),
            service_name: set.service_name().unwrap_or_default().into(),
            replicas: set.replicas(),
            pod_labels: Pairs::from(&set.spec.template.metadata.labels),
            owned: set.metadata.controller().is_some(),
            deleting: set.metadata.deletion_timestamp.is_some(),
            exempt_from_headless: ["non-headless-service", "service-breaks-identity"]
                .iter()
                .any(|rule| exempts(&set.metadata, rule)),
            exempt_from_deleted: exempts(&set.metadata, "governing-service-deleted"),
        }
    }
}

impl Projection for ServiceFacts {
    type Wire = Service;
    const GROUP: &'static str = "";
    const KIND: &'static str = "Service";
    const PLURAL: &'static str = "services";

    fn project(wire: Service) -> Self {
        Self::from(&wire)
    }
}

impl Projection for SetFacts {
    type Wire = StatefulSet;
    const GROUP: &'static str = "apps";
    const KIND: &'static str = "StatefulSet";
    const PLURAL: &'static str = "statefulsets";

    fn project(wire: StatefulSet) -> Self {
        Self::from(&wire)
    }
}

/// The claim that a PersistentVolume is reserved for, or the class of a free one.
#[derive(Debug, Clone, Default)]
pub struct Reservation {
    /// The volume's StorageClass, empty for none.
    pub class: Box<str>,
    /// The claim's namespace, empty when the volume is free.
    pub namespace: Box<str>,
    /// The claim's name.
    pub claim: Box<str>,
}

/// A PersistentVolume on the wire.
#[derive(Deserialize)]
pub struct PersistentVolume {
    spec: PersistentVolumeSpec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PersistentVolumeSpec {
    claim_ref: Option<ClaimReference>,
    #[serde(default)]
    storage_class_name: Option<String>,
}

#[derive(Deserialize)]
struct ClaimReference {
    #[serde(default)]
    namespace: String,
    #[serde(default)]
    name: String,
}

impl Projection for Reservation {
    type Wire = PersistentVolume;
    const GROUP: &'static str = "";
    const KIND: &'static str = "PersistentVolume";
    const PLURAL: &'static str = "persistentvolumes";

    fn project(wire: PersistentVolume) -> Self {
        let class = wire.spec.storage_class_name.unwrap_or_default().into();
        match wire.spec.claim_ref {
            Some(claim) => Self { class, namespace: claim.namespace.into(), claim: claim.name.into() },
            None => Self { class, ..Self::default() },
        }
    }
}

/// A StorageClass, and whether it is the cluster's default.
#[derive(Debug, Clone)]
pub struct Class {
    /// What rules may know of it.
    pub facts: StorageClassFacts,
    /// Whether claims that name no class get this one.
    pub is_default: bool,
}

/// A StorageClass on the wire.
#[derive(Deserialize)]
pub struct StorageClass {
    #[serde(default)]
    metadata: ObjectMeta,
    #[serde(default)]
    provisioner: String,
    #[serde(default)]
    parameters: Option<Labels>,
}

impl Projection for Class {
    type Wire = StorageClass;
    const GROUP: &'static str = "storage.k8s.io";
    const KIND: &'static str = "StorageClass";
    const PLURAL: &'static str = "storageclasses";

    fn project(wire: StorageClass) -> Self {
        let annotations = &wire.metadata.annotations;
        let is_default =
            ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"]
                .iter()
                .any(|key| annotations.get(*key).is_some_and(|value| value == "true"));
        let facts = StorageClassFacts {
            name: wire.metadata.name.unwrap_or_default(),
            provisioner: wire.provisioner,
            parameters: wire.parameters.unwrap_or_default(),
        };
        Self { facts, is_default }
    }
}

/// Whether a namespace is being deleted.
#[derive(Debug, Clone, Copy)]
pub struct Terminating(pub bool);

/// A Namespace on the wire.
#[derive(Deserialize)]
pub struct Namespace {
    #[serde(default)]
    metadata: ObjectMeta,
}

impl Projection for Terminating {
    type Wire = Namespace;
    const GROUP: &'static str = "";
    const KIND: &'static str = "Namespace";
    const PLURAL: &'static str = "namespaces";

    fn project(wire: Namespace) -> Self {
        Self(wire.metadata.deletion_timestamp.is_some())
    }
}
