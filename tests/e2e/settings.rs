//! What the environment says about a run.

use std::env;

use test_cluster::isolation::Run;

#[path = "../cache.rs"]
pub mod cache;

/// `STSGUARD_KEEP_LOGS=1` keeps the logs of a run that passes, `STSGUARD_CONTROL_PLANE` names a folder with the control
/// plane's programs instead of building them, and `STSGUARD_KUBERNETES` the version that is built.
pub fn run() -> Run {
    let named = |variable| env::var_os(variable).filter(|value| !value.is_empty());
    Run {
        name: "stsguard-e2e".to_owned(),
        binaries: named("STSGUARD_CONTROL_PLANE").map(Into::into),
        kubernetes: named("STSGUARD_KUBERNETES").map(|version| version.to_string_lossy().into_owned()),
        cache: cache::folder(),
        keep_logs: env::var_os("STSGUARD_KEEP_LOGS").is_some(),
    }
}
