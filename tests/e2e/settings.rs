//! What the environment says about a run.

use std::env;

use test_cluster::isolation::Run;

#[path = "../cache.rs"]
pub mod cache;

/// `STSGUARD_KEEP_LOGS=1` keeps the logs of a run that passes, `STSGUARD_CONTROL_PLANE` names a folder with the control
/// plane's programs instead of building them.
pub fn run() -> Run {
    Run {
        name: "stsguard-e2e".to_owned(),
        binaries: env::var_os("STSGUARD_CONTROL_PLANE").filter(|folder| !folder.is_empty()).map(Into::into),
        cache: cache::folder(),
        keep_logs: env::var_os("STSGUARD_KEEP_LOGS").is_some(),
    }
}
