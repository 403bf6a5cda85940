//! `stsguard policy`: is a policy valid, and what counts under it?

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::policy_flags::ProfileName;
use super::rules::setting;
use crate::policy::{Unusable, decode};
use crate::rule::{Info, Policy, Setting};
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
}

const AFTER_HELP: &str = "\
Examples:
  stsguard policy policy.yaml
  stsguard policy --profile strict
  kubectl get configmap -n stsguard stsguard-policy \\
    -o jsonpath='{.data.policy\\.yaml}' | stsguard policy -

Exit codes: 0 the policy is valid, 2 it is not, or cannot be read.
Everything that is wrong is told at once, each with its line.";

impl PolicyCommand {
    /// Reads the policy and prints what counts.
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let text = match self.file {
            Some(file) => {
                let (policy, is_empty) = read(&file)?;
                let name = if file.as_os_str() == "-" { "standard input".into() } else { file.to_string_lossy() };
                // Also what a command that failed pipes in.
                let what = if is_empty { "empty, which changes nothing" } else { "a valid policy" };
                format!("{name} is {what}\n\n{}", describe(&policy))
            }
            None => describe(&rules::policy(self.profile.map(ProfileName::profile).unwrap_or_default())),
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

/// What counts, each value with where it comes from.
fn describe(policy: &Policy) -> String {
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
        let (code, name, action, why) = (info.code, info.name, setting(counts), because(policy, index, info, counts));
        let _ = writeln!(text, "{code:<6}  {name:<width$}  {action:<8}  {why}");
    }
    for (code, name, written) in policy.parameters() {
        let _ = writeln!(text, "\n{code} {name}: {written} (the policy says so)");
    }
    text
}

fn because(policy: &Policy, index: usize, info: &Info, counts: Setting) -> String {
    let written = policy.written(index);
    let whose = if policy.names(info) {
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
