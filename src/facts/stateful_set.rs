//! StatefulSets: a projection of all of them, and one as a whole.

use super::kind::{Kind, LiveList, Resource, Scope};
use super::pairs::Pairs;
use crate::exemption;
use crate::kubernetes::StatefulSet;

/// What rules know of every StatefulSet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetFacts {
    /// Its name.
    pub name: Box<str>,
    /// The `serviceName`, empty when unset.
    pub service_name: Box<str>,
    /// Wanted replicas.
    pub replicas: i32,
    /// The labels of its pod template.
    pub pod_labels: Pairs,
    /// The images of its containers.
    pub images: Box<[Box<str>]>,
    /// Whether a controller owns it.
    pub owned: bool,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// The names of the rules that its annotations exempt it from.
    exemptions: Box<[Box<str>]>,
}

impl SetFacts {
    /// Whether this Service governs the set.
    pub fn is_governed_by(&self, service: &str) -> bool {
        *self.service_name == *service
    }

    /// Whether the set's annotation exempts it from the rule of this name.
    pub fn is_exempt_from(&self, rule: &str) -> bool {
        self.exemptions.iter().any(|name| **name == *rule)
    }
}

impl From<&StatefulSet> for SetFacts {
    fn from(set: &StatefulSet) -> Self {
        Self {
            name: set.metadata.name.as_deref().unwrap_or_default().into(),
            service_name: set.service_name().unwrap_or_default().into(),
            replicas: set.replicas(),
            pod_labels: Pairs::from(&set.spec.template.metadata.labels),
            images: set
                .spec
                .template
                .spec
                .containers
                .iter()
                .filter_map(|one| one.image.as_deref().map(Box::from))
                .collect(),
            owned: set.metadata.has_controller(),
            deleting: set.metadata.deletion_timestamp.is_some(),
            exemptions: exemption::exemptions(&set.metadata).map(|(rule, _)| rule.into()).collect(),
        }
    }
}

impl Kind for SetFacts {
    type Wire = StatefulSet;
    const RESOURCE: &'static Resource = &Resource {
        kind: "StatefulSet",
        group: "apps",
        plural: "statefulsets",
        scope: Scope::Namespaced,
        stored: true,
        get: true,
        // A set may be as large as etcd takes objects.
        list: Some(LiveList { page: 5, metadata_only: false, at_most: u64::MAX }),
        files: true,
    };
}

impl From<&StatefulSet> for StatefulSet {
    fn from(set: &StatefulSet) -> Self {
        set.clone()
    }
}

/// A set as a whole: for a scale, which names the set and no more.
impl Kind for StatefulSet {
    type Wire = Self;
    const RESOURCE: &'static Resource = &Resource {
        kind: "StatefulSet",
        group: "apps",
        plural: "statefulsets",
        scope: Scope::Namespaced,
        stored: false,
        get: true,
        list: None,
        files: false,
    };
}
