//! End-to-end tests on a real Kubernetes control plane, without containers; see `test_cluster` and `scenarios`.
//!
//! `cargo test --test e2e` runs them; names filter, `--list` lists. `STSGUARD_KEEP_LOGS=1` keeps the logs of a run that
//! passes, `STSGUARD_CONTROL_PLANE` names a folder with the control plane's programs instead of building them, and
//! `STSGUARD_KUBERNETES` the version of Kubernetes that is built.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]
use std::{
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use libtest_mimic::{Arguments, Conclusion, Failed, Trial};
use test_cluster::{
    Cluster,
    isolation::{Place, isolated},
    sandbox,
};
use tokio::{sync::RwLock, time::timeout};

use self::scenarios::{GROUPS, Scenario, When};

mod scenarios;
mod server;
mod settings;

/// Scenarios mostly wait, so more of them run at a time than there are cores.
const AT_A_TIME: usize = 4;

/// No scenario takes as long; one that hangs shall end.
const LIMIT: Duration = Duration::from_mins(10);

/// The same for a scenario of `make soak`.
const SOAK_LIMIT: Duration = Duration::from_hours(2);

fn main() -> ExitCode {
    sandbox::take_part();
    server::take_part();
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_A_TIME);
    let listed = trials(None);
    if arguments.list || listed.iter().all(|trial| arguments.is_filtered_out(trial)) {
        return libtest_mimic::run(&arguments, listed).exit_code();
    }
    let of_chart = |trial: &&Trial| trial.name().starts_with("chart::") && !arguments.is_filtered_out(trial);
    let tools = if listed.iter().any(|trial| of_chart(&trial)) { scenarios::chart::tools().map(drop) } else { Ok(()) };
    let done =
        tools.and_then(|()| isolated(&settings::run(), async |place| Ok(run(place, arguments).await?.exit_code())));
    done.unwrap_or_else(|error| {
        eprintln!("the end-to-end tests cannot run: {error:#}");
        ExitCode::FAILURE
    })
}

/// What scenarios share.
struct Stage {
    cluster: Cluster,
    handle: tokio::runtime::Handle,
    /// Held by all, and by a scenario that disturbs others exclusively.
    quiet: RwLock<()>,
}

async fn run(place: &Place, arguments: Arguments) -> Result<Conclusion> {
    let begun = Instant::now();
    let cluster = Cluster::start(place, scenarios::options()?).await.context("starting the cluster")?;
    eprintln!("the cluster is up after {:.1} s", begun.elapsed().as_secs_f32());
    if let Err(error) = scenarios::set_up(&cluster).await {
        eprintln!("{}", cluster.log_tails());
        return Err(error.context("setting the stage"));
    }
    let stage = Arc::new(Stage { cluster, handle: tokio::runtime::Handle::current(), quiet: RwLock::default() });
    let trials = trials(Some(&stage));
    let conclusion = tokio::task::spawn_blocking(move || libtest_mimic::run(&arguments, trials)).await?;
    let stage = Arc::into_inner(stage).context("a scenario still runs")?;
    if conclusion.has_failed() {
        eprintln!("{}", stage.cluster.log_tails());
    }
    stage.cluster.stop().await?;
    Ok(conclusion)
}

fn trials(stage: Option<&Arc<Stage>>) -> Vec<Trial> {
    let all = GROUPS.iter().flat_map(|(group, scenarios)| scenarios.iter().map(move |scenario| (group, scenario)));
    all.map(|(group, scenario)| {
        let stage = stage.cloned();
        Trial::test(format!("{group}::{}", scenario.name), move || {
            let stage = stage.ok_or("only listed")?;
            stage.handle.block_on(perform(&stage, scenario)).map_err(|error| Failed::from(format!("{error:#}")))
        })
        .with_ignored_flag(scenario.when.is_left_out())
    })
    .collect()
}

async fn perform(stage: &Stage, scenario: &Scenario) -> Result<()> {
    let (_alone, _with_others);
    if scenario.alone {
        _alone = stage.quiet.write().await;
    } else {
        _with_others = stage.quiet.read().await;
    }
    let begun = Instant::now();
    let limit = if scenario.when == When::Soak { SOAK_LIMIT } else { LIMIT };
    let result = timeout(limit, (scenario.run)(&stage.cluster)).await.context("the scenario hangs").flatten();
    tracing::info!(scenario = scenario.name, passed = result.is_ok(), "took {:.1} s", begun.elapsed().as_secs_f32());
    result
}
