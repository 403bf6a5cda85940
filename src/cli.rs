//! The command line.

mod serve;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::certificates::local;

/// Guards stateful workloads on Kubernetes.
#[derive(Debug, Parser)]
#[command(name = "stsguard", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::ServeFlags),
    /// Make a local CA and a pair signed by it.
    Certs {
        /// Names and addresses that the certificate covers.
        names: Vec<String>,
        /// The folder to write into.
        #[arg(long, default_value = "certs", value_name = "FOLDER")]
        out: PathBuf,
    },
}

impl Cli {
    /// Runs the command.
    pub fn run(self) -> ExitCode {
        match self.command {
            Command::Serve(flags) => {
                flags.log();
                let runtime = match tokio::runtime::Runtime::new() {
                    Ok(runtime) => runtime,
                    Err(error) => return fail(&error),
                };
                match runtime.block_on(crate::serve::run(flags.settings(crate::policy::Policy::default()))) {
                    Ok(()) => ExitCode::SUCCESS,
                    Err(error) => fail(&error),
                }
            }
            Command::Certs { names, out } => {
                let names = if names.is_empty() { local::DEFAULT_NAMES.map(str::to_owned).into() } else { names };
                match local::write(&out, &names) {
                    Ok(_) => ExitCode::SUCCESS,
                    Err(error) => fail(&error),
                }
            }
        }
    }
}

fn fail(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("stsguard: {error}");
    ExitCode::from(2)
}
