//! Two API servers on one etcd, as clouds run them: the guard hears from both, and answers both.
//!
//! The second is far from etcd: it hears of each change later than the first, and so does who listens to it. It calls the
//! pods at their own addresses (`--enable-aggregator-routing`), as hosted control planes do, and goes on calling one that
//! has left for as long as it has not heard of that.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use test_cluster::{Cluster, api_server::Server, wait::eventually};
use tokio::{sync::watch, time::sleep};

use super::certificates::{SECRET, authority};
use super::installation::{RELEASE, pods};
use super::lockout::{incident, is_freed, locked_out};
use super::resilience::guards;
use super::restarts::{
    SCALED, drained, restart, upgrade,
    users::{Used, Users},
};
use super::shop::{CONTAINER, Shop, good_set, pgdata, service, without};
use super::volumes::reserved;
use super::{Scenario, alone};

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    alone!(lose_no_request_over_restarts),
    alone!(both_see_each_new_authority),
    alone!(both_are_locked_out_and_freed),
    alone!(a_volume_made_through_either_is_seen),
];

/// How much later the second hears of a change.
const LAG: Duration = Duration::from_millis(100);
const RESTARTS: usize = 2;
/// The shutdown of pods that stay until the second has heard that they leave, on a busy machine too.
const PATIENT: &str =
    r#"shutdown={"propagationSeconds":2,"quietSeconds":0.25,"idleSeconds":4.75,"terminationGracePeriodSeconds":25}"#;
/// Short lives, and connections that last for two requests or so: only a new one looks at the certificate.
const BRIEF: &str = r#"extraArgs=["--ca-life=45s","--certificate-life=15s","--ca-settle=3s","--connection-age=50ms"]"#;
const PATIENCE: Duration = Duration::from_mins(1);

/// Does `work` with two API servers that the guard hears from; afterwards there is one again.
async fn with_both(cluster: &Cluster, work: impl AsyncFnOnce() -> Result<()>) -> Result<()> {
    with_second(cluster, LAG, &[], async || {
        cluster.await_api_servers(2).await?;
        work().await
    })
    .await
}

async fn with_second(
    cluster: &Cluster,
    lag: Duration,
    arguments: &[&str],
    work: impl AsyncFnOnce() -> Result<()>,
) -> Result<()> {
    cluster.start_second_api_server(&[&["--enable-aggregator-routing"], arguments].concat()).await?;
    cluster.set_second_api_server_lag(lag).await;
    let outcome = work().await;
    cluster.stop_second_api_server().await?;
    // The guard goes on with what it has from the first.
    guards(cluster).await?;
    outcome
}

/// Waits until pods listen to either.
async fn listen_to_both(cluster: &Cluster) -> Result<()> {
    eventually("the guard listens to both API servers", PATIENCE, async || {
        let mut heard = Vec::new();
        for pod in pods(cluster).await? {
            heard.extend(cluster.api_servers_of(RELEASE, &pod).await?);
        }
        Ok(Server::ALL.iter().all(|server| heard.contains(server)).then_some(()))
    })
    .await
}

/// What users of either API server were answered.
struct Answered([Used; 2]);

impl Answered {
    fn are_served(&self, what: &str, at_least: u64) -> Result<()> {
        for (server, used) in ["first", "second"].into_iter().zip(&self.0) {
            println!("{what}, through the {server} API server: {used}");
            ensure!(used.failed == 0, "users of the {server} API server saw errors: {used}");
            ensure!(used.sent >= at_least, "hardly anything was asked of the {server} API server: {used}");
        }
        Ok(())
    }
}

