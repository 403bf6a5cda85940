//! 5xx: how many replicas may be missing, and where they stand.

mod missing_disruption_budget;

pub use missing_disruption_budget::MissingDisruptionBudget;
