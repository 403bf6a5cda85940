//! Object metadata: names, labels, annotations, owners.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::nullable;

/// Labels or annotations, by key.
pub type Labels = BTreeMap<String, String>;

/// The part of an object's metadata that rules and admission read.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectMeta {
    /// The object's name; absent on CREATE when `generateName` is used.
    pub name: Option<String>,
    /// The prefix from which the API server makes a name by adding five random characters.
    pub generate_name: Option<String>,
    /// The namespace; absent in manifests that leave it to the command line.
    pub namespace: Option<String>,
    /// Labels.
    #[serde(default, deserialize_with = "nullable")]
    pub labels: Labels,
    /// Annotations.
    #[serde(default, deserialize_with = "nullable")]
    pub annotations: Labels,
    /// Set once the object is being deleted.
    pub deletion_timestamp: Option<String>,
    /// Owners; the one with `controller: true` is an operator or another controller.
    #[serde(default, deserialize_with = "nullable")]
    pub owner_references: Vec<OwnerReference>,
    /// Who wrote which field, kept as raw JSON because it is large and seldom asked for.
    pub managed_fields: Option<ManagedFields>,
}

/// The text of managedFields.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub struct ManagedFields(Box<RawValue>);

impl ManagedFields {
    /// The text, JSON.
    pub fn get(&self) -> &str {
        self.0.get()
    }
}

impl PartialEq for ManagedFields {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

/// One owner of an object.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OwnerReference {
    /// Whether this owner manages the object.
    #[serde(default, deserialize_with = "nullable")]
    pub controller: bool,
}

impl ObjectMeta {
    /// The name, or the `generateName` prefix with an ellipsis, or a placeholder: for messages only.
    pub fn display_name(&self) -> String {
        match (&self.name, &self.generate_name) {
            (Some(name), _) if !name.is_empty() => name.clone(),
            (_, Some(prefix)) => format!("{prefix}…"),
            _ => "(unnamed)".to_owned(),
        }
    }

    /// Whether one of the owners manages this object.
    pub fn has_controller(&self) -> bool {
        self.owner_references.iter().any(|owner| owner.controller)
    }
}
