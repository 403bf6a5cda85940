//! The command line.

mod certs;
mod check;
mod policy;
mod policy_flags;
mod probe;
mod release;
mod review;
mod rules;
mod serve;

use std::fmt::Display;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Guards stateful workloads on Kubernetes: an admission webhook and a checker for manifests, with the same rules.
#[derive(Debug, Parser)]
#[command(name = "stsguard", version, max_term_width = 100, after_help = AFTER_HELP)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Examples:
  stsguard check manifests/             judge all manifests in a folder
  helm template db ./chart | stsguard check -
  stsguard rules                        list the rules
  stsguard rules STS101                 explain one
  stsguard policy policy.yaml           validate a policy and show what counts
  stsguard certs && stsguard serve --certificates certs

Exit codes: 0 all is well, 1 `check` found something that denies, 2 something could not be done.";

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::CheckFlags),
    Rules(rules::RulesFlags),
    Policy(policy::PolicyCommand),
    Review(review::ReviewFlags),
    Serve(Box<serve::ServeFlags>),
    Certs(certs::CertsFlags),
    Probe(probe::ProbeFlags),
    Release(release::ReleaseFlags),
}

impl Cli {
    /// Runs the command.
    pub fn run(self) -> ExitCode {
        let ended = match self.command {
            Command::Check(flags) => flags.run(),
            Command::Rules(flags) => flags.run(),
            Command::Policy(flags) => flags.run(),
            Command::Review(flags) => flags.run(),
            Command::Serve(flags) => flags.run(),
            Command::Certs(flags) => flags.run(),
            Command::Probe(flags) => flags.run(),
            Command::Release(flags) => flags.run(),
        };
        ended.unwrap_or_else(|error| {
            eprintln!("stsguard: {error:#}");
            ExitCode::from(2)
        })
    }
}

/// Prints to standard output; a reader that has gone away, as `head` does, is no error.
fn print(text: impl Display) -> anyhow::Result<()> {
    use std::io::{ErrorKind, Write as _, stdout};
    match write!(stdout(), "{text}").and_then(|()| stdout().flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
