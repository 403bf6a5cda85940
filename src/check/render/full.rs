//! Findings for people: the line at fault, what is wrong with it, what to do.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};

use super::place;
use crate::check::Settings;
use crate::check::outcome::{Located, Outcome, Summary};
use crate::rule::{Action, Applicability, Finding};

/// What stands in an excerpt in place of a value that may be a secret.
const MASK: &str = "***";

/// Writes the findings one after another, then one line that sums up.
pub(super) fn write(outcome: &Outcome, shown: &[&Located], settings: &Settings, out: &mut dyn Write) -> io::Result<()> {
    let renderer = if settings.colour { Renderer::styled() } else { Renderer::plain() };
    for located in shown {
        writeln!(out, "{}\n", compact(&finding(outcome, located, &renderer)))?;
    }
    by_rule(shown, out)?;
    writeln!(out, "{}", sum_up(outcome.summary, outcome.problems.len(), settings.show))
}

/// Without the lines that hold nothing but the gutter's bar.
fn compact(rendered: &str) -> String {
    let is_bare = |line: &str| {
        let styles = |part: &str| part.split_once('m').map_or(part, |(_, shown)| shown).to_owned();
        let mut parts = line.split('\u{1b}');
        let plain = parts.next().unwrap_or_default().to_owned() + &parts.map(styles).collect::<String>();
        plain.trim() == "|"
    };
    rendered.lines().filter(|line| !is_bare(line)).collect::<Vec<_>>().join("\n")
}

/// One line a rule: how often it speaks, and the annotation that exempts from it.
fn by_rule(shown: &[&Located], out: &mut dyn Write) -> io::Result<()> {
    let mut counts = BTreeMap::<_, (&Finding, BTreeMap<Reverse<Action>, usize>)>::new();
    for located in shown {
        let finding = &located.finding;
        let (_, counted) = counts.entry(finding.rule.code).or_insert_with(|| (finding, BTreeMap::new()));
        *counted.entry(Reverse(located.finding.action)).or_default() += 1;
    }
    if counts.is_empty() {
        return Ok(());
    }
    let lines: Vec<_> = counts
        .into_values()
        .map(|(finding, counted)| {
            let parts: Vec<_> = counted.iter().map(|(Reverse(action), count)| count_of(*count, *action)).collect();
            (finding, parts.join(", "))
        })
        .collect();
    let width = lines.iter().map(|(_, counted)| counted.len()).max().unwrap_or_default();
    writeln!(out, "`stsguard rules CODE` explains; to exempt an object, annotate it with the reason:")?;
    for (finding, counted) in lines {
        let how = if finding.exemptable {
            format!("{}: \"<reason>\"", finding.rule.exemption())
        } else {
            "only the policy exempts from this rule".to_owned()
        };
        writeln!(out, "  {}  {counted:width$}  {how}", finding.rule.code)?;
    }
    writeln!(out)
}

/// `3 warnings`, `1 to deny`.
fn count_of(count: usize, action: Action) -> String {
    match action {
        Action::Deny => format!("{count} to deny"),
        Action::Warn => counted(count, "warning"),
        Action::Audit | Action::Off => format!("{count} for the record"),
    }
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn finding(outcome: &Outcome, located: &Located, renderer: &Renderer) -> String {
    let finding = &located.finding;
    let level = match finding.action {
        Action::Deny => Level::ERROR,
        Action::Warn => Level::WARNING,
        Action::Audit | Action::Off => Level::NOTE,
    };
    let (name, position) = place(outcome, located);
    let object = &located.object;
    let whose = format!("{} {}/{}", object.kind, object.namespace, object.name);
    let title =
        level.primary_title(finding.message.as_str()).id(format!("{} {}", finding.rule.code, finding.rule.name));
    let mut group = if located.is_written {
        let excerpt = Excerpt::new(&outcome.files[located.file].text, located);
        let snippet = Snippet::source(excerpt.text)
            .line_start(position.line)
            .annotation(AnnotationKind::Primary.span(excerpt.marked).label(whose));
        if excerpt.is_cut {
            // The renderer counts the column in the excerpt, so it is said apart.
            title.element(Origin::path(name).line(position.line).char_column(position.column)).element(snippet)
        } else {
            title.element(snippet.path(name))
        }
    } else {
        // What is not written cannot be shown: only where it would stand.
        title.element(Origin::path(format!("{name}:{}:{}: {whose}", position.line, position.column)))
    };
    let (help, fix) = advice(finding);
    if !help.is_empty() {
        group = group.element(Level::HELP.message(help));
    }
    if let Some(fix) = fix {
        group = group.element(Level::HELP.with_name("fix").message(fix));
    }
    renderer.render(&[group])
}

/// What to do, and the fix where that says something else.
fn advice(finding: &Finding) -> (String, Option<String>) {
    let help = finding.help.clone();
    let Some(fix) = &finding.fix else { return (help, None) };
    let kind = match fix.applicability {
        Applicability::Safe => " (made at admission)",
        Applicability::Unsafe => " (unsafe: right only if the volume holds no data yet)",
        Applicability::DisplayOnly => "",
    };
    if help.contains(&fix.yaml) { (help + kind, None) } else { (help, Some(format!("{}{kind}", fix.yaml))) }
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
    let mut parts = Vec::new();
    for (count, action) in [(deny, Action::Deny), (warn, Action::Warn)] {
        if count > 0 {
            parts.push(count_of(count, action));
        }
    }
    if objects == 0 {
        parts.push("there is no StatefulSet or Deployment in what was read".to_owned());
    } else if parts.is_empty() {
        parts.push("no findings".to_owned());
    }
    if audit > 0 {
        let hint = if show > Action::Audit { " (--show audit)" } else { "" };
        parts.push(format!("{}{hint}", count_of(audit, Action::Audit)));
    }
    if exempt > 0 {
        parts.push(format!("{exempt} exempt"));
    }
    if problems > 0 {
        parts.push(format!("{} could not be checked", counted(problems, "document")));
    }
    let what = if objects == 0 { "nothing".to_owned() } else { counted(objects, "object") };
    format!("checked {what} in {}: {}", counted(files, "file"), parts.join(", "))
}
