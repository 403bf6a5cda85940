//! The `statefulsets/scale` subresource: all that `kubectl scale` and autoscalers send.

use serde::Deserialize;

use super::{ObjectMeta, nullable};

/// An autoscaling/v1 Scale.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Scale {
    /// Metadata of the scaled object.
    #[serde(default, deserialize_with = "nullable")]
    pub metadata: ObjectMeta,
    /// The wanted scale.
    #[serde(default, deserialize_with = "nullable")]
    pub spec: ScaleSpec,
}

/// The spec of a Scale.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScaleSpec {
    /// Wanted replicas; absent means zero, as autoscaling/v1 has it.
    #[serde(default, deserialize_with = "nullable")]
    pub replicas: i32,
}
