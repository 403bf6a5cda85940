//! Where programs that tests call are built, once for all runs.

use std::{env, path::PathBuf};

/// The folder that STSGUARD_CACHE names, else `stsguard` in the user's cache: the same as in the Makefile.
pub fn folder() -> PathBuf {
    let named = |variable| env::var_os(variable).filter(|folder| !folder.is_empty()).map(PathBuf::from);
    named("STSGUARD_CACHE").unwrap_or_else(|| {
        let home = || env::home_dir().expect("a user has a home").join(".cache");
        named("XDG_CACHE_HOME").unwrap_or_else(home).join("stsguard")
    })
}
