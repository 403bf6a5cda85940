//! One JSON object, for programs.

use std::io::{self, Write};

use serde::Serialize;

use super::place;
use crate::check::outcome::{Identity, Located, Outcome, Remark, Summary};
use crate::rule::Fix;

#[derive(Serialize)]
struct Written<'o> {
    version: &'static str,
    findings: Vec<Entry<'o>>,
    errors: Vec<Said<'o>>,
    notes: Vec<Said<'o>>,
    summary: Summary,
}

/// What is said of a file: a text that could not be checked, or something worth knowing.
#[derive(Serialize)]
struct Said<'o> {
    file: &'o str,
    line: Option<usize>,
    column: Option<usize>,
    message: &'o str,
}

impl<'o> From<&'o Remark> for Said<'o> {
    fn from(remark: &'o Remark) -> Self {
        let Remark { file, position, message } = remark;
        let (line, column) = position.map(|at| (at.line, at.column)).unzip();
        Self { file, line, column, message }
    }
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
    let written = Written {
        version: env!("CARGO_PKG_VERSION"),
        findings: findings.collect(),
        errors: outcome.problems.iter().map(Said::from).collect(),
        notes: outcome.notes.iter().map(Said::from).collect(),
        summary: outcome.summary,
    };
    serde_json::to_writer_pretty(&mut *out, &written)?;
    writeln!(out)
}
