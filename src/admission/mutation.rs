//! `/mutate` on CREATE: makes the safe fixes and records them in the annotation.

use std::collections::BTreeSet;

use serde_json::json;

use super::verdict::warning;
use super::{Decision, FIXED_ANNOTATION, Verdict};
use crate::evaluation::Report;
use crate::kubernetes::StatefulSet;
use crate::pointer::Pointer;
use crate::rule::{Action, Finding, Operation, Policy};

/// The fixes for a new set, and the annotation that records them.
///
/// A set that a restore or an operator puts there is left as it is, down to the record that it may bring: its values were
/// fixed in another life, and what a later update does to them is judged by that record.
pub(super) fn create(set: &StatefulSet, report: Report, policy: &Policy) -> Decision {
    if policy.leaves_alone(&set.metadata) {
        return Decision { verdict: Verdict::allow(), needs: Vec::new() };
    }
    // Only what a fix waits for needs a live read here; the rest is for `/validate` to judge.
    let fixable = Report {
        findings: report.findings.into_iter().filter(|f| f.fix.is_some() && f.action > Action::Off).collect(),
        exempt: Vec::new(),
        open: report.open,
    };
    let needs = fixable.fixes_need();
    let mut verdict = Verdict::allow();
    for finding in &fixable.findings {
        if let Some(fix) = finding.safe_fix() {
            verdict.operations.extend(fix.operations.iter().cloned());
            verdict.fixed.push(finding.rule.code);
        }
    }
    verdict.fixed.sort_unstable();
    verdict.fixed.dedup();
    let mut recorded = ours(set);
    recorded.extend(verdict.fixed.iter().map(|code| (*code).to_owned()));
    let lines: Vec<_> = fixable.findings.iter().filter_map(line).collect();
    verdict.warn(lines.into_iter());
    verdict.operations.extend(record(set, &recorded));
    if !verdict.fixed.is_empty() {
        verdict.audit_annotations.insert("fixed".to_owned(), verdict.fixed.join(","));
    }
    verdict.findings = fixable.findings.into_iter().filter(|finding| finding.safe_fix().is_some()).collect();
    Decision { verdict, needs }
}

fn line(finding: &Finding) -> Option<String> {
    let fix = finding.safe_fix()?;
    // A fix that only audits is made in silence: nobody is asked to change a manifest for it.
    (finding.action >= Action::Warn)
        .then(|| warning(finding.rule.code, &format!("{}; put into the manifest: {}", fix.title, fix.yaml)))
}

/// The codes that an earlier call for this very request recorded.
///
/// The API server may call again after other webhooks (reinvocation); the object then carries our own annotation. The
/// one in a copied manifest must not count, and it can be told apart: managedFields are filled before admission, so
/// they name an annotation that the client sent and not one that a webhook added.
fn ours(set: &StatefulSet) -> BTreeSet<String> {
    let written = set.metadata.annotations.get(FIXED_ANNOTATION);
    let from_client = set.metadata.managed_fields.as_ref().is_none_or(|raw| raw.get().contains(FIXED_ANNOTATION));
    written.filter(|_| !from_client).into_iter().flat_map(|codes| codes.split(',')).map(str::to_owned).collect()
}

/// The operations that make the annotation say exactly these codes, whatever a copied manifest said.
pub(super) fn record(set: &StatefulSet, codes: &BTreeSet<String>) -> Vec<Operation> {
    let value = codes.iter().map(String::as_str).collect::<Vec<_>>().join(",");
    let written = set.metadata.annotations.get(FIXED_ANNOTATION);
    let annotations = Pointer::new("/metadata/annotations");
    let path = annotations.clone().field(FIXED_ANNOTATION);
    match (written, codes.is_empty()) {
        (None, true) => Vec::new(),
        (Some(_), true) => vec![Operation::Remove { path }],
        (Some(written), false) if *written == value => Vec::new(),
        (_, false) if set.metadata.annotations.is_empty() => {
            vec![Operation::Add { path: annotations, value: json!({ FIXED_ANNOTATION: value }) }]
        }
        (_, false) => vec![Operation::Add { path, value: json!(value) }],
    }
}
