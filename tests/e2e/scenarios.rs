//! What the tests do on the cluster.
//!
//! A scenario is an `async fn(&Cluster) -> Result<()>` in a file of [`GROUPS`], named there by `scenario!(name)`, or by
//! `alone!(name)` when it disturbs the whole cluster (a restarted API server, a killed webhook). Each makes namespaces
//! of its own with [`Cluster::namespace`]; they need not be removed.

use anyhow::{Context, Result};
use futures::future::LocalBoxFuture;
use test_cluster::{Cluster, Options};

mod callers;
mod certificates;
pub mod chart;
mod deletions;
mod deployments;
mod documents;
mod fixes;
mod gitops;
mod identity;
mod image;
pub mod installation;
mod legacy;
mod lockout;
mod machinery;
mod moves;
mod quota;
mod resilience;
mod restarts;
mod restore;
mod rights;
mod rollout;
mod rotation;
mod servers;
mod shop;
mod soak;
mod tls;
mod tutorial;
mod volumes;

/// One test.
pub struct Scenario {
    /// Its name, without the group's.
    pub name: &'static str,
    /// Whether no other may run meanwhile.
    pub alone: bool,
    /// When it is run.
    pub when: When,
    /// What it does.
    pub run: for<'a> fn(&'a Cluster) -> LocalBoxFuture<'a, Result<()>>,
}

/// When a scenario is run unless `--ignored` asks for it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// In each run.
    Always,
    /// In `make soak` only: it takes long.
    Soak,
    /// When the environment names the binary to test, as the Makefile does: it needs the one that the image holds.
    Image,
}

impl When {
    /// Whether this run leaves it out.
    pub fn is_left_out(self) -> bool {
        match self {
            Self::Always => false,
            Self::Soak => true,
            Self::Image => std::env::var_os(BINARY).is_none(),
        }
    }
}

/// The variable that names the binary to test: one without shared libraries runs in an empty root, as in the image.
const BINARY: &str = "STSGUARD_BINARY";

/// Makes a [`Scenario`] of an async function.
macro_rules! scenario {
    ($name:ident) => {
        crate::scenarios::Scenario {
            name: stringify!($name),
            alone: false,
            when: crate::scenarios::When::Always,
            run: |cluster| Box::pin($name(cluster)),
        }
    };
}

/// Makes a [`Scenario`] of an async function that no other scenario may run beside.
macro_rules! alone {
    ($name:ident) => {
        crate::scenarios::Scenario { alone: true, ..crate::scenarios::scenario!($name) }
    };
}

/// Makes a [`Scenario`] of an async function that runs alone and for long: `cargo test --test e2e -- --ignored`.
macro_rules! long {
    ($name:ident) => {
        crate::scenarios::Scenario { when: crate::scenarios::When::Soak, ..crate::scenarios::alone!($name) }
    };
}

/// Makes a [`Scenario`] of an async function that needs the binary of the image.
macro_rules! of_image {
    ($name:ident) => {
        crate::scenarios::Scenario { when: crate::scenarios::When::Image, ..crate::scenarios::scenario!($name) }
    };
}

use {alone, long, of_image, scenario};

/// All scenarios, by the file that they are in.
pub const GROUPS: &[(&str, &[Scenario])] = &[
    ("tutorial", tutorial::SCENARIOS),
    ("identity", identity::SCENARIOS),
    ("fixes", fixes::SCENARIOS),
    ("gitops", gitops::SCENARIOS),
    ("volumes", volumes::SCENARIOS),
    ("moves", moves::SCENARIOS),
    ("legacy", legacy::SCENARIOS),
    ("deletions", deletions::SCENARIOS),
    ("deployments", deployments::SCENARIOS),
    ("rights", rights::SCENARIOS),
    ("certificates", certificates::SCENARIOS),
    ("callers", callers::SCENARIOS),
    ("tls", tls::SCENARIOS),
    ("chart", chart::SCENARIOS),
    ("quota", quota::SCENARIOS),
    ("machinery", machinery::SCENARIOS),
    ("resilience", resilience::SCENARIOS),
    ("restarts", restarts::SCENARIOS),
    ("rotation", rotation::SCENARIOS),
    ("lockout", lockout::SCENARIOS),
    ("documents", documents::SCENARIOS),
    ("rollout", rollout::SCENARIOS),
    ("servers", servers::SCENARIOS),
    ("restore", restore::SCENARIOS),
    ("soak", soak::SCENARIOS),
    ("image", image::SCENARIOS),
];

/// The cluster that they run on.
///
/// # Errors
/// When an executable that stands for an image cannot be found.
pub fn options() -> Result<Options> {
    let mut options = Options {
        images: vec![(machinery::SERVER_IMAGE.into(), std::env::current_exe()?)],
        scripts: vec![machinery::script::image()],
        lost_and_found: true,
        pretend_ready: vec![machinery::PRETENDED_IMAGE.into()],
        ..Options::default()
    };
    let binary = std::env::var_os(BINARY).map_or_else(|| env!("CARGO_BIN_EXE_stsguard").into(), Into::into);
    installation::images(&mut options, binary);
    Ok(options)
}

/// What is done once, before all scenarios.
///
/// # Errors
/// When it does not succeed; then no scenario is run.
pub async fn set_up(cluster: &Cluster) -> Result<()> {
    legacy::set_up(cluster).await.context("making the sets that stood before us")?;
    restore::set_up(cluster).await.context("making what is restored later")?;
    installation::install_afresh(cluster).await
}
