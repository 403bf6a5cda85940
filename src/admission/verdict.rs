//! From a report to a verdict: allow, warn or deny, with messages that fit their channel.

use std::collections::BTreeMap;

use crate::evaluation::Report;
use crate::rule::{Action, Finding, Operation};

/// The API server's advice for one warning; longer ones may be cut.
const WARNING_LENGTH: usize = 120;
/// What is said of a finding that rests on a store alone.
const UNCONFIRMED: &str = " (not confirmed by the API server)";
/// How many warning lines an answer carries at most: all webhooks together may use 4,096 characters.
const WARNING_LINES: usize = 10;
/// How many denials a message spells out.
const DENIALS: usize = 5;
/// How long a denial may be, per finding.
const DENIAL_LENGTH: usize = 500;

/// Our decision about a review.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// Whether the request may go on.
    pub allowed: bool,
    /// Why not.
    pub message: Option<String>,
    /// What the user is told.
    pub warnings: Vec<String>,
    /// The patch.
    pub operations: Vec<Operation>,
    /// What the API server's audit log is told.
    pub audit_annotations: BTreeMap<String, String>,
    /// What it rests on, for logs and metrics.
    pub findings: Vec<Finding>,
    /// The codes of the rules whose fixes are made or kept by this answer.
    pub fixed: Vec<&'static str>,
}

impl Verdict {
    /// Goes on without a word.
    pub fn allow() -> Self {
        Self {
            allowed: true,
            message: None,
            warnings: Vec::new(),
            operations: Vec::new(),
            audit_annotations: BTreeMap::new(),
            findings: Vec::new(),
            fixed: Vec::new(),
        }
    }

    /// The verdict on a final object.
    pub(super) fn of(report: Report) -> Self {
        let mut verdict = Self::allow();
        let denials: Vec<_> = report.findings.iter().filter(|f| f.action == Action::Deny).map(denial).collect();
        if !denials.is_empty() {
            verdict.allowed = false;
            let left_out = denials.len().saturating_sub(DENIALS);
            let mut lines: Vec<_> = denials.into_iter().take(DENIALS).collect();
            if left_out > 0 {
                lines.push(format!("stsguard: {left_out} more; `stsguard check` on the manifest shows all"));
            }
            verdict.message = Some(lines.join("\n"));
        }
        let warned = report.findings.iter().filter(|f| f.action == Action::Warn);
        verdict.warn(warned.map(line));
        for (key, action) in [("denied", Action::Deny), ("warned", Action::Warn), ("found", Action::Audit)] {
            verdict.note(key, report.findings.iter().filter(|f| f.action == action));
        }
        verdict.note("exempt", report.exempt.iter());
        verdict.findings = report.findings;
        verdict
    }

    /// Adds warnings within the budget; the last line says how many were left out.
    pub(super) fn warn(&mut self, lines: impl Iterator<Item = String>) {
        self.warnings.extend(lines);
        if self.warnings.len() > WARNING_LINES {
            let left_out = self.warnings.len() - (WARNING_LINES - 1);
            self.warnings.truncate(WARNING_LINES - 1);
            self.warnings
                .push(format!("stsguard: {left_out} more findings; `stsguard check` on the manifest shows all"));
        }
    }

    /// Tells the API server's audit log of findings, within the same bounds as warnings.
    fn note<'a>(&mut self, key: &str, findings: impl Iterator<Item = &'a Finding>) {
        let said = listed(findings);
        if !said.is_empty() {
            self.audit_annotations.insert(key.to_owned(), said);
        }
    }
}

/// What findings say, in one line: as warnings do, and no more of them.
pub fn listed<'a>(findings: impl Iterator<Item = &'a Finding>) -> String {
    let mut lines: Vec<_> = findings.map(line).collect();
    let left_out = lines.len().saturating_sub(WARNING_LINES);
    if left_out > 0 {
        lines.truncate(WARNING_LINES);
        lines.push(format!("{left_out} more"));
    }
    lines.join("; ")
}

/// A warning of at most 120 characters that starts with the code.
pub(super) fn warning(code: &str, message: &str) -> String {
    shorten(&format!("{code}: {message}"), WARNING_LENGTH)
}

fn line(finding: &Finding) -> String {
    let text = format!("{}: {}", finding.rule.code, finding.message);
    if finding.unconfirmed {
        // However long the text is, this must not be what is cut off.
        shorten(&text, WARNING_LENGTH - UNCONFIRMED.len()) + UNCONFIRMED
    } else {
        shorten(&text, WARNING_LENGTH)
    }
}

fn denial(finding: &Finding) -> String {
    let info = finding.rule;
    let exempt = if finding.exemptable {
        format!("; if this is meant, annotate it {}: \"<reason>\"", info.exemption())
    } else {
        "; if this is meant, ask for an exemption in the policy".to_owned()
    };
    let room = DENIAL_LENGTH.saturating_sub(exempt.chars().count());
    let text = format!("{} {}: {}; {}", info.code, info.name, finding.message, finding.help);
    shorten(text.trim_end_matches("; "), room) + &exempt
}

fn shorten(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(limit.saturating_sub(1)).collect();
    short.push('…');
    short
}
