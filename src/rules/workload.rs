//! 6xx: databases in the wrong kind of workload.

mod database_in_deployment;

pub use database_in_deployment::DatabaseInDeployment;
