//! Facts beyond an object: what rules may ask of the cluster or of the other files, and how far answers can be trusted.
//!
//! One file a kind: its projection, what that is made from, and how questions about it can be answered. [`each_kind`] is
//! the one table; stores, live reads, files, test doubles, the chart's rights and the metrics all follow it. A question is
//! a Get or a List; what is derived from a list is a pure function in its kind's file.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod answer;
mod claim;
mod config_map;
mod disruption_budget;
mod in_memory;
mod kind;
mod namespace;
mod pairs;
mod persistent_volume;
mod pod;
mod question;
mod service;
mod stateful_set;
mod storage_class;

pub use answer::{Answer, Answers, Completeness, Fact, Facts, Items, Listed, Lookup, NoFacts, Source};
pub use claim::{ClaimFacts, ClaimModes, is_claim_of};
pub use config_map::ConfigMapFacts;
pub use disruption_budget::BudgetFacts;
pub use in_memory::InMemory;
pub use kind::{Kind, KindVisitor, LiveList, Resource, Scope};
pub use namespace::NamespaceFacts;
pub use pairs::Pairs;
pub use persistent_volume::VolumeFacts;
pub use pod::PodFacts;
pub use question::Question;
pub use service::{Address, ServiceFacts};
pub use stateful_set::SetFacts;
pub use storage_class::{StorageClassFacts, default_class};

use std::collections::{BTreeMap, BTreeSet};

use crate::kubernetes::StatefulSet;

/// Shows every kind to the visitor: the table of kinds, one line each.
pub fn each_kind(visitor: &mut impl KindVisitor) {
    visitor.visit::<ServiceFacts>();
    visitor.visit::<SetFacts>();
    visitor.visit::<StatefulSet>();
    visitor.visit::<ClaimFacts>();
    visitor.visit::<ClaimModes>();
    visitor.visit::<VolumeFacts>();
    visitor.visit::<StorageClassFacts>();
    visitor.visit::<NamespaceFacts>();
    visitor.visit::<ConfigMapFacts>();
    visitor.visit::<BudgetFacts>();
    visitor.visit::<PodFacts>();
}

/// Every kind's resource, in the order of the table.
pub fn resources() -> Vec<&'static Resource> {
    struct Resources(Vec<&'static Resource>);
    impl KindVisitor for Resources {
        fn visit<K: Kind>(&mut self) {
            self.0.push(K::RESOURCE);
        }
    }
    let mut resources = Resources(Vec::new());
    each_kind(&mut resources);
    resources.0
}

/// The rights that answering questions in a cluster takes: the verbs by group and plural, in the order of both.
pub fn rights() -> BTreeMap<(&'static str, &'static str), BTreeSet<&'static str>> {
    let mut rights = BTreeMap::<_, BTreeSet<_>>::new();
    for resource in resources().into_iter().filter(|resource| resource.is_in_clusters()) {
        rights.entry((resource.group, resource.plural)).or_default().extend(resource.verbs());
    }
    rights
}
