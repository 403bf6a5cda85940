//! Deployments, looked at only for databases that should be StatefulSets.

use serde::Deserialize;

use super::{ObjectMeta, PodTemplate, RunsPods, nullable};

/// An apps/v1 Deployment.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deployment {
    /// Metadata.
    #[serde(default, deserialize_with = "nullable")]
    pub metadata: ObjectMeta,
    /// The desired state.
    #[serde(default, deserialize_with = "nullable")]
    pub spec: DeploymentSpec,
}

/// The spec of a Deployment.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentSpec {
    /// The pod template.
    #[serde(default, deserialize_with = "nullable")]
    pub template: PodTemplate,
}

impl RunsPods for Deployment {
    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }
    fn template(&self) -> &PodTemplate {
        &self.spec.template
    }
}
