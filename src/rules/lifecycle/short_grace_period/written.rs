//! Did somebody write the grace period, or did the API server fill it in?

use std::fmt::{self, Formatter};

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::kubernetes::{ObjectMeta, Present, RunsPods, StatefulSet};
use crate::rule::Occasion;

/// Whether somebody wrote the field, as far as it can be seen.
///
/// Admission sees the default filled in, and managedFields of plain creates list defaulted fields too; only an Apply
/// entry and the last applied configuration list what was written.
pub(super) fn is_written(metadata: &ObjectMeta, set: &StatefulSet, occasion: Occasion) -> bool {
    if occasion == Occasion::Check {
        return set.pod().termination_grace_period_seconds.is_some();
    }
    let applied = metadata.annotations.get("kubectl.kubernetes.io/last-applied-configuration");
    // Text that cannot be read may hold the field.
    let in_applied =
        applied.is_some_and(|text| serde_json::from_str(text).map_or(true, |object: Written| object.any()));
    in_applied
        || metadata
            .managed_fields
            .as_ref()
            .is_some_and(|raw| serde_json::from_str(raw.get()).is_ok_and(|Applied(applied)| applied))
}

/// Whether an Apply entry of managedFields names the field. Entries are read one at a time: there may be as many of them
/// as a body holds, and what they take in memory is in no budget.
struct Applied(bool);

impl<'de> Deserialize<'de> for Applied {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ManagedFieldsEntries)
    }
}

struct ManagedFieldsEntries;

impl<'de> Visitor<'de> for ManagedFieldsEntries {
    type Value = Applied;

    fn expecting(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of managed fields")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Applied, A::Error> {
        let mut applied = false;
        while let Some(entry) = entries.next_element::<ManagedFieldsEntry>()? {
            applied |= entry.operation.as_deref() == Some("Apply") && entry.fields.is_some_and(|fields| fields.any());
        }
        Ok(Applied(applied))
    }
}

/// An entry of managedFields, in the API's words a ManagedFieldsEntry.
#[derive(Deserialize)]
struct ManagedFieldsEntry {
    operation: Option<String>,
    #[serde(rename = "fieldsV1")]
    fields: Option<Written>,
}

/// The way to the field, in an object or in managedFields; whatever lies beside it is skipped, which is most of both.
#[derive(Deserialize)]
struct Written {
    #[serde(alias = "f:spec")]
    spec: Option<WrittenSpec>,
}

#[derive(Deserialize)]
struct WrittenSpec {
    #[serde(alias = "f:template")]
    template: Option<WrittenTemplate>,
}

#[derive(Deserialize)]
struct WrittenTemplate {
    #[serde(alias = "f:spec")]
    spec: Option<WrittenPod>,
}

#[derive(Deserialize)]
struct WrittenPod {
    #[serde(rename = "terminationGracePeriodSeconds", alias = "f:terminationGracePeriodSeconds")]
    grace: Option<Present>,
}

impl Written {
    fn any(&self) -> bool {
        let pod = self.spec.as_ref().and_then(|spec| spec.template.as_ref()?.spec.as_ref());
        pod.is_some_and(|pod| pod.grace.is_some())
    }
}
