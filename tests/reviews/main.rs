//! Reviews as the API server sends them: real ones, and fixtures made into changes, deletions and reviews of Services.

#![allow(clippy::panic, reason = "a test may")]

mod captured;
mod changes;
#[path = "../../benches/facts.rs"]
mod facts;
mod fixes;
mod request;
