//! `stsguard certs`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::certificates::local;

/// Make a local CA and a pair that it signs, for trying things out.
#[derive(Debug, Args)]
pub struct CertsFlags {
    /// Names and addresses that the certificate covers; without any, those of this machine and of the chart's Service.
    names: Vec<String>,
    /// The folder to write into; files that exist are never overwritten.
    #[arg(long, default_value = "certs", value_name = "FOLDER")]
    out: PathBuf,
}

impl CertsFlags {
    /// Writes the files and names them.
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let names = if self.names.is_empty() { local::DEFAULT_NAMES.map(str::to_owned).into() } else { self.names };
        for file in local::write(&self.out, &names)? {
            super::print(format_args!("{}\n", file.display()))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
