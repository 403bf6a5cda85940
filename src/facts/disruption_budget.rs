//! PodDisruptionBudgets: which pods they protect, and whether they ever let one go.

use serde::Deserialize;

use super::kind::{Kind, LiveList, Resource, Scope};
use crate::kubernetes::{LabelSelector, Labels, ObjectMeta, nullable};

/// What rules know of a PodDisruptionBudget: its spec, never its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetFacts {
    /// Its name.
    pub name: Box<str>,
    /// Which pods it protects; `None` selects none.
    pub selector: Option<LabelSelector>,
    min_available: Option<Amount>,
    max_unavailable: Option<Amount>,
}

/// A number of pods, or a share of them; text that is neither says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "neither a number nor a percentage")]
enum Amount {
    Pods(i32),
    Share(String),
}

impl Amount {
    /// How many of this many pods it is, rounded up as the disruption controller does.
    fn of(&self, pods: i64) -> Option<i64> {
        match self {
            Self::Pods(number) => Some(i64::from(*number)),
            Self::Share(text) => {
                let percent = i64::from(text.strip_suffix('%')?.parse::<u16>().ok()?);
                Some((percent * pods + 99) / 100)
            }
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::Pods(number) => number.to_string(),
            Self::Share(text) => text.clone(),
        }
    }
}

impl BudgetFacts {
    /// Whether it protects the pods of a template with these labels; `None` where that cannot be told.
    pub fn selects(&self, labels: &Labels) -> Option<bool> {
        self.selector.as_ref().map_or(Some(false), |selector| selector.selects_pods(labels))
    }

    /// The field by which it never lets one of a set's ready pods be evicted, with its value.
    ///
    /// A minimum counts all pods that the budget selects, so it says this only of a budget that surely selects no pods
    /// but those of the set with this selector; all of them, or none that may be missing, is the same for any.
    pub fn forbids(&self, replicas: i32, own: Option<&LabelSelector>) -> Option<String> {
        let pods = i64::from(replicas);
        if let Some(most) = &self.max_unavailable {
            return (most.of(pods) == Some(0)).then(|| format!("maxUnavailable: {}", most.describe()));
        }
        let least = self.min_available.as_ref()?;
        let is_alone = || {
            self.selector.as_ref().zip(own).is_some_and(|(selector, own)| !own.is_empty() && selector.is_within(own))
        };
        let is_all = matches!(least, Amount::Share(_)) && least.of(100) >= Some(100);
        (is_all || (least.of(pods) >= Some(pods) && is_alone())).then(|| format!("minAvailable: {}", least.describe()))
    }
}

/// A PodDisruptionBudget on the wire.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DisruptionBudget {
    /// Items of a list leave it out.
    #[serde(default, deserialize_with = "nullable")]
    api_version: String,
    #[serde(default, deserialize_with = "nullable")]
    metadata: ObjectMeta,
    #[serde(default, deserialize_with = "nullable")]
    spec: DisruptionBudgetSpec,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DisruptionBudgetSpec {
    selector: Option<LabelSelector>,
    min_available: Option<Amount>,
    max_unavailable: Option<Amount>,
}

impl From<&DisruptionBudget> for BudgetFacts {
    fn from(budget: &DisruptionBudget) -> Self {
        let spec = &budget.spec;
        // An empty selector selected nothing before policy/v1.
        let selects_none = |selector: &&LabelSelector| budget.api_version.ends_with("v1beta1") && selector.is_empty();
        Self {
            name: budget.metadata.name.as_deref().unwrap_or_default().into(),
            selector: spec.selector.as_ref().filter(|selector| !selects_none(selector)).cloned(),
            min_available: spec.min_available.clone(),
            max_unavailable: spec.max_unavailable.clone(),
        }
    }
}

impl Kind for BudgetFacts {
    type Wire = DisruptionBudget;
    const RESOURCE: &'static Resource = &Resource {
        kind: "PodDisruptionBudget",
        group: "policy",
        plural: "poddisruptionbudgets",
        scope: Scope::Namespaced,
        stored: true,
        get: true,
        // A KB or two each, and a namespace has about as many as it has workloads.
        list: Some(LiveList { page: 250, metadata_only: false, at_most: u64::MAX }),
        files: true,
    };
}

#[cfg(test)]
#[path = "disruption_budget_tests.rs"]
mod tests;
