//! The flags that choose a policy, the same for all commands that judge.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::policy::{Unusable, decode};
use crate::rule::{Policy, Profile};
use crate::rules::{self, RULES};

/// Which policy counts.
#[derive(Debug, Args)]
pub struct PolicyFlags {
    /// The policy file; without it the profile counts as it is.
    #[arg(long, env = "STSGUARD_POLICY", value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// The profile, where no policy file says otherwise.
    #[arg(long, value_name = "PROFILE", conflicts_with = "policy")]
    pub profile: Option<ProfileName>,
}

/// A profile's name.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum ProfileName {
    /// Denies only what surely breaks or loses data in every cluster.
    Baseline,
    /// The default.
    Recommended,
    /// For those who want every finding fixed.
    Strict,
}

impl ProfileName {
    /// The profile of this name.
    pub(super) fn profile(self) -> Profile {
        match self {
            Self::Baseline => Profile::Baseline,
            Self::Recommended => Profile::Recommended,
            Self::Strict => Profile::Strict,
        }
    }
}

impl PolicyFlags {
    /// Reads the policy.
    pub(super) fn resolve(&self) -> Result<Policy, Unusable> {
        let profile = self.profile.map(ProfileName::profile).unwrap_or_default();
        let Some(path) = &self.policy else { return Ok(rules::policy(profile)) };
        let bytes =
            std::fs::read(path).map_err(|source| Unusable::Unreadable { path: path.display().to_string(), source })?;
        decode(path, &bytes, RULES)
    }
}
