//! `/mutate` on UPDATE: fixes made on CREATE are kept when an update brings the bad default back.
//!
//! `kubectl replace`, an operator's PUT, a migration between apply kinds and `helm upgrade` send the original manifest
//! again. For an immutable field that would be a 422; for PGDATA the server would start on the mount root, with an
//! empty database. Putting exactly the old value back leaves the template as it was, so nothing restarts. It does not
//! depend on the rule's present action, fix switch or profile: an admin's switch must not move data directories.

use std::collections::BTreeSet;

use super::mutation::record;
use super::verdict::warning;
use super::{FIXED_ANNOTATION, Verdict};
use crate::evaluation::{Workload, exemption};
use crate::kubernetes::StatefulSet;
use crate::policy::Policy;
use crate::rules::RULES;

/// The operations that keep what was fixed, if anything.
pub(super) fn update(old: &StatefulSet, new: &StatefulSet, policy: &Policy) -> Verdict {
    let mut verdict = Verdict::allow();
    let Some(recorded) = old.metadata.annotations.get(FIXED_ANNOTATION) else {
        // Only we write the record: one that a copied manifest brings would keep what nobody fixed.
        verdict.operations.extend(record(new, &BTreeSet::new()));
        return verdict;
    };
    let before = Workload::new(old, policy);
    let after = Workload::new(new, policy);
    let mut codes = BTreeSet::new();
    let mut ended = false;
    for rule in RULES.iter().filter(|rule| recorded.split(',').any(|code| code.trim() == rule.info().code)) {
        let info = rule.info();
        if exemption(&new.metadata, *rule).is_some() {
            ended = true;
            continue;
        }
        codes.insert(info.code.to_owned());
        if let Some(fix) = rule.keep_fix(&before, &after) {
            verdict.warnings.push(warning(info.code, &format!("{}; put into the manifest: {}", fix.title, fix.yaml)));
            verdict.operations.extend(fix.operations);
            verdict.fixed.push(info.code);
        }
    }
    // An annotation that goes while the values stay is a manifest that holds them now: nothing left to record.
    if !verdict.fixed.is_empty() || (ended && new.metadata.annotations.contains_key(FIXED_ANNOTATION)) {
        verdict.operations.extend(record(new, &codes));
    }
    if !verdict.fixed.is_empty() {
        verdict.audit_annotations.insert("kept".to_owned(), verdict.fixed.join(","));
    }
    verdict
}
