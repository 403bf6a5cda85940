//! 5xx: how many replicas may be missing, and where they stand.

mod co_located_replicas;
mod missing_disruption_budget;

pub use co_located_replicas::CoLocatedReplicas;
pub use missing_disruption_budget::MissingDisruptionBudget;
