//! 3xx: start, stop and deletion.

mod claims_left_behind;
mod liveness_without_startup_probe;
mod missing_readiness_probe;
mod parallel_startup;
mod partition_left_behind;
mod pre_stop_exceeds_grace_period;
mod serialized_quorum;
mod short_grace_period;
mod unordered_deletion;
mod zero_grace_period;

pub use claims_left_behind::ClaimsLeftBehind;
pub(super) use claims_left_behind::claims;
pub use liveness_without_startup_probe::LivenessWithoutStartupProbe;
pub use missing_readiness_probe::MissingReadinessProbe;
pub use parallel_startup::ParallelStartup;
pub use partition_left_behind::PartitionLeftBehind;
pub use pre_stop_exceeds_grace_period::PreStopExceedsGracePeriod;
pub use serialized_quorum::SerializedQuorum;
pub use short_grace_period::ShortGracePeriod;
pub use unordered_deletion::UnorderedDeletion;
pub use zero_grace_period::ZeroGracePeriod;
