//! The chart without a cluster: what it renders, which values it takes, its alerts and its dashboard.
//!
//! `make chart` runs this; it needs Go once, for helm and promtool. What a real API server says of the chart is among
//! the end-to-end scenarios.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

mod commands;
mod common;
mod monitoring;
mod package;
mod policies;
mod rendering;
mod rights;
mod tools;
mod values;
