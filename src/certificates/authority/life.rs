//! How long certificates live, and when they are late.

use std::time::Duration;

use x509_parser::certificate::Validity;

/// How long what stsguard makes lives.
#[derive(Debug, Clone)]
pub struct Lives {
    /// A CA; its successor is published when a third of this is left.
    pub authority: Duration,
    /// A serving certificate; renewed when a third of this is left.
    pub leaf: Duration,
    /// How long every webhook entry must have shown a new CA before it is used: other API servers hear of it later.
    pub settle: Duration,
}

impl Default for Lives {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(86_400);
        Self { authority: DAY * 365, leaf: DAY * 30, settle: Duration::from_secs(60) }
    }
}

/// From when to when something is valid, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Life {
    pub(super) start: i64,
    pub(super) end: i64,
}

impl Life {
    pub(super) fn contains(self, now: i64) -> bool {
        self.start <= now && now < self.end
    }

    /// Whether less than a third of `whole` is left.
    pub(super) fn is_late(self, now: i64, whole: Duration) -> bool {
        let third = i64::try_from(whole.as_secs() / 3).unwrap_or(i64::MAX);
        now >= self.end.saturating_sub(third)
    }
}

impl From<&Validity> for Life {
    fn from(validity: &Validity) -> Self {
        Self { start: validity.not_before.timestamp(), end: validity.not_after.timestamp() }
    }
}
