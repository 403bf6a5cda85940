//! What is exempt, and what is left alone: objects of a restore and of an operator.

use crate::kubernetes::ObjectMeta;
use crate::policy::{Owned, Policy};
use crate::rules::{EXEMPTION_PREFIX, Rule};

/// Why the object is exempt from this rule, if it is: the reason in its annotation, which must not be blank.
pub fn exemption<'a>(metadata: &'a ObjectMeta, rule: &dyn Rule) -> Option<&'a str> {
    let reason = metadata.annotations.get(&rule.info().exemption())?.trim();
    (!reason.is_empty()).then_some(reason)
}

/// Whether the object is exempt from the rule of this name.
pub fn exempts(metadata: &ObjectMeta, rule: &str) -> bool {
    let mut annotations = metadata.annotations.iter();
    annotations.any(|(key, reason)| key.strip_prefix(EXEMPTION_PREFIX) == Some(rule) && !reason.trim().is_empty())
}

/// Whether fixes are out of the question for this object: a restore or an operator put it there.
pub fn is_left_alone(metadata: &ObjectMeta, policy: &Policy) -> bool {
    is_restored(metadata, policy) || is_owned(metadata, policy)
}

pub(super) fn is_restored(metadata: &ObjectMeta, policy: &Policy) -> bool {
    policy.restore_labels.iter().any(|label| metadata.labels.contains_key(label))
}

pub(super) fn is_owned(metadata: &ObjectMeta, policy: &Policy) -> bool {
    policy.owned_by_controllers == Owned::Audit && metadata.controller().is_some()
}
