//! What is done about a finding.

use std::fmt;

/// What is done about a finding, mildest first, so that `min` caps and `max` sharpens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// The rule does not run.
    Off,
    /// A log line, a metric and an audit annotation; `check` shows it only with `--show audit`.
    Audit,
    /// An admission warning.
    Warn,
    /// Admission rejects; `check` exits 1.
    Deny,
}

impl Action {
    /// One step milder: deny becomes warn, warn becomes audit; audit and off stay.
    #[must_use]
    pub fn milder(self) -> Self {
        match self {
            Self::Deny => Self::Warn,
            Self::Warn | Self::Audit => Self::Audit,
            Self::Off => Self::Off,
        }
    }

    /// The word for it in policies, messages, logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Audit => "audit",
            Self::Warn => "warn",
            Self::Deny => "deny",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
