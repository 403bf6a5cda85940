//! Exemptions on the object: annotations that name a rule and give the reason.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

use crate::kubernetes::ObjectMeta;

/// What every annotation that exempts from a rule starts with; the rule's name follows.
pub const EXEMPTION_PREFIX: &str = "stsguard.dev/exempt-";

/// The names of the rules that the object is exempt from, with the reasons. A blank reason exempts from nothing.
pub fn exemptions(metadata: &ObjectMeta) -> impl Iterator<Item = (&str, &str)> {
    let named =
        metadata.annotations.iter().filter_map(|(key, reason)| Some((key.strip_prefix(EXEMPTION_PREFIX)?, reason)));
    named.map(|(rule, reason)| (rule, reason.trim())).filter(|(_, reason)| !reason.is_empty())
}

/// Whether the object is exempt from the rule of this name.
pub fn is_exempt(metadata: &ObjectMeta, rule: &str) -> bool {
    exemptions(metadata).any(|(name, _)| name == rule)
}
