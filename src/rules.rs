//! The catalogue of rules: one file a rule, and the one ordered table of them.
//!
//! Adding a rule touches its own file, its family's list of files, one line of [`RULES`] and its fixtures.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod availability;
pub mod exemptions;
#[cfg(test)]
pub(crate) mod harness;
pub mod identity;
pub mod lifecycle;
pub mod secrets;
pub mod storage;
pub mod workload;

use crate::rule::{Action, Catalogue, Policy, Profile};

/// All rules, in the order of their codes.
pub static RULES: Catalogue = Catalogue::new(&[
    &exemptions::InvalidExemption,
    &identity::NonHeadlessService,
    &identity::MissingService,
    &identity::UnsetServiceName,
    &identity::ServiceSelectorMismatch,
    &identity::ServiceBreaksIdentity,
    &identity::GoverningServiceDeleted,
    &identity::UnpublishedPeers,
    &identity::OverlongName,
    &identity::InvalidServiceName,
    &storage::DataDirectoryAtMountRoot,
    &storage::DataDirectoryMoved,
    &storage::DataDirectoryShadowed,
    &storage::DataDirectoryUnmounted,
    &storage::MountRefusedByImage,
    &storage::UnmountedClaimTemplate,
    &storage::UnknownVolumeMount,
    &storage::SharedClaim,
    &storage::ClaimsDeleted,
    &storage::SharedAccessMode,
    &storage::HostPathData,
    &storage::RetainedClaimsReused,
    &storage::TemplateShadowsVolume,
    &lifecycle::ShortGracePeriod,
    &lifecycle::ZeroGracePeriod,
    &lifecycle::ParallelStartup,
    &lifecycle::MissingReadinessProbe,
    &lifecycle::LivenessWithoutStartupProbe,
    &lifecycle::PreStopExceedsGracePeriod,
    &lifecycle::UnorderedDeletion,
    &lifecycle::ClaimsLeftBehind,
    &lifecycle::PartitionLeftBehind,
    &lifecycle::SerializedQuorum,
    &secrets::PlaintextPassword,
    &secrets::TrustAuthentication,
    &secrets::FloatingImageTag,
    &secrets::MajorVersionJump,
    &secrets::PasswordChangeHasNoEffect,
    &availability::MissingDisruptionBudget,
    &availability::CoLocatedReplicas,
    &availability::EvenQuorum,
    &availability::IndependentDatabases,
    &availability::UnsafeScaleDown,
    &workload::DatabaseInDeployment,
]);

/// What counts where a policy cannot be used and there was none before it: nothing is denied or fixed, so that a slip in a
/// file locks nobody out, and everything is still looked at.
pub fn fallback() -> Policy {
    let mut policy = policy(Profile::Recommended);
    policy.enforcement = Action::Warn;
    policy.fixes = false;
    policy
}

/// The policy of a profile with nothing changed.
pub fn policy(profile: Profile) -> Policy {
    Policy::new(RULES, profile)
}
