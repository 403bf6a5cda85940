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
use crate::exemption::is_exempt;
use crate::kubernetes::StatefulSet;
use crate::rule::{Policy, Specs, Workload};

/// What an update may not change: the fixes that were made on CREATE, and the record of them.
///
/// The record is ours alone: whatever a client writes, the old one stays, less the codes that an exemption ends. Fixes of
/// restored and owned sets are kept like those of others: it changes nothing that is stored, and without it the server
/// would start on an empty directory.
pub(super) fn update(old: &StatefulSet, new: &StatefulSet, specs: Specs<'_>, policy: &Policy) -> Verdict {
    let mut verdict = Verdict::allow();
    let (rules, recorded) = (policy.rules(), recorded(old));
    let exempt = |code: &str| {
        let rule = rules.iter().find(|rule| rule.info().code == code);
        rule.is_some_and(|rule| {
            let name = rule.info().name;
            policy.is_exemptable(name) && is_exempt(&new.metadata, name)
        })
    };
    // A code that this version does not know was recorded by a later one, which may come back.
    let codes: BTreeSet<_> = recorded.iter().filter(|code| !exempt(code)).cloned().collect();
    let before = Workload::new(old, policy);
    let after = Workload::new(new, policy);
    for rule in rules.iter().filter(|rule| codes.contains(rule.info().code)) {
        let info = rule.info();
        for fix in rule.keep_fixes(&before, &after) {
            verdict.warnings.push(warning(info.code, &format!("{}; put into the manifest: {}", fix.title, fix.yaml)));
            verdict.operations.extend(fix.operations);
            verdict.fixed.push(info.code);
        }
    }
    verdict.fixed.dedup();
    if codes != recorded || self::recorded(new) != recorded {
        verdict.operations.extend(record(new, &codes));
    }
    if codes == recorded && self::recorded(new) != recorded && specs.are_equal() {
        verdict
            .warnings
            .push(format!("stsguard: {FIXED_ANNOTATION} is kept by stsguard; an exemption ends a kept fix"));
    }
    if !verdict.fixed.is_empty() {
        verdict.audit_annotations.insert("kept".to_owned(), verdict.fixed.join(","));
    }
    verdict
}

/// The codes that the set's annotation records.
fn recorded(set: &StatefulSet) -> BTreeSet<String> {
    let written = set.metadata.annotations.get(FIXED_ANNOTATION).map(String::as_str).unwrap_or_default();
    written.split(',').map(str::trim).filter(|code| !code.is_empty()).map(str::to_owned).collect()
}
