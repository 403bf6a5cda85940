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
        // Not on the standard output, which programs read.
        eprintln!("{}", next(&self.out.display().to_string()));
        Ok(ExitCode::SUCCESS)
    }
}

/// What the files are for.
fn next(folder: &str) -> String {
    format!(
        "\nThe webhook serves tls.crt with tls.key; the API server verifies it by ca.crt; ca.key is for you alone.\n\
         Outside a cluster:  stsguard serve --certificates {folder}\n\
         In a cluster:       kubectl create secret tls stsguard-certificate -n stsguard --cert={folder}/tls.crt --key={folder}/tls.key\n\
         \x20                   and give the chart --set-file certificates.caBundle={folder}/ca.crt"
    )
}
