//! StorageClasses.

use std::sync::Arc;

use serde::Deserialize;

use super::answer::{Completeness, Listed, Lookup};
use super::kind::{Kind, LiveList, Resource, Scope};
use crate::kubernetes::{Labels, ObjectMeta, nullable};

/// What rules know of a StorageClass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageClassFacts {
    /// Its name.
    pub name: String,
    /// What makes its volumes.
    pub provisioner: String,
    /// The provisioner's parameters.
    pub parameters: Labels,
    /// Whether claims that name no class get this one.
    pub is_default: bool,
}

/// The class that a claim without one gets; of several defaults the newest wins, which is not known here.
pub fn default_class(classes: &Listed<StorageClassFacts>) -> Lookup<Arc<StorageClassFacts>> {
    let mut defaults = classes.items.iter().filter(|class| class.is_default);
    match (defaults.next(), defaults.next(), classes.completeness) {
        (Some(class), None, Completeness::Whole) => Lookup::Found(Arc::clone(class)),
        (None, _, Completeness::Whole) => Lookup::Absent,
        _ => Lookup::Unknown,
    }
}

/// A StorageClass on the wire.
#[derive(Debug, Deserialize)]
pub struct StorageClass {
    #[serde(default, deserialize_with = "nullable")]
    metadata: ObjectMeta,
    #[serde(default, deserialize_with = "nullable")]
    provisioner: String,
    #[serde(default, deserialize_with = "nullable")]
    parameters: Labels,
}

impl From<&StorageClass> for StorageClassFacts {
    fn from(class: &StorageClass) -> Self {
        // The older key counts as well: pkg/volume/util, IsDefaultAnnotation.
        const DEFAULT: [&str; 2] =
            ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"];
        let annotations = &class.metadata.annotations;
        Self {
            name: class.metadata.name.clone().unwrap_or_default(),
            provisioner: class.provisioner.clone(),
            parameters: class.parameters.clone(),
            is_default: DEFAULT.iter().any(|key| annotations.get(*key).is_some_and(|value| value == "true")),
        }
    }
}

impl Kind for StorageClassFacts {
    type Wire = StorageClass;
    const RESOURCE: &'static Resource = &Resource {
        kind: "StorageClass",
        group: "storage.k8s.io",
        plural: "storageclasses",
        scope: Scope::Cluster,
        stored: true,
        get: true,
        list: Some(LiveList { page: 100, metadata_only: false, at_most: u64::MAX }),
        files: false,
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(defaults: &[bool], completeness: Completeness) -> Listed<StorageClassFacts> {
        let class = |(index, is_default): (usize, &bool)| {
            let class = StorageClassFacts {
                name: index.to_string(),
                provisioner: String::new(),
                parameters: Labels::new(),
                is_default: *is_default,
            };
            Arc::new(class)
        };
        Listed { items: defaults.iter().enumerate().map(class).collect(), completeness }
    }

    #[test]
    fn knows_the_default_only_where_there_is_one_and_all_classes_are_known() {
        let name = |listed| default_class(&listed).map(|class| class.name.clone());
        assert_eq!(name(listed(&[false, true], Completeness::Whole)), Lookup::Found("1".to_owned()));
        assert_eq!(name(listed(&[false], Completeness::Whole)), Lookup::Absent);
        assert_eq!(name(listed(&[true, true], Completeness::Whole)), Lookup::Unknown);
        assert_eq!(name(listed(&[true], Completeness::Partial)), Lookup::Unknown);
        assert_eq!(name(listed(&[], Completeness::Unknown)), Lookup::Unknown);
    }
}
