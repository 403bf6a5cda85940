//! Mixed traffic for long, while objects come and go: a server that holds on to something grows.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures::future::{join_all, try_join_all};
use serde_json::json;
use test_cluster::Cluster;
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

use self::usage::{Usage, grown};
use super::installation::{RELEASE, pods};
use super::restarts::{SCALED, count, load::Load, users::Users, webhook};
use super::shop::{Shop, good_set, service, with};
use super::{Scenario, long};

mod usage;

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[long!(stays_flat)];

const MINUTES: u32 = 20;
/// How many looks are taken, however long it takes.
const LOOKS: u32 = 40;
/// How many namespaces objects come and go in, and how many of each kind.
const NAMESPACES: usize = 3;
const OBJECTS: usize = 20;

async fn stays_flat(cluster: &Cluster) -> Result<()> {
    let duration = Duration::from_secs(60) * count("STSGUARD_SOAK_MINUTES", MINUTES)?;
    let names = pods(cluster).await?;
    ensure!(names.len() == 2, "two replicas run: {names:?}");
    let load = Load::start(cluster, &webhook(cluster).await?, SCALED.idle).await?;
    let users = Users::open(cluster).await?;
    let (end, ended) = watch::channel(false);
    let looked = async {
        let looked = look(cluster, &names, duration).await;
        end.send_replace(true);
        looked
    };
    let churned = join_all((0..NAMESPACES).map(|_| churn(cluster, &ended)));
    let (looked, used, churned) = tokio::join!(looked, users.work(&ended), churned);
    let load = load.end().await?;
    let churned: u64 = churned.into_iter().collect::<Result<Vec<_>>>()?.into_iter().sum();
    let looked = looked?;
    println!("{load}; through the API server: {used}; {churned} objects came, changed and went");
    ensure!(load.failed == 0, "requests were lost: {load}");
    ensure!(used.failed == 0, "users saw errors: {used}");
    ensure!(pods(cluster).await? == names, "the replicas are others by now");
    for (name, usages) in names.iter().zip(looked) {
        println!("{name}: {}", grown(&usages)?);
    }
    Ok(())
}

/// Looks at each pod from time to time, and says what it sees.
async fn look(cluster: &Cluster, names: &[String], duration: Duration) -> Result<Vec<Vec<Usage>>> {
    let begun = Instant::now();
    let mut all = vec![Vec::new(); names.len()];
    for _ in 0..LOOKS {
        sleep(duration / LOOKS).await;
        let seen = try_join_all(names.iter().map(|name| Usage::of(cluster, RELEASE, name))).await?;
        let line: Vec<String> = seen.iter().map(ToString::to_string).collect();
        println!("{:>6.1} min: {}", begun.elapsed().as_secs_f32() / 60.0, line.join(" | "));
        all.iter_mut().zip(seen).for_each(|(usages, usage)| usages.push(usage));
    }
    Ok(all)
}

/// Makes Services and sets, changes them and takes them away, again and again.
async fn churn(cluster: &Cluster, ended: &watch::Receiver<bool>) -> Result<u64> {
    let shop = Shop::open(cluster).await?;
    let mut round = 0;
    while !*ended.borrow() {
        round += 1;
        let named = |object, number| with(object, "/metadata/name", json!(format!("churn-{number}")));
        let list = |port: usize, memory: &str| {
            let requests = json!({"requests": {"memory": memory}});
            let items = (0..OBJECTS).flat_map(|number| {
                let set = with(good_set(), "/spec/serviceName", json!(format!("churn-{number}")));
                let set = with(set, "/spec/replicas", json!(0));
                let set = with(set, "/spec/template/spec/containers/0/resources", requests.clone());
                [named(with(service(), "/spec/ports/0/port", json!(port)), number), named(set, number)]
            });
            json!({"apiVersion": "v1", "kind": "List", "items": items.collect::<Vec<_>>()})
        };
        for list in [list(5432, "64Mi"), list(5433, "128Mi")] {
            shop.kubectl_with("apply --server-side -f -", Some(&list)).await?.ok()?;
        }
        shop.kubectl("delete statefulsets --all --wait=true").await?.ok().context("deleting sets")?;
        shop.kubectl("delete services --all").await?.ok()?;
    }
    Ok(round * OBJECTS as u64 * 2)
}
