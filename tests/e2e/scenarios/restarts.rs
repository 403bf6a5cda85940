//! Rolling restarts under load lose no request.
//!
//! Two loads at once, for they fail in different ways: a client that calls the webhook as an API server does and sees
//! each lost request (`load`), and the real API server with `failurePolicy: Fail`, whose users would see it (`users`).
//! Each counts what would make it vacuous: connections that lay idle, answers that closed theirs, restarts that took
//! place.
//!
//! The times of a shutdown and the client's idle time are a twentieth of the real ones; `make soak` takes the real ones
//! too. The API server's own idle time cannot be set: with scaled times its users keep their connections busy.

use std::{env, path::Path, time::Duration};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use test_cluster::{Cluster, wait::eventually};
use tokio::{sync::watch, time::sleep};

use self::{
    load::{Load, Target},
    users::Users,
};
use super::installation::{RELEASE, pods};
use super::{Scenario, alone, long};

pub mod load;
pub mod users;

/// The scenarios.
pub const SCENARIOS: &[Scenario] =
    &[alone!(lose_no_request), long!(lose_no_request_in_many_more), long!(lose_no_request_in_real_time)];

/// How many restarts there are; `make soak` takes other numbers from the environment.
const RESTARTS: u32 = 20;
const SOAK_RESTARTS: u32 = 200;
const REAL_RESTARTS: u32 = 5;

/// How far away the API server is, one way: a hosted control plane in another region. The farther it is, the more often
/// a request meets the close of its connection on the way.
const LATENCY: Duration = Duration::from_millis(25);

/// How long a shutdown's steps take, and what fits to them.
pub struct Times {
    /// The chart's value `shutdown`.
    pub shutdown: &'static str,
    /// How long the client keeps idle connections.
    pub idle: Duration,
}

/// A twentieth of the real times.
pub const SCALED: Times = Times {
    shutdown: r#"{"propagationSeconds":0.5,"quietSeconds":0.25,"idleSeconds":4.75,"terminationGracePeriodSeconds":25}"#,
    idle: Duration::from_millis(4500),
};

/// The chart's defaults, and the API server's idle time.
const REAL: Times = Times {
    shutdown: r#"{"propagationSeconds":10,"quietSeconds":5,"idleSeconds":95,"terminationGracePeriodSeconds":130}"#,
    idle: Duration::from_secs(90),
};

async fn lose_no_request(cluster: &Cluster) -> Result<()> {
    restarts(cluster, &SCALED, RESTARTS, false).await
}

async fn lose_no_request_in_many_more(cluster: &Cluster) -> Result<()> {
    restarts(cluster, &SCALED, count("STSGUARD_RESTARTS", SOAK_RESTARTS)?, false).await
}

async fn lose_no_request_in_real_time(cluster: &Cluster) -> Result<()> {
    restarts(cluster, &REAL, count("STSGUARD_REAL_RESTARTS", REAL_RESTARTS)?, true).await
}

/// A number that the environment may set.
pub fn count(variable: &str, otherwise: u32) -> Result<u32> {
    let Some(text) = env::var_os(variable) else { return Ok(otherwise) };
    let text = text.to_string_lossy();
    text.parse().with_context(|| format!("{variable}={text} is no number"))
}

/// Restarts the installation under load; with `one_by_one` each drain has ended before the next restart.
async fn restarts(cluster: &Cluster, times: &Times, count: u32, one_by_one: bool) -> Result<()> {
    let shutdown = format!("shutdown={}", env::var("STSGUARD_SHUTDOWN").unwrap_or_else(|_| times.shutdown.to_owned()));
    upgrade(cluster, &["--set-json", &shutdown, "--set", "webhook.failurePolicy=Fail"]).await?;
    cluster.set_latency(LATENCY);
    let load = Load::start(cluster, &webhook(cluster).await?, times.idle).await?;
    let (end, ended) = watch::channel(false);
    let users = Users::open(cluster).await?;
    let restarted = async {
        let restarted = async {
            for number in 1..=count {
                restart(cluster).await?;
                if one_by_one {
                    drained(cluster).await?;
                }
                if number % 20 == 0 && number < count {
                    println!("{number} of {count} restarts");
                }
            }
            drained(cluster).await
        };
        let restarted = restarted.await;
        end.send_replace(true);
        restarted
    };
    let (restarted, used) = tokio::join!(restarted, users.work(&ended));
    let load = load.end().await?;
    cluster.set_latency(Duration::ZERO);
    upgrade(cluster, &["--set", "webhook.failurePolicy=Ignore"]).await?;
    restarted?;
    println!("{count} restarts: {load}; through the API server: {used}");
    ensure!(load.failed == 0, "requests were lost: {load}");
    ensure!(used.failed == 0, "users saw errors: {used}");
    ensure!(load.rested > u64::from(count) && load.closing > u64::from(count), "the load missed the restarts: {load}");
    ensure!(used.sent > u64::from(count) * 10, "hardly anything was asked: {used}");
    Ok(())
}

/// `helm upgrade` with all values as they are but these.
pub async fn upgrade(cluster: &Cluster, settings: &[&str]) -> Result<()> {
    let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/stsguard");
    let chart = chart.to_string_lossy();
    let words = ["upgrade", RELEASE, &chart, "-n", RELEASE, "--reset-then-reuse-values", "--wait", "--timeout=180s"];
    // Scenarios before may have left fields that are kubectl's or stsguard's own.
    let words = words.into_iter().chain(["--server-side=true", "--force-conflicts"]);
    cluster.helm(words.chain(settings.iter().copied())).ok().await?;
    Ok(())
}

/// Restarts all pods and waits until the new ones are ready.
pub async fn restart(cluster: &Cluster) -> Result<()> {
    let kubectl = |line: &str| cluster.kubectl(line.split(' ').map(str::to_owned).collect::<Vec<_>>());
    kubectl("rollout restart deployment/stsguard -n stsguard").ok().await?;
    kubectl("rollout status deployment/stsguard -n stsguard --timeout=180s").ok().await?;
    // kubectl writes the second of a restart: another one within it would change nothing.
    sleep(Duration::from_secs(1)).await;
    Ok(())
}

/// Waits until the pods that were replaced are gone, those still draining included.
pub async fn drained(cluster: &Cluster) -> Result<()> {
    eventually("the old pods are gone", Duration::from_mins(4), async || {
        Ok((pods(cluster).await?.len() == 2).then_some(()))
    })
    .await
}

/// The installation's Service and its CA, from what the API server itself uses.
pub async fn webhook(cluster: &Cluster) -> Result<Target> {
    let text = cluster.kubectl(["get", "validatingwebhookconfiguration", RELEASE, "-o", "json"]).ok().await?;
    let configuration: Value = serde_json::from_str(&text)?;
    let bundle = configuration["webhooks"][0]["clientConfig"]["caBundle"].as_str().context("there is no caBundle")?;
    let bundle = base64::Engine::decode(&base64::prelude::BASE64_STANDARD, bundle)?;
    Ok(Target { service: RELEASE.to_owned(), namespace: RELEASE.to_owned(), authorities: String::from_utf8(bundle)? })
}
