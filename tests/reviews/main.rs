//! Fixtures as the API server would send them: changes, deletions and reviews of Services, and what fixes leave behind.

mod changes;
mod fixes;
mod request;
