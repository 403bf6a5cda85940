//! `stsguard check`.

use std::io::{IsTerminal as _, stderr, stdin, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use time::OffsetDateTime;

use super::policy_flags::PolicyFlags;
use crate::check::{Format, Settings, Status, run};
use crate::rule::Action;

/// Judge manifests before they reach a cluster.
///
/// StatefulSets and Deployments are judged; Services and ConfigMaps among the files are what they are judged with. Files
/// are read as kubectl reads them. Objects of other kinds are passed over.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct CheckFlags {
    /// Files, folders to search for *.yaml, *.yml and *.json, or - for standard input.
    ///
    /// Without any, the current folder.
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    policy: PolicyFlags,
    /// The namespace of objects that name none.
    #[arg(long, short, default_value = "default", value_name = "NAMESPACE")]
    namespace: String,
    /// How findings are written.
    #[arg(long, default_value = "full", value_name = "FORMAT")]
    format: FormatName,
    /// Show findings of this action and sharper ones.
    #[arg(long, default_value = "warn", value_name = "ACTION")]
    show: ActionName,
    /// Exit with 1 on findings of this action and sharper ones.
    #[arg(long, default_value = "deny", value_name = "ACTION")]
    fail_on: FailOn,
    /// Exit with 2 if there is no StatefulSet or Deployment to judge: a pipeline that renders nothing is not green.
    #[arg(long)]
    require_objects: bool,
    /// When to use colours; NO_COLOR is honoured.
    #[arg(long, default_value = "auto", value_name = "WHEN")]
    color: When,
}

const AFTER_HELP: &str = "\
Examples:
  stsguard check                                  the current folder
  stsguard check db.yaml services/ -n shop
  kustomize build overlays/prod | stsguard check -
  stsguard check --format json manifests/ | jq '.findings[].code'
  stsguard check --profile strict --fail-on warn manifests/

Exit codes: 0 nothing to deny (warnings alone are no failure), 1 findings that deny (see --fail-on),
2 something could not be checked: a missing file, a document that kubectl could not read either, with
--require-objects nothing to judge.";

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FormatName {
    /// The line at fault, what is wrong, what to do.
    Full,
    /// One JSON object.
    Json,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ActionName {
    /// What admission would refuse.
    Deny,
    /// And what it would warn of.
    Warn,
    /// And what it would only record.
    Audit,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FailOn {
    /// What admission would refuse.
    Deny,
    /// And what it would warn of.
    Warn,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum When {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl CheckFlags {
    /// Checks and tells.
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let mut paths = self.paths;
        if paths.is_empty() {
            if is_piped_into() {
                eprintln!("note: reading the current folder; to read what is piped in, run `stsguard check -`");
            }
            paths.push(PathBuf::from("."));
        }
        let settings = Settings {
            policy: self.policy.resolve()?,
            paths,
            namespace: self.namespace,
            format: match self.format {
                FormatName::Full => Format::Full,
                FormatName::Json => Format::Json,
            },
            show: match self.show {
                ActionName::Deny => Action::Deny,
                ActionName::Warn => Action::Warn,
                ActionName::Audit => Action::Audit,
            },
            fail_on: match self.fail_on {
                FailOn::Deny => Action::Deny,
                FailOn::Warn => Action::Warn,
            },
            today: Some(OffsetDateTime::now_utc().date()),
            require_objects: self.require_objects,
            colour: match self.color {
                When::Auto => colours_are_welcome(),
                When::Always => true,
                When::Never => false,
            },
        };
        let status = run(&settings, &mut stdin().lock(), &mut stdout().lock(), &mut stderr().lock())?;
        Ok(match status {
            Status::Passed => ExitCode::SUCCESS,
            Status::Failed => ExitCode::from(1),
            Status::Incomplete => ExitCode::from(2),
        })
    }
}

/// Whether standard input is the end of a pipe, as in `helm template . | stsguard check`.
#[cfg(unix)]
fn is_piped_into() -> bool {
    use std::os::fd::AsFd as _;
    use std::os::unix::fs::FileTypeExt as _;
    let kind = stdin().as_fd().try_clone_to_owned().and_then(|input| std::fs::File::from(input).metadata());
    kind.is_ok_and(|metadata| metadata.file_type().is_fifo())
}

#[cfg(not(unix))]
fn is_piped_into() -> bool {
    false
}

/// Whether standard output is a terminal whose user has not asked for plain text (no-color.org).
pub(super) fn colours_are_welcome() -> bool {
    stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