/// Does `work` while users of both API servers go on with theirs.
async fn under_load(users: [&Users<'_>; 2], work: impl Future<Output = Result<()>>) -> Result<Answered> {
    for users in users {
        users.begin().await?;
    }
    let (end, ended) = watch::channel(false);
    let worked = async {
        let worked = work.await;
        end.send_replace(true);
        worked
    };
    let (worked, near, far) = tokio::join!(worked, users[0].work(&ended), users[1].work(&ended));
    worked?;
    Ok(Answered([near, far]))
}

async fn lose_no_request_over_restarts(cluster: &Cluster) -> Result<()> {
    with_both(cluster, async || {
        upgrade(cluster, &["--set-json", PATIENT, "--set", "webhook.failurePolicy=Fail"]).await?;
        listen_to_both(cluster).await?;
        let near = Users::open_at(cluster, Server::First).await?;
        let far = Users::open_at(cluster, Server::Second).await?.hasty();
        let restarts = async {
            for _ in 0..RESTARTS {
                restart(cluster).await?;
                listen_to_both(cluster).await?;
            }
            drained(cluster).await
        };
        let used = under_load([&near, &far], restarts).await;
        let shutdown = format!("shutdown={}", SCALED.shutdown);
        upgrade(cluster, &["--set-json", &shutdown, "--set", "webhook.failurePolicy=Ignore"]).await?;
        used?.are_served(&format!("{RESTARTS} restarts"), 100)
    })
    .await
}

/// Certificates are renewed and CAs exchanged under load. The guard hears from the first alone: what that one shows, the
/// second has not heard yet.
async fn both_see_each_new_authority(cluster: &Cluster) -> Result<()> {
    with_second(cluster, Duration::from_millis(700), &["--endpoint-reconciler-type=none"], async || {
        let near = Users::open_at(cluster, Server::First).await?;
        let far = Users::open_at(cluster, Server::Second).await?.hasty();
        // What is in memory would bring the old Secret back, whose CA lives for a year.
        cluster.kubectl(["scale", "deployment", RELEASE, "-n", RELEASE, "--replicas=0"]).ok().await?;
        eventually("all pods are gone", PATIENCE, async || Ok(pods(cluster).await?.is_empty().then_some(()))).await?;
        cluster.kubectl(["delete", "secret", SECRET, "-n", RELEASE]).ok().await?;
        let shutdown = format!("shutdown={}", SCALED.shutdown);
        let settings = ["--set-json", BRIEF, "--set-json", &shutdown, "--set", "webhook.failurePolicy=Fail,replicas=2"];
        upgrade(cluster, &settings).await?;
        let used = under_load([&near, &far], exchanges(cluster)).await;
        let mut logs = String::new();
        for pod in pods(cluster).await? {
            logs += &cluster.pod_logs(RELEASE, &pod)?;
        }
        let back = ["--set-json", "extraArgs=[]", "--set", "webhook.failurePolicy=Ignore"];
        upgrade(cluster, &back).await?;
        used?.are_served("three CAs used", 500)?;
        let renewed = logs.matches("a new certificate is served").count();
        ensure!(renewed >= 8, "only {renewed} certificates");
        Ok(())
    })
    .await
}

/// Waits until three CAs have been used.
async fn exchanges(cluster: &Cluster) -> Result<()> {
    let mut seen = vec![authority(cluster).await?];
    eventually("three CAs have been used", Duration::from_mins(4), async || {
        if let Ok(now) = authority(cluster).await
            && !seen.contains(&now)
        {
            seen.push(now);
        }
        Ok((seen.len() >= 3).then_some(()))
    })
    .await?;
    // The last one has only just begun to sign.
    sleep(Duration::from_secs(1)).await;
    Ok(())
}

async fn both_are_locked_out_and_freed(cluster: &Cluster) -> Result<()> {
    // Some hundred requests, one after the other: nobody wants to wait for a long way as well.
    with_second(cluster, LAG / 5, &[], async || {
        cluster.await_api_servers(2).await?;
        locked_out(cluster, async |shop| {
            let both = Server::ALL.map(|server| shop.at(server));
            incident(&both[1]).await?;
            is_freed(&both).await
        })
        .await?;
        listen_to_both(cluster).await
    })
    .await
}

/// The guard's stores follow either, its live reads ask either, and the set may come by the other: no way hides a volume.
async fn a_volume_made_through_either_is_seen(cluster: &Cluster) -> Result<()> {
    let rooted = || without(good_set(), &format!("{CONTAINER}/env/1"));
    let open = async || -> Result<Shop<'_>> {
        let shop = Shop::open(cluster).await?;
        shop.apply_calmly(&service()).await?;
        Ok(shop)
    };
    with_both(cluster, async || {
        restart(cluster).await?;
        listen_to_both(cluster).await?;
        let mut fastest = Duration::MAX;
        for set_at in Server::ALL {
            let control = open().await?.at(set_at).post(&rooted()).await?;
            ensure!(pgdata(&control.body).is_some(), "live reads are fast enough for a fix: {control:?}");
            for volume_at in [Server::First, Server::Second, Server::First] {
                let shop = open().await?;
                let begun = Instant::now();
                let volume = shop.at(volume_at).post(&reserved(&shop.namespace)).await?;
                fastest = fastest.min(begun.elapsed());
                let answer = shop.at(set_at).post(&rooted()).await?;
                ensure!(volume.status == 201 && answer.status == 201, "{volume:?} {answer:?}");
                ensure!(pgdata(&answer.body).is_none(), "an empty database would stand beside the old one: {answer:?}");
            }
        }
        ensure!(fastest < LAG, "the machine is too slow to be faster than the lag: {fastest:?}");
        Ok(())
    })
    .await
}
