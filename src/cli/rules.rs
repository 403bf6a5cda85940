//! `stsguard rules`: the catalogue, and one rule explained.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::policy::did_you_mean;
use crate::rule::{Front, Info, Profile, Setting};
use crate::rules::RULES;

/// List the rules, or explain one.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct RulesFlags {
    /// A rule's code or name; without it all rules are listed.
    #[arg(value_name = "RULE")]
    rule: Option<String>,
    /// How it is written.
    #[arg(long, default_value = "text", value_name = "FORMAT")]
    format: FormatName,
}

const AFTER_HELP: &str = "\
Examples:
  stsguard rules
  stsguard rules STS301
  stsguard rules short-grace-period --format markdown

Actions: deny refuses, warn lets pass with a warning, audit only records, off does not look. A plus says that the
webhook fixes what it finds where that is proved harmless.";

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FormatName {
    /// For the terminal.
    Text,
    /// For programs.
    Json,
    /// For documentation.
    Markdown,
}

impl RulesFlags {
    /// Prints the catalogue or one rule.
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let infos: Vec<&Info> = RULES.iter().map(|rule| rule.info()).collect();
        let text = match (self.rule, self.format) {
            (None, FormatName::Text) => table(&infos),
            (None, FormatName::Json) => pretty(&infos.iter().map(|info| summary(info)).collect()),
            (None, FormatName::Markdown) => markdown_table(&infos),
            (Some(rule), format) => {
                let Some(index) = RULES.find(&rule) else {
                    let known = infos.iter().flat_map(|info| [info.name, info.code]);
                    let advice = did_you_mean(&rule, known).unwrap_or_default();
                    anyhow::bail!(
                        "there is no rule {rule:?}; {advice}{}`stsguard rules` lists all",
                        if advice.is_empty() { "" } else { " " }
                    );
                };
                let info = infos[index];
                match format {
                    FormatName::Text => explain(info, super::check::colours_are_welcome()),
                    FormatName::Json => {
                        let mut value = summary(info);
                        value["docs"] = docs(info).into();
                        pretty(&value)
                    }
                    FormatName::Markdown => page(info),
                }
            }
        };
        super::print(text)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// `warn`, or `warn +` where the fix is made too.
pub(super) fn setting(setting: Setting) -> String {
    format!("{}{}", setting.action, if setting.fix { " +" } else { "" })
}

fn table(infos: &[&Info]) -> String {
    let width = infos.iter().map(|info| info.name.len()).max().unwrap_or_default();
    let mut text =
        format!("{:<6}  {:<width$}  {:<8}  {:<11}  {:<6}  \n", "code", "name", "baseline", "recommended", "strict");
    for info in infos {
        let [baseline, recommended, strict] = info.defaults.map(setting);
        let (code, name, summary) = (info.code, info.name, info.summary());
        let _ = writeln!(text, "{code:<6}  {name:<width$}  {baseline:<8}  {recommended:<11}  {strict:<6}  {summary}");
    }
    text
}

fn markdown_table(infos: &[&Info]) -> String {
    let mut text = "| code | name | baseline | recommended | strict | `check` | admission | finds |\n\
                    |---|---|---|---|---|---|---|---|\n"
        .to_owned();
    for info in infos {
        let [baseline, recommended, strict] = info.defaults.map(setting);
        let (code, name, summary) = (info.code, info.name, info.summary());
        let (check, admission) = (at_check(info), at_admission(info));
        let _ = writeln!(
            text,
            "| {code} | {name} | {baseline} | {recommended} | {strict} | {check} | {admission} | {summary} |"
        );
    }
    text
}

fn summary(info: &Info) -> Value {
    let profiles = Profile::ALL.iter().zip(info.defaults).map(|(profile, setting)| {
        (profile.as_str().to_owned(), json!({"action": setting.action.as_str(), "fix": setting.fix}))
    });
    json!({
        "code": info.code,
        "name": info.name,
        "since": info.since,
        "summary": info.summary(),
        "profiles": profiles.collect::<serde_json::Map<_, _>>(),
        "check": at_check(info),
        "admission": at_admission(info),
    })
}

/// The kinds of objects of which it speaks at `check`, `no` where it does not.
fn at_check(info: &Info) -> String {
    let hooks = info.hooks.iter().filter(|hook| hook.is_run_by(Front::Check));
    let kinds = hooks.map(|hook| hook.kind()).collect::<Vec<_>>().join(", ");
    if kinds.is_empty() { "no".to_owned() } else { kinds }
}

/// The operations on kinds of objects of which it speaks at admission, and the chart's value without which none is sent.
fn at_admission(info: &Info) -> String {
    let told = |kind: &str| {
        let hooks = || info.hooks.iter().filter(|hook| hook.kind() == kind);
        let sent: Vec<_> = hooks().flat_map(|hook| hook.reviewed()).map(|review| operation(review)).collect();
        let operations: Vec<_> = OPERATIONS.into_iter().filter(|word| sent.contains(word)).collect();
        let value = hooks().find_map(|hook| hook.asked_with()).map(|value| format!(" with `{value}`"));
        let value = value.unwrap_or_default();
        (!operations.is_empty()).then(|| format!("{kind} {}{value}", operations.join(", ")))
    };
    ["StatefulSet", "Service", "Deployment"].into_iter().filter_map(told).collect::<Vec<_>>().join("; ")
}

/// The words for operations, in the order of an object's life.
const OPERATIONS: [&str; 4] = ["create", "update", "scale", "delete"];

fn operation((resource, operation): &(&str, &str)) -> &'static str {
    match *operation {
        _ if resource.ends_with("/scale") => "scale",
        "CREATE" => "create",
        "UPDATE" => "update",
        _ => "delete",
    }
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

/// The documentation without the space that doc comments start with.
fn docs(info: &Info) -> String {
    let lines = info.docs.lines().map(|line| line.strip_prefix(' ').unwrap_or(line));
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}

fn page(info: &Info) -> String {
    let [baseline, recommended, strict] = info.defaults.map(setting);
    format!(
        "# {} {}\n\nSince {}. Baseline: {baseline}. Recommended: {recommended}. Strict: {strict}.\n\nAt `check`: {}. At \
         admission: {}.\n\n{}\n",
        info.code,
        info.name,
        info.since,
        at_check(info),
        at_admission(info),
        docs(info)
    )
}

/// The documentation for a terminal: headings in bold, code indented.
fn explain(info: &Info, colour: bool) -> String {
    let (bold, plain) = if colour { ("\u{1b}[1m", "\u{1b}[0m") } else { ("", "") };
    let [baseline, recommended, strict] = info.defaults.map(setting);
    let mut text = format!(
        "{bold}{} {}{plain}\nbaseline: {baseline} · recommended: {recommended} · strict: {strict} · since {}\ncheck: {} · \
         admission: {}\n\n",
        info.code,
        info.name,
        info.since,
        at_check(info),
        at_admission(info)
    );
    let mut in_code = false;
    for line in docs(info).lines() {
        if line.starts_with("```") {
            in_code = !in_code;
        } else if in_code {
            let _ = writeln!(text, "    {line}");
        } else if let Some(heading) = line.strip_prefix("## ") {
            let _ = writeln!(text, "{bold}{heading}{plain}");
        } else {
            let _ = writeln!(text, "{line}");
        }
    }
    text
}
