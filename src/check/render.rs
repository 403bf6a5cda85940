//! Findings for people and for programs.

mod full;
mod json;

use std::io::{self, Write};

use super::outcome::Outcome;
use super::{Located, Settings};
use crate::yaml::Position;

/// How findings are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// With the line at fault, for people.
    Full,
    /// One JSON object, for programs.
    Json,
}

/// Writes the findings that are to be shown.
pub(super) fn findings(outcome: &Outcome, settings: &Settings, out: &mut dyn Write) -> io::Result<()> {
    let shown: Vec<_> = outcome.findings.iter().filter(|located| located.finding.action >= settings.show).collect();
    match settings.format {
        Format::Full => full::write(outcome, &shown, settings, out),
        Format::Json => json::write(outcome, &shown, out),
    }
}

/// Writes notes and problems, one a line.
pub(super) fn remarks(outcome: &Outcome, log: &mut dyn Write) -> io::Result<()> {
    for (word, remarks) in [("note", &outcome.notes), ("error", &outcome.problems)] {
        for remark in remarks {
            match remark.position {
                Some(Position { line, column }) => {
                    writeln!(log, "{word}: {}:{line}:{column}: {}", remark.file, remark.message)?;
                }
                None => writeln!(log, "{word}: {}: {}", remark.file, remark.message)?,
            }
        }
    }
    Ok(())
}

/// The file and the position of a finding.
fn place<'o>(outcome: &'o Outcome, located: &Located) -> (&'o str, Position) {
    let file = &outcome.files[located.file];
    (&file.name, file.position(located.shown.start))
}
