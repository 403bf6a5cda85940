//! PersistentVolumeClaims: that they exist, and of one that a set names, how it may be mounted.

use serde::Deserialize;

use super::kind::{Kind, LiveList, Resource, Scope};
use crate::kubernetes::{ClaimTemplate, ObjectMeta, nullable};

/// What rules know of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimFacts {
    /// Its name.
    pub name: Box<str>,
    /// Whether it is being deleted.
    pub deleting: bool,
}

impl ClaimFacts {
    /// Whether a StatefulSet gives this name to a claim of its template.
    pub fn is_of(&self, set: &str, template: &str) -> bool {
        is_claim_of(&self.name, set, template)
    }
}

/// A claim's metadata.
#[derive(Debug, Deserialize)]
pub struct ClaimMetadata {
    #[serde(default, deserialize_with = "nullable")]
    metadata: ObjectMeta,
}

impl From<&ClaimMetadata> for ClaimFacts {
    fn from(claim: &ClaimMetadata) -> Self {
        Self {
            name: claim.metadata.name.as_deref().unwrap_or_default().into(),
            deleting: claim.metadata.deletion_timestamp.is_some(),
        }
    }
}

impl Kind for ClaimFacts {
    type Wire = ClaimMetadata;
    const RESOURCE: &'static Resource = &Resource {
        kind: "PersistentVolumeClaim",
        group: "",
        plural: "persistentvolumeclaims",
        scope: Scope::Namespaced,
        // There are as many as there are pods, and they are asked for when a set is created.
        stored: false,
        get: false,
        list: Some(LiveList { page: 100, metadata_only: true, at_most: u64::MAX }),
        files: false,
    };
}

/// What rules know of a claim that a pod names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClaimModes {
    /// Whether pods on several nodes may mount it: `ReadWriteMany`, or `ReadOnlyMany`, to which none of them writes.
    pub for_many: bool,
}

impl From<&ClaimTemplate> for ClaimModes {
    fn from(claim: &ClaimTemplate) -> Self {
        Self { for_many: claim.spec.access_modes.iter().any(|mode| mode.ends_with("Many")) }
    }
}

impl Kind for ClaimModes {
    // A claim has the fields of a template of claims.
    type Wire = ClaimTemplate;
    const RESOURCE: &'static Resource = &Resource {
        kind: "PersistentVolumeClaim",
        group: "",
        plural: "persistentvolumeclaims",
        scope: Scope::Namespaced,
        stored: false,
        get: true,
        list: None,
        files: true,
    };
}

/// Whether a claim has the name that a StatefulSet gives: `<template>-<set>-<ordinal>`, for any ordinal.
pub fn is_claim_of(claim: &str, set: &str, template: &str) -> bool {
    let ordinal = claim
        .strip_prefix(template)
        .and_then(|rest| rest.strip_prefix('-'))
        .and_then(|rest| rest.strip_prefix(set))
        .and_then(|rest| rest.strip_prefix('-'));
    ordinal.is_some_and(|ordinal| !ordinal.is_empty() && ordinal.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::is_claim_of;

    #[test]
    fn knows_a_sets_claims_by_their_names() {
        assert!(is_claim_of("data-pg-0", "pg", "data") && is_claim_of("data-pg-12", "pg", "data"));
        for other in ["data-pg-", "data-pg-x", "data-pgx-0", "data-pg-0-0", "log-pg-0", "data-pg"] {
            assert!(!is_claim_of(other, "pg", "data"), "{other}");
        }
    }
}
