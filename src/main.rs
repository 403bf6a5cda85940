//! The `stsguard` command.

use std::process::ExitCode;

use clap::Parser as _;
use stsguard::cli::Cli;

fn main() -> ExitCode {
    // kube and the listener share one cryptography provider.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Cli::parse().run()
}
