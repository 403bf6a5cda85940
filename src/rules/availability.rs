//! 5xx: how many replicas may be missing, and where they stand.

mod co_located_replicas;
mod even_quorum;
mod independent_databases;
mod members;
mod missing_disruption_budget;
mod unsafe_scale_down;

pub use co_located_replicas::CoLocatedReplicas;
pub use even_quorum::EvenQuorum;
pub use independent_databases::IndependentDatabases;
pub use missing_disruption_budget::MissingDisruptionBudget;
pub use unsafe_scale_down::UnsafeScaleDown;
