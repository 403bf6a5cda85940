//! The catalogue of rules: what a rule is, and the one ordered table of them.
//!
//! Adding a rule touches its own file, one line of [`RULES`] and its fixtures.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod exemptions;
pub mod identity;
pub mod lifecycle;
pub mod secrets;
pub mod storage;
#[cfg(test)]
pub(crate) mod trial;
pub mod workload;

use serde::Deserialize;

use crate::evaluation::{Context, Findings, Fix, Update, Workload};
use crate::kubernetes::{Deployment, Service, StatefulSet};
use crate::policy::Setting;

/// What the catalogue says of a rule.
#[derive(Debug)]
pub struct Info {
    /// The code, never reused: `STS101`.
    pub code: &'static str,
    /// The name, which is the bad pattern: `non-headless-service`.
    pub name: &'static str,
    /// The version that brought it.
    pub since: &'static str,
    /// The settings under baseline, recommended and strict.
    pub defaults: [Setting; 3],
    /// The documentation: a summary line, then sections in Markdown.
    pub docs: &'static str,
}

impl Info {
    /// The first line of the documentation.
    pub fn summary(&self) -> &'static str {
        self.docs.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default()
    }

    /// The annotation that exempts an object from this rule; its value is the reason.
    pub fn exemption(&self) -> String {
        format!("{EXEMPTION_PREFIX}{}", self.name)
    }
}

/// What every annotation that exempts from a rule starts with; the rule's name follows.
pub const EXEMPTION_PREFIX: &str = "stsguard.dev/exempt-";

/// A rule's entry in the catalogue; the `rule!` macro writes it.
pub trait Described {
    /// What the catalogue says of this rule.
    fn info(&self) -> &'static Info;
}

/// How a StatefulSet is being deleted.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteOptions {
    /// `Orphan` leaves the pods running.
    pub propagation_policy: Option<String>,
    /// The older form of `Orphan`.
    pub orphan_dependents: Option<bool>,
}

impl DeleteOptions {
    /// Whether the pods are left running, to be adopted by the next set.
    pub fn orphans(&self) -> bool {
        self.propagation_policy.as_deref() == Some("Orphan") || self.orphan_dependents == Some(true)
    }
}

/// A check in the catalogue: implement only the hooks that it needs.
///
/// The engine decides which hooks run; it applies exemptions, actions and the ratchet, so a rule only says what it sees.
pub trait Rule: Described + Sync {
    /// Looks at a StatefulSet in its final state: created, updated, in a file, or found in a cluster.
    fn stateful_set(&self, _set: &Workload<'_, StatefulSet>, _cx: &Context<'_>, _found: &mut Findings<'_, '_>) {}

    /// Looks at what an update or a scale changes.
    fn stateful_set_update(&self, _change: &Update<'_, '_>, _cx: &Context<'_>, _found: &mut Findings<'_, '_>) {}

    /// Looks at a StatefulSet that is being deleted.
    fn stateful_set_delete(
        &self,
        _set: &Workload<'_, StatefulSet>,
        _options: &DeleteOptions,
        _cx: &Context<'_>,
        _found: &mut Findings<'_, '_>,
    ) {
    }

    /// Puts back what this rule fixed earlier, wherever an update brings exactly the bad default back: one fix for each
    /// place.
    ///
    /// Called only for sets whose annotation records this rule's fix. It must return the old values and nothing else,
    /// so that the template equals the old one.
    fn keep_fixes(&self, _old: &Workload<'_, StatefulSet>, _new: &Workload<'_, StatefulSet>) -> Vec<Fix> {
        Vec::new()
    }

    /// Looks at a Service that is being created.
    fn service(&self, _service: &Service, _cx: &Context<'_>, _found: &mut Findings<'_, '_>) {}

    /// Looks at what an update changes in a Service.
    fn service_update(&self, _old: &Service, _new: &Service, _cx: &Context<'_>, _found: &mut Findings<'_, '_>) {}

    /// Looks at a Service that is being deleted.
    fn service_delete(&self, _service: &Service, _cx: &Context<'_>, _found: &mut Findings<'_, '_>) {}

    /// Looks at a Deployment in its final state.
    fn deployment(&self, _deployment: &Workload<'_, Deployment>, _cx: &Context<'_>, _found: &mut Findings<'_, '_>) {}
}

/// Declares a rule: its documentation becomes data, so that rustdoc, `stsguard rules` and docs/rules are one text.
///
/// The defaults are the actions under baseline, recommended and strict; `+ fix` lets admission make the safe fix.
macro_rules! rule {
    (
        $(#[doc = $doc:expr])+
        pub $rule:ident {
            code: $code:literal, name: $name:literal, since: $since:literal,
            default: [$baseline:ident $(+ $bfix:ident)?, $recommended:ident $(+ $rfix:ident)?, $strict:ident $(+ $sfix:ident)?]
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Debug)]
        pub struct $rule;

        impl $crate::rules::Described for $rule {
            fn info(&self) -> &'static $crate::rules::Info {
                static INFO: $crate::rules::Info = $crate::rules::Info {
                    code: $code,
                    name: $name,
                    since: $since,
                    defaults: [
                        $crate::rules::rule!(@setting $baseline $($bfix)?),
                        $crate::rules::rule!(@setting $recommended $($rfix)?),
                        $crate::rules::rule!(@setting $strict $($sfix)?),
                    ],
                    docs: concat!($($doc, "\n"),+),
                };
                &INFO
            }
        }
    };
    (@setting $action:ident) => {
        $crate::policy::Setting { action: $crate::policy::Action::$action, fix: false }
    };
    (@setting $action:ident fix) => {
        $crate::policy::Setting { action: $crate::policy::Action::$action, fix: true }
    };
}
pub(crate) use rule;

/// All rules, in the order of their codes.
pub static RULES: &[&dyn Rule] = &[
    &exemptions::InvalidExemption,
    &identity::NonHeadlessService,
    &identity::MissingService,
    &identity::ServiceSelectorMismatch,
    &identity::ServiceBreaksIdentity,
    &identity::GoverningServiceDeleted,
    &identity::OverlongName,
    &storage::DataDirectoryAtMountRoot,
    &storage::DataDirectoryMoved,
    &storage::DataDirectoryShadowed,
    &storage::MountRefusedByImage,
    &storage::UnknownVolumeMount,
    &lifecycle::ShortGracePeriod,
    &lifecycle::ZeroGracePeriod,
    &lifecycle::ParallelStartup,
    &lifecycle::MissingReadinessProbe,
    &lifecycle::UnorderedDeletion,
    &lifecycle::ClaimsLeftBehind,
    &secrets::PlaintextPassword,
    &workload::DatabaseInDeployment,
];
