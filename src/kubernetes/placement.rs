//! Where pods may stand, and which pods they keep away from.

use serde::Deserialize;

use super::{LabelSelector, nullable};

/// Which nodes a pod wants, and which pods it wants near or far.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Affinity {
    /// Pods that it wants far away.
    pub pod_anti_affinity: Option<PodAntiAffinity>,
}

/// Pods that a pod wants far away.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodAntiAffinity {
    /// What must hold for the pod to be placed.
    #[serde(default, deserialize_with = "nullable")]
    pub required_during_scheduling_ignored_during_execution: Vec<PodAffinityTerm>,
    /// What should hold.
    #[serde(default, deserialize_with = "nullable")]
    pub preferred_during_scheduling_ignored_during_execution: Vec<WeightedTerm>,
}

/// What should hold, and how much.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WeightedTerm {
    /// What should hold.
    #[serde(default, deserialize_with = "nullable")]
    pub pod_affinity_term: PodAffinityTerm,
}

/// Which pods are meant.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodAffinityTerm {
    /// The pods' labels; absent means none.
    pub label_selector: Option<LabelSelector>,
}

/// How evenly pods are spread over parts of the cluster.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TopologySpread {
    /// Which pods are counted; absent means none.
    pub label_selector: Option<LabelSelector>,
}

impl PodAntiAffinity {
    /// The pods that are meant, required and preferred alike.
    pub fn selectors(&self) -> impl Iterator<Item = &LabelSelector> {
        let required = self.required_during_scheduling_ignored_during_execution.iter();
        let preferred = self.preferred_during_scheduling_ignored_during_execution.iter();
        required.chain(preferred.map(|term| &term.pod_affinity_term)).filter_map(|term| term.label_selector.as_ref())
    }
}
