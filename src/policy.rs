//! The policy as resolved: what is done about each rule's findings, and the parameters that rules read.

pub mod file;

use std::fmt;

use crate::engines::Mirror;
use crate::rules::{RULES, Rule};

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

/// A set of default actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Profile {
    /// Denies only what surely breaks or loses data in every cluster.
    Baseline,
    /// The default.
    #[default]
    Recommended,
    /// For those who want every finding mended.
    Strict,
}

impl Profile {
    /// All profiles, in the order of a rule's default actions.
    pub const ALL: [Self; 3] = [Self::Baseline, Self::Recommended, Self::Strict];

    /// The word for it in policies and documentation.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Recommended => "recommended",
            Self::Strict => "strict",
        }
    }
}

/// What a policy says of one rule: the action on a finding, and whether its safe fix is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// What is done about a finding.
    pub action: Action,
    /// Whether admission makes the rule's safe fix.
    pub fix: bool,
}

/// What is done about sets that belong to an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Owned {
    /// No fixes, and findings are at most `audit`: the operator would put its own template back.
    #[default]
    Audit,
    /// As if nobody owned them.
    Enforce,
}

/// Whether the container runtime mounts an anonymous volume at an image's VOLUME path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ImageVolumes {
    /// It does (containerd).
    #[default]
    Anonymous,
    /// It does not (CRI-O's default, OpenShift).
    Ignored,
}

/// The parameters that rules read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameters {
    /// STS101: what to do about one replica of a set behind a Service that is not headless; `None` leaves it to the profile.
    pub single_replica: Option<Action>,
    /// STS203: what the runtime does with an image's VOLUME paths.
    pub image_volumes: ImageVolumes,
    /// STS301: the grace period, in seconds, for data-holding sets of unknown engines; 60 by default.
    pub default_grace_seconds: i64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { single_replica: None, image_volumes: ImageVolumes::Anonymous, default_grace_seconds: 60 }
    }
}

/// A policy, resolved: every rule has a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The profile that the defaults came from.
    pub profile: Profile,
    /// Caps every action.
    pub enforcement: Action,
    /// An object with one of these labels comes from a restore: at most `warn`, no fix.
    pub restore_labels: Vec<String>,
    /// Image prefixes of registries that mirror the official images, with what they stand for.
    pub mirrors: Vec<Mirror>,
    /// What is done about sets with a controller owner.
    pub owned_by_controllers: Owned,
    /// The parameters that rules read.
    pub parameters: Parameters,
    settings: Vec<Setting>,
}

impl Policy {
    /// The policy of a profile with nothing changed.
    pub fn new(profile: Profile) -> Self {
        Self {
            profile,
            enforcement: Action::Deny,
            restore_labels: vec!["velero.io/restore-name".to_owned()],
            mirrors: Vec::new(),
            owned_by_controllers: Owned::default(),
            parameters: Parameters::default(),
            settings: RULES.iter().map(|rule| rule.info().defaults[profile as usize]).collect(),
        }
    }

    /// What this policy says of the rule at `index` in [`RULES`], the enforcement cap applied.
    pub fn setting(&self, index: usize) -> Setting {
        let setting = self.settings[index];
        Setting { action: setting.action.min(self.enforcement), fix: setting.fix && self.enforcement != Action::Audit }
    }

    /// Changes what this policy says of the rule at `index` in [`RULES`].
    pub fn set(&mut self, index: usize, setting: Setting) {
        self.settings[index] = setting;
    }

    /// What this policy says of the rule at `index` before the enforcement cap.
    pub fn written(&self, index: usize) -> Setting {
        self.settings[index]
    }

    /// The index in [`RULES`] of the rule with this code or name.
    pub fn find(code_or_name: &str) -> Option<usize> {
        RULES.iter().position(|rule: &&dyn Rule| {
            let info = rule.info();
            info.code.eq_ignore_ascii_case(code_or_name) || info.name == code_or_name
        })
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::new(Profile::Recommended)
    }
}
