//! How an object is deleted.

use serde::Deserialize;

/// The options of a deletion, as far as rules need them.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteOptions {
    /// `Orphan` leaves the pods running.
    pub propagation_policy: Option<String>,
    /// The older form of `Orphan`.
    pub orphan_dependents: Option<bool>,
}

impl DeleteOptions {
    /// Whether the pods are left running, to be adopted by the next set.
    pub fn orphans(&self) -> bool {
        self.propagation_policy.as_deref() == Some("Orphan") || self.orphan_dependents == Some(true)
    }
}
