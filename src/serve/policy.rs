//! The policy file while serving: a good new version is used at once, a bad one changes nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::polled::{Look, Polled};
use super::review::Reviewer;
use crate::policy;
use crate::rule::Policy;
use crate::rules::RULES;

/// Looks at the policy file until the future is dropped.
pub(super) fn follow(path: PathBuf, poll: Duration, reviewer: Arc<Reviewer>) -> impl Future<Output = ()> {
    Polled::file(path, read).follow(poll, move |look| take(look, &reviewer))
}

fn read(path: &Path, bytes: &[u8]) -> Result<Policy, String> {
    // A file that is being written anew by hand is empty for a moment: that must not turn denials on.
    if bytes.trim_ascii().is_empty() {
        return Err(format!("{} is empty; write `profile: recommended` for the defaults", path.display()));
    }
    policy::decode(path, bytes, RULES).map_err(|error| error.to_string())
}

/// Takes over what a look has found.
fn take(look: Look<Policy>, reviewer: &Reviewer) {
    match look {
        // A version that was taken back may have been bad.
        Look::Unchanged => reviewer.metrics.policy_is_current(true),
        Look::Replaced(policy) => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
            reviewer.metrics.policy_loaded(i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
            reviewer.metrics.policy_is_current(true);
            if **reviewer.policy.load() != policy {
                let (profile, enforcement) = (policy.profile.as_str(), policy.enforcement.as_str());
                reviewer.policy.store(Arc::new(policy));
                tracing::info!(profile, enforcement, "a new policy counts");
            }
        }
        Look::Kept { fault, new } => {
            reviewer.metrics.policy_fault();
            reviewer.metrics.policy_is_current(false);
            if new {
                let policy = reviewer.policy.load();
                let (profile, enforcement) = (policy.profile.as_str(), policy.enforcement.as_str());
                tracing::error!(%fault, profile, enforcement, "the policy file cannot be used; the policy before it goes on");
            }
        }
    }
}
