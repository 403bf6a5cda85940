//! StatefulSets.

use serde::Deserialize;

use super::{ClaimTemplate, LabelSelector, ObjectMeta, PodTemplate, RunsPods, nullable};

/// An apps/v1 StatefulSet.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatefulSet {
    /// Metadata.
    #[serde(default, deserialize_with = "nullable")]
    pub metadata: ObjectMeta,
    /// The desired state.
    #[serde(default, deserialize_with = "nullable")]
    pub spec: StatefulSetSpec,
}

/// The spec of a StatefulSet.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatefulSetSpec {
    /// Wanted replicas; absent means one.
    pub replicas: Option<i32>,
    /// The governing Service's name; absent or empty is legal.
    pub service_name: Option<String>,
    /// `OrderedReady` (the default) or `Parallel`.
    pub pod_management_policy: Option<String>,
    /// Which pods are the set's.
    pub selector: Option<LabelSelector>,
    /// The pod template.
    #[serde(default, deserialize_with = "nullable")]
    pub template: PodTemplate,
    /// Claim templates.
    #[serde(default, deserialize_with = "nullable")]
    pub volume_claim_templates: Vec<ClaimTemplate>,
    /// How updates reach the pods.
    pub update_strategy: Option<UpdateStrategy>,
    /// What happens to claims on deletion and scale-down.
    pub persistent_volume_claim_retention_policy: Option<ClaimRetention>,
    /// Where the ordinals start.
    pub ordinals: Option<Ordinals>,
}

/// How updates reach the pods.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateStrategy {
    /// `RollingUpdate` (the default) or `OnDelete`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// How far a rolling update goes.
    pub rolling_update: Option<RollingUpdate>,
}

/// How far a rolling update goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RollingUpdate {
    /// Pods with an ordinal below it keep the old template; zero by default.
    #[serde(default, deserialize_with = "nullable")]
    pub partition: i32,
}

/// What happens to the claims (`Retain`, the default, or `Delete`).
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClaimRetention {
    /// When the set is deleted.
    pub when_deleted: Option<String>,
    /// When the set is scaled down.
    /// When there are fewer replicas.
    pub when_scaled: Option<String>,
}

/// The first ordinal.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ordinals {
    /// Zero by default.
    #[serde(default, deserialize_with = "nullable")]
    pub start: i32,
}

impl StatefulSet {
    /// How many replicas are wanted, with the API server's default of one.
    pub fn replicas(&self) -> i32 {
        self.spec.replicas.unwrap_or(1)
    }

    /// The governing Service's name, `None` when it is absent or empty.
    pub fn service_name(&self) -> Option<&str> {
        self.spec.service_name.as_deref().filter(|name| !name.is_empty())
    }

    /// Whether pods are started and stopped without order.
    pub fn is_parallel(&self) -> bool {
        self.spec.pod_management_policy.as_deref() == Some("Parallel")
    }

    /// Whether an update replaces the pods one after the other by itself.
    pub fn is_rolling(&self) -> bool {
        self.spec.update_strategy.as_ref().and_then(|strategy| strategy.kind.as_deref()) != Some("OnDelete")
    }

    /// The ordinal below which pods keep the old template; zero where updates do not roll.
    pub fn partition(&self) -> i32 {
        let strategy = self.spec.update_strategy.as_ref().filter(|_| self.is_rolling());
        strategy.and_then(|strategy| strategy.rolling_update).map_or(0, |rolling| rolling.partition)
    }

    /// The first ordinal.
    pub fn first_ordinal(&self) -> i32 {
        self.spec.ordinals.as_ref().map_or(0, |ordinals| ordinals.start)
    }

    /// The claim template of this name.
    pub fn claim_template(&self, name: &str) -> Option<&ClaimTemplate> {
        self.spec.volume_claim_templates.iter().find(|template| template.name() == name)
    }
}

impl RunsPods for StatefulSet {
    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }
    fn template(&self) -> &PodTemplate {
        &self.spec.template
    }
    fn claim_templates(&self) -> &[ClaimTemplate] {
        &self.spec.volume_claim_templates
    }
}
