//! What a check found, what it could not read, and what its user should know.

use std::collections::HashSet;
use std::ops::Range;
use std::rc::Rc;

use serde::Serialize;

use super::input::File;
use super::{Settings, Status};
use crate::rule::Finding;
use crate::yaml::{Document, Places, Position, Steps};

/// All that a check has to tell.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The files that were read.
    pub files: Vec<File>,
    /// The findings, in the order of the files.
    pub findings: Vec<Located>,
    /// What could not be checked.
    pub problems: Vec<Remark>,
    /// What was passed over, and what else is worth knowing.
    pub notes: Vec<Remark>,
    /// Whether whole files were passed over, which may define anything.
    pub passed_over: bool,
    /// The names of Services of which only a part was seen.
    pub partial_services: HashSet<String>,
    /// The counts.
    pub summary: Summary,
}

impl Outcome {
    /// Whether every document was understood, so that what is not there is absent.
    pub fn is_complete(&self) -> bool {
        self.problems.is_empty() && !self.passed_over
    }

    /// How the check ended: what could not be checked weighs more than what was found.
    pub fn status(&self, settings: &Settings) -> Status {
        let is_empty = settings.require_objects && self.summary.objects == 0;
        if !self.problems.is_empty() || is_empty {
            Status::Incomplete
        } else if self.findings.iter().any(|located| located.finding.action >= settings.fail_on) {
            Status::Failed
        } else {
            Status::Passed
        }
    }
}

/// The counts of a check.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Files read.
    pub files: usize,
    /// StatefulSets and Deployments judged.
    pub objects: usize,
    /// Findings that deny.
    pub deny: usize,
    /// Findings that warn.
    pub warn: usize,
    /// Findings for the record, shown on request.
    pub audit: usize,
    /// Findings that an annotation exempts.
    pub exempt: usize,
}

/// A finding and where it stands.
#[derive(Debug)]
pub struct Located {
    /// The index of its file.
    pub file: usize,
    /// What to underline, in bytes of the file.
    pub shown: Range<usize>,
    /// Whether that is the value at fault itself; else nobody wrote it, and this is what it would stand in.
    pub is_written: bool,
    /// Where values stand that may be secrets, in bytes of the file: sorted, and none overlaps another.
    pub hidden: Rc<[Range<usize>]>,
    /// The object.
    pub object: Rc<Identity>,
    /// The finding.
    pub finding: Finding,
}

/// Which object it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// The apiVersion as written.
    pub api_version: String,
    /// The kind.
    pub kind: String,
    /// The namespace, with the default filled in.
    pub namespace: String,
    /// The name, or the prefix that a name is generated from.
    pub name: String,
}

/// Something to say about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// The file or folder.
    pub file: String,
    /// Where in it.
    pub position: Option<Position>,
    /// What; lower case, no final stop.
    pub message: String,
}

/// The places of all values that may be secrets: the literals of environment variables, the words of command lines, and the
/// data of Secrets that stand in the same List. Where a document's values cannot be told apart, all of it.
pub(super) fn secrets(document: &Document<'_>, places: &Places) -> Rc<[Range<usize>]> {
    if !places.are_traced() {
        let start = document.start();
        return std::iter::once(start..start + document.text().len()).collect();
    }
    let may_be_secret = |mut steps: Steps<'_>| {
        let (last, index, list) = (steps.next(), steps.next(), steps.next());
        let is_literal =
            last == Some("value") && list == Some("env") && index.is_some_and(|n| n.parse::<usize>().is_ok());
        is_literal || matches!(index, Some("data" | "stringData" | "args" | "command"))
    };
    let mut ranges: Vec<_> = places.of(may_be_secret).map(|mark| mark.value.clone()).collect();
    ranges.sort_by_key(|range| range.start);
    // Several values that one merge key brings stand where it does.
    ranges.dedup_by(|range, before| {
        let overlaps = range.start < before.end;
        before.end = if overlaps { before.end.max(range.end) } else { before.end };
        overlaps
    });
    ranges.into()
}
