//! Findings for people: the line at fault, what is wrong with it, what to do.

use std::io::{self, Write};
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};

use super::place;
use crate::check::Settings;
use crate::check::outcome::{Located, Outcome, Summary};
use crate::rule::Action;
use crate::rule::Applicability;

/// What stands in an excerpt in place of a value that may be a secret.
const MASK: &str = "***";

/// Writes the findings one after another, then one line that sums up.
pub(super) fn write(outcome: &Outcome, shown: &[&Located], settings: &Settings, out: &mut dyn Write) -> io::Result<()> {
    let renderer = if settings.colour { Renderer::styled() } else { Renderer::plain() };
    for located in shown {
        writeln!(out, "{}\n", finding(outcome, located, &renderer))?;
    }
    writeln!(out, "{}", sum_up(outcome.summary, outcome.problems.len(), settings.show))
}

fn finding(outcome: &Outcome, located: &Located, renderer: &Renderer) -> String {
    let finding = &located.finding;
    let level = match finding.action {
        Action::Deny => Level::ERROR,
        Action::Warn => Level::WARNING,
        Action::Audit | Action::Off => Level::NOTE,
    };
    let (name, position) = place(outcome, located);
    let excerpt = Excerpt::new(&outcome.files[located.file].text, located);
    let object = &located.object;
    let whose = format!("{} {}/{}", object.kind, object.namespace, object.name);
    let snippet = Snippet::source(excerpt.text)
        .line_start(position.line)
        .annotation(AnnotationKind::Primary.span(excerpt.marked).label(whose));
    let title = level.primary_title(finding.message.as_str()).id(finding.rule.code);
    let mut group = if excerpt.is_cut {
        // The renderer counts the column in the excerpt, so it is said apart.
        title.element(Origin::path(name).line(position.line).char_column(position.column)).element(snippet)
    } else {
        title.element(snippet.path(name))
    };
    if !finding.help.is_empty() {
        group = group.element(Level::HELP.message(finding.help.as_str()));
    }
    if let Some(fix) = &finding.fix {
        let kind = match fix.applicability {
            Applicability::Safe => "made at admission",
            Applicability::Unsafe => "unsafe: right only if the volume holds no data yet",
            Applicability::DisplayOnly => "by hand",
        };
        group = group.element(Level::HELP.with_name("fix").message(format!("{} ({kind})", fix.yaml)));
    }
    group = group.element(Level::NOTE.message(format!(
        "`stsguard rules {}` explains; to exempt the object, annotate it {}: \"<reason>\"",
        finding.rule.code,
        finding.rule.exemption()
    )));
    renderer.render(&[group])
}

/// How much of a line is shown on either side of what is at fault, in bytes; more than the renderer has columns for.
const AROUND: usize = 512;

/// The line at fault, with what may be a secret masked; of a very long one, what is near.
struct Excerpt {
    text: String,
    marked: Range<usize>,
    /// Whether it begins inside the line.
    is_cut: bool,
}

impl Excerpt {
    fn new(source: &str, located: &Located) -> Self {
        let shown = &located.shown;
        let first = source.floor_char_boundary(shown.start.saturating_sub(AROUND));
        let last = source.floor_char_boundary(shown.start + AROUND);
        let start = source[first..shown.start].rfind('\n').map_or(first, |newline| first + newline + 1);
        let end = source[shown.start..last].find('\n').map_or(last, |length| shown.start + length);
        let end = start + source[start..end].trim_end().len();
        let clamped = |range: &Range<usize>| range.start.clamp(start, end)..range.end.clamp(start, end);
        let mut text = String::new();
        let mut masks: Vec<(Range<usize>, usize)> = Vec::new();
        let mut at = start;
        let behind = located.hidden.partition_point(|range| range.end <= start);
        let on_the_line = located.hidden[behind..].iter().take_while(|range| range.start < end);
        for hidden in on_the_line.map(clamped).filter(|range| !range.is_empty()) {
            text.push_str(&source[at..hidden.start.max(at)]);
            at = hidden.end.max(at);
            masks.push((hidden, text.len()));
            text.push_str(MASK);
        }
        text.push_str(&source[at..end]);
        // A masked value takes another width, which moves what stands behind it.
        let moved = |offset: usize, inside: usize| match masks.iter().rev().find(|(hidden, _)| offset > hidden.start) {
            Some((hidden, mask)) if offset >= hidden.end => mask + MASK.len() + offset - hidden.end,
            Some((_, mask)) => mask + inside,
            None => offset - start,
        };
        let marked = clamped(shown);
        let marked = moved(marked.start, 0)..moved(marked.end, MASK.len());
        Self { text, marked, is_cut: start > 0 && !source[..start].ends_with('\n') }
    }
}

fn sum_up(summary: Summary, problems: usize, show: Action) -> String {
    let Summary { files, objects, deny, warn, audit, exempt } = summary;
    let counted = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let mut parts = Vec::new();
    if deny > 0 {
        parts.push(format!("{deny} to deny"));
    }
    if warn > 0 {
        parts.push(counted(warn, "warning"));
    }
    if parts.is_empty() {
        parts.push("no findings".to_owned());
    }
    if audit > 0 {
        let hint = if show > Action::Audit { " (--show audit)" } else { "" };
        parts.push(format!("{audit} for the record{hint}"));
    }
    if exempt > 0 {
        parts.push(format!("{exempt} exempt"));
    }
    if problems > 0 {
        parts.push(format!("{} could not be checked", counted(problems, "document")));
    }
    format!("checked {} in {}: {}", counted(objects, "object"), counted(files, "file"), parts.join(", "))
}
