//! `stsguard policy`: is a policy valid, and what counts under it?

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use time::OffsetDateTime;

use super::policy_flags::ProfileName;
use super::rules::setting;
use crate::policy::{Unusable, decode};
use crate::rule::{Glob, Info, Policy, Setting};
use crate::rules::{self, RULES};

/// Validate a policy file, and show what counts under it and why.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct PolicyCommand {
    /// The policy file; - for standard input; without it the profile as it is.
    #[arg(env = "STSGUARD_POLICY", value_name = "FILE")]
    file: Option<PathBuf>,
    /// The profile to show.
    #[arg(long, value_name = "PROFILE", conflicts_with = "file")]
    profile: Option<ProfileName>,
    /// Show what counts in this namespace.
    #[arg(long, short, value_name = "NAMESPACE")]
    namespace: Option<String>,
}

const AFTER_HELP: &str = "\
Examples:
  stsguard policy policy.yaml
  stsguard policy --profile strict
  stsguard policy policy.yaml -n shop
  kubectl get configmap -n stsguard stsguard-policy \\
    -o jsonpath='{.data.policy\\.yaml}' | stsguard policy -

Exit codes: 0 the policy is valid, 2 it is not, or cannot be read.
Everything that is wrong is told at once, each with its line.";

impl PolicyCommand {
    /// Reads the policy and prints what counts.
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let namespace = self.namespace.as_deref();
        let text = match self.file {
            Some(file) => {
                let (policy, is_empty) = read(&file)?;
                let name = if file.as_os_str() == "-" { "standard input".into() } else { file.to_string_lossy() };
                // Also what a command that failed pipes in.
                let what = if is_empty { "empty, which changes nothing" } else { "a valid policy" };
                format!("{name} is {what}\n\n{}", describe(&policy, namespace))
            }
            None => describe(&rules::policy(self.profile.map(ProfileName::profile).unwrap_or_default()), namespace),
        };
        super::print(text)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The policy, and whether nothing is written there.
fn read(file: &Path) -> Result<(Policy, bool), Unusable> {
    let mut bytes = Vec::new();
    let (shown, read) = if file.as_os_str() == "-" {
        (Path::new("<stdin>"), std::io::stdin().read_to_end(&mut bytes).map(|_| bytes))
    } else {
        (file, std::fs::read(file))
    };
    let bytes = read.map_err(|source| Unusable::Unreadable { path: shown.display().to_string(), source })?;
    let policy = decode(shown, &bytes, RULES)?;
    Ok((policy, bytes.trim_ascii().is_empty()))
}

/// What counts in a namespace, or in all that no override is about, each value with where it comes from.
fn describe(whole: &Policy, namespace: Option<&str>) -> String {
    let here = namespace.and_then(|namespace| whole.within(namespace, None));
    let policy = here.as_ref().unwrap_or(whole);
    let mut text = format!(
        "profile: {} · enforcement: {} · fixes: {}\n\n",
        policy.profile.as_str(),
        policy.enforcement,
        policy.fixes
    );
    let infos = || RULES.iter().map(|rule| rule.info()).enumerate();
    let width = infos().map(|(_, info)| info.name.len()).max().unwrap_or_default();
    let _ = writeln!(text, "{:<6}  {:<width$}  {:<8}  because", "code", "name", "action");
    for (index, info) in infos() {
        let counts = policy.setting(index);
        let (code, name, action, why) =
            (info.code, info.name, setting(counts), because(whole, policy, index, info, counts));
        let _ = writeln!(text, "{code:<6}  {name:<width$}  {action:<8}  {why}");
    }
    for (code, name, written) in policy.parameters() {
        let _ = writeln!(text, "\n{code} {name}: {written} (the policy says so)");
    }
    text + &scopes(whole, namespace)
}

/// What the policy says of some namespaces or objects only.
fn scopes(policy: &Policy, namespace: Option<&str>) -> String {
    let mut text = String::new();
    match namespace {
        None if !policy.overrides.is_empty() => {
            let _ = writeln!(text, "\n{} overrides: show one namespace with -n", policy.overrides.len());
        }
        Some(namespace) if policy.asks_for_labels(namespace) => {
            text.push_str(
                "\nOverrides by label may apply here, which only the cluster knows: the milder setting is shown.\n",
            );
        }
        _ => {}
    }
    let today = Some(OffsetDateTime::now_utc().date());
    let here = |globs: &[Glob]| {
        globs.is_empty() || namespace.is_none_or(|namespace| globs.iter().any(|glob| glob.matches(namespace)))
    };
    for exemption in policy.exemptions.iter().filter(|one| here(&one.namespaces)) {
        let rules: Vec<_> = exemption.rules.iter().map(|index| RULES[*index].info().code).collect();
        let listed = |what: &str, globs: &[Glob]| {
            let globs: Vec<_> = globs.iter().map(ToString::to_string).collect();
            if globs.is_empty() { String::new() } else { format!(" {what} {}", globs.join(", ")) }
        };
        let labels = if exemption.selector.is_some() { " by label" } else { "" };
        let until = match exemption.expires {
            Some(last) if exemption.is_over(today) => format!(" (expired on {last}: it exempts nothing)"),
            Some(last) => format!(" (until {last})"),
            None => String::new(),
        };
        let (names, namespaces) = (listed("named", &exemption.names), listed("in", &exemption.namespaces));
        let _ = writeln!(
            text,
            "\nexempt from {}:{names}{namespaces}{labels}: {}{until}",
            rules.join(", "),
            exemption.reason
        );
    }
    text
}

fn because(whole: &Policy, policy: &Policy, index: usize, info: &Info, counts: Setting) -> String {
    let written = policy.written(index);
    let whose = if written != whole.written(index) {
        "an override for this namespace".to_owned()
    } else if policy.names(info) {
        "the policy says so".to_owned()
    } else {
        format!("profile {}", policy.profile.as_str())
    };
    if counts == written {
        whose
    } else if counts.action != written.action {
        format!("{}, capped by enforcement: {}", setting(written), policy.enforcement)
    } else {
        let switch =
            if policy.fixes { format!("enforcement: {}", policy.enforcement) } else { "fixes: false".to_owned() };
        format!("{whose}, without its fix by {switch}")
    }
}
