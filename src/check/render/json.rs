//! One JSON object, for programs.

use std::io::{self, Write};

use serde::Serialize;

use super::place;
use crate::check::outcome::{Identity, Located, Outcome, Summary};
use crate::rule::Fix;

#[derive(Serialize)]
struct Written<'o> {
    findings: Vec<Entry<'o>>,
    summary: Summary,
}

#[derive(Serialize)]
struct Entry<'o> {
    code: &'o str,
    name: &'o str,
    action: &'o str,
    message: &'o str,
    help: &'o str,
    file: &'o str,
    line: usize,
    column: usize,
    pointer: &'o str,
    object: &'o Identity,
    fix: Option<&'o Fix>,
}

/// Writes all findings as one object.
pub(super) fn write(outcome: &Outcome, shown: &[&Located], out: &mut dyn Write) -> io::Result<()> {
    let findings = shown.iter().map(|located| {
        let (file, position) = place(outcome, located);
        let finding = &located.finding;
        Entry {
            code: finding.rule.code,
            name: finding.rule.name,
            action: finding.action.as_str(),
            message: &finding.message,
            help: &finding.help,
            file,
            line: position.line,
            column: position.column,
            pointer: finding.pointer.as_str(),
            object: &located.object,
            fix: finding.fix.as_ref(),
        }
    });
    let written = Written { findings: findings.collect(), summary: outcome.summary };
    serde_json::to_writer_pretty(&mut *out, &written)?;
    writeln!(out)
}
