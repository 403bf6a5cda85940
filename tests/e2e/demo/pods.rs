//! Follows a set's pods, and prints what becomes of them.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt, api::ListParams};
use tokio::time::sleep;

use super::{
    screen::{SILENCE, event},
    shop::Shop,
};

/// No step takes as long, on the slowest machine.
const LIMIT: Duration = Duration::from_mins(3);

/// What is to be seen of a pod.
#[derive(Debug)]
pub struct Seen {
    /// Which pod of this name it is.
    pub uid: String,
    /// Whether it is ready, and not being ended.
    pub ready: bool,
    /// How often its process has failed.
    pub failures: i32,
    words: String,
}

impl Seen {
    fn looks_like(&self, other: &Self) -> bool {
        (&self.uid, &self.words) == (&other.uid, &other.words)
    }
}

/// The pods by name.
pub type Pods = BTreeMap<String, Seen>;

/// Follows the pods from before a command on.
pub struct Watch<'a> {
    shop: &'a Shop<'a>,
    begun: Instant,
    before: Pods,
}

impl<'a> Watch<'a> {
    /// Looks at the pods as they are before the command.
    pub async fn begin(shop: &'a Shop<'a>) -> Result<Self> {
        Ok(Self { shop, begun: Instant::now(), before: list(shop).await? })
    }

    /// The pods as they were then.
    pub fn before(&self) -> &Pods {
        &self.before
    }

    /// Prints each change of the pods until they are as wanted.
    pub async fn until(self, mut wanted: impl FnMut(&Pods) -> Result<bool>) -> Result<Pods> {
        let Self { shop, begun, mut before } = self;
        let mut printed = Instant::now();
        loop {
            let now = list(shop).await?;
            let gone = before.keys().filter(|name| !now.contains_key(*name)).map(|name| format!("{name} is gone"));
            let changed =
                now.iter().filter(|(name, seen)| !before.get(*name).is_some_and(|former| former.looks_like(seen)));
            let lines: Vec<String> = gone.chain(changed.map(|(name, seen)| format!("{name} {}", seen.words))).collect();
            for line in &lines {
                event(begun, line);
            }
            if wanted(&now)? {
                return Ok(now);
            }
            if begun.elapsed() > LIMIT {
                bail!("waited in vain: {now:?}");
            }
            if !lines.is_empty() {
                printed = Instant::now();
            } else if printed.elapsed() > SILENCE {
                event(begun, "…");
                printed = Instant::now();
            }
            before = now;
            sleep(Duration::from_millis(150)).await;
        }
    }
}

/// The pods as they are now.
async fn list(shop: &Shop<'_>) -> Result<Pods> {
    let pods: Api<Pod> = Api::namespaced(shop.cluster.client(), &shop.namespace);
    let found = pods.list(&ListParams::default()).await?;
    Ok(found.into_iter().map(|pod| (pod.name_any(), seen(&pod))).collect())
}

/// The address of a pod.
pub async fn address(shop: &Shop<'_>, name: &str) -> Result<String> {
    let pods: Api<Pod> = Api::namespaced(shop.cluster.client(), &shop.namespace);
    pods.get(name).await?.status.and_then(|status| status.pod_ip).with_context(|| format!("{name} has no address"))
}

fn seen(pod: &Pod) -> Seen {
    let uid = pod.uid().unwrap_or_default();
    let ending = pod.metadata.deletion_timestamp.is_some();
    let statuses = pod.status.as_ref().and_then(|status| status.container_statuses.as_ref());
    let container = statuses.and_then(|all| all.first());
    let ready = !ending && container.is_some_and(|container| container.ready);
    let states = container.into_iter().flat_map(|container| [&container.state, &container.last_state]);
    let exit = states.flatten().find_map(|state| state.terminated.as_ref()).map(|ended| ended.exit_code);
    let restarts = container.map_or(0, |container| container.restart_count);
    let ended = container.and_then(|container| container.state.as_ref()).is_some_and(|state| state.running.is_none());
    let words = match exit {
        _ if ending => "ends".to_owned(),
        _ if ready => "is ready".to_owned(),
        Some(code) if code != 0 => format!("has failed: exit code {code}"),
        _ => "starts".to_owned(),
    };
    let failures = restarts + i32::from(ended && exit.is_some());
    Seen { uid, ready, failures, words }
}
