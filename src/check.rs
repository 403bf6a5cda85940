//! The same rules over files: gather, evaluate with all documents as the context, render, and say how it ended.

mod content;
mod facts;
mod input;
mod object;
mod origin;
mod outcome;
mod partial;
mod render;

use std::io::{self, Read, Write};
use std::ops::Range;
use std::path::PathBuf;
use std::rc::Rc;

use time::Date;

pub use self::outcome::{Located, Outcome, Summary};
pub use self::render::Format;

use self::content::Object;
use self::facts::Files;
use self::input::Gathered;
use self::object::Entry;
use crate::evaluation::{Change, Subject, evaluate};
use crate::facts::Answers;
use crate::rule::{Action, Policy};
use crate::rule::{Context, Finding};
use crate::yaml::Places;

/// What to check, and how to tell.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Files, folders, and `-` for standard input.
    pub paths: Vec<PathBuf>,
    /// The policy.
    pub policy: Policy,
    /// The namespace of objects that name none.
    pub namespace: String,
    /// How findings are written.
    pub format: Format,
    /// The mildest action whose findings are shown.
    pub show: Action,
    /// The mildest action that counts as a failure.
    pub fail_on: Action,
    /// The day (UTC), where exemptions may have expired.
    pub today: Option<Date>,
    /// Whether it is a failure that there is nothing to judge.
    pub require_objects: bool,
    /// Whether colours may be used.
    pub colour: bool,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Nothing that counts as a failure was found.
    Passed,
    /// Something was found.
    Failed,
    /// Something could not be checked.
    Incomplete,
}

/// Checks and writes what was found to `out`, notes and errors to `log`.
///
/// # Errors
/// Only what writing meets; what cannot be read is part of the outcome. A reader that goes away, as `head` does, is none.
pub fn run(settings: &Settings, stdin: &mut dyn Read, out: &mut dyn Write, log: &mut dyn Write) -> io::Result<Status> {
    let outcome = check(settings, stdin);
    let written = render::remarks(&outcome, log)
        .and_then(|()| render::findings(&outcome, settings, out))
        .and_then(|()| out.flush());
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(outcome.status(settings)),
    }
}

/// Reads and evaluates; everything that is to be told is in the outcome.
pub fn check(settings: &Settings, stdin: &mut dyn Read) -> Outcome {
    let mut gathered = input::gather(&settings.paths, stdin);
    let mut outcome = Outcome { problems: std::mem::take(&mut gathered.problems), ..Outcome::default() };
    outcome.notes = std::mem::take(&mut gathered.notes);
    let entries = object::entries(&gathered.files, &settings.namespace, &mut outcome);
    let facts = Files::new(&gathered.files, &entries, &outcome);
    let answers = Answers::new();
    let mut tracer = Tracer::default();
    for entry in &entries {
        let view = facts.seen_from(entry.file);
        let context =
            Context::new(&settings.policy, entry.occasion, &entry.namespace, &view, &answers).on(settings.today);
        let report = match &entry.object {
            Some(Object::StatefulSet(set)) => evaluate(&Subject::StatefulSet(set, Change::State), context),
            Some(Object::Deployment(deployment)) => evaluate(&Subject::Deployment { deployment, old: None }, context),
            None => continue,
        };
        outcome.summary.objects += 1;
        outcome.summary.exempt += report.exempt.len();
        outcome.findings.extend(tracer.locate(entry, &gathered, report.findings));
    }
    outcome.notes.extend(facts.contradictions(&gathered.files, &entries));
    outcome.summary.files = gathered.files.len();
    for located in &outcome.findings {
        match located.finding.action {
            Action::Deny => outcome.summary.deny += 1,
            Action::Warn => outcome.summary.warn += 1,
            Action::Audit => outcome.summary.audit += 1,
            Action::Off => {}
        }
    }
    outcome.files = gathered.files;
    outcome
}

/// Finds places. A document is read again for this only if there is a finding in it, and once for all objects of a List.
#[derive(Default)]
struct Tracer {
    latest: Option<Traced>,
}

/// The places of one document's values.
struct Traced {
    file: usize,
    start: usize,
    places: Places,
    hidden: Rc<[Range<usize>]>,
}

impl Tracer {
    /// Adds to each finding where it stands.
    fn locate(&mut self, entry: &Entry<'_>, gathered: &Gathered, findings: Vec<Finding>) -> Vec<Located> {
        if findings.is_empty() {
            return Vec::new();
        }
        let text = &gathered.files[entry.file].text;
        let Traced { places, hidden, .. } = self.trace(entry);
        let mut located: Vec<_> = findings
            .into_iter()
            .map(|finding| {
                let pointer = finding.pointer.below(&entry.prefix);
                Located {
                    file: entry.file,
                    shown: places.nearest(&pointer).shown(text),
                    is_written: places.holds(&pointer),
                    hidden: Rc::clone(hidden),
                    object: Rc::clone(&entry.identity),
                    finding,
                }
            })
            .collect();
        located.sort_by_key(|located| (located.shown.start, located.finding.rule.code));
        located
    }

    fn trace(&mut self, entry: &Entry<'_>) -> &Traced {
        let (file, start) = (entry.file, entry.document.start());
        let known = self.latest.take().filter(|traced| (traced.file, traced.start) == (file, start));
        self.latest.insert(known.unwrap_or_else(|| {
            let places = entry.document.places();
            let hidden = outcome::secrets(&entry.document, &places);
            Traced { file, start, places, hidden }
        }))
    }
}
