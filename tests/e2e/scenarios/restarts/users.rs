//! Users of the API server, who create objects as a dry run: each sees whether the webhook has been asked.

use std::{collections::BTreeMap, fmt, time::Duration};

use futures::future::join_all;
use k8s_openapi::api::apps::v1::StatefulSet;
use kube::{Api, api::PostParams};
use serde_json::{Value, json};
use test_cluster::{Cluster, api_server::Server, wait::eventually};
use tokio::{sync::watch, time::sleep};

use super::super::shop::{GRACE, Shop, codes, fixable_set, good_set, service, with};

/// What was wrong with an answer, if anything.
type Answer = Result<(), String>;

/// How many there are.
const USERS: usize = 4;
/// How long each thinks before the next request.
const PAUSE: Duration = Duration::from_millis(40);

/// Those who work in a namespace with the tutorial's Service.
pub struct Users<'a> {
    shop: Shop<'a>,
    hasty: bool,
}

/// What they have counted.
#[derive(Debug, Default)]
pub struct Used {
    /// Requests.
    pub sent: u64,
    /// Requests that were not answered as they must be.
    pub failed: u64,
    errors: BTreeMap<String, u64>,
}

impl<'a> Users<'a> {
    /// Makes the namespace.
    pub async fn open(cluster: &'a Cluster) -> anyhow::Result<Self> {
        Self::open_at(cluster, Server::First).await
    }

    /// The same for those who work at one of the API servers.
    pub async fn open_at(cluster: &'a Cluster, server: Server) -> anyhow::Result<Self> {
        let shop = Shop::open(cluster).await?.at(server);
        shop.apply(&service()).await?.ok()?;
        Ok(Self { shop, hasty: false })
    }

    /// Only what is denied at once: behind an API server that is far from etcd, most of the others' time is waiting.
    pub fn hasty(self) -> Self {
        Self { hasty: true, ..self }
    }

    /// Waits until they are guarded: the API server has heard of the guard.
    pub async fn begin(&self) -> anyhow::Result<()> {
        eventually("users are guarded", Duration::from_mins(1), async || {
            self.bad().await.map(Some).map_err(anyhow::Error::msg)
        })
        .await
    }

    /// Sends requests until told to end.
    pub async fn work(&self, ended: &watch::Receiver<bool>) -> Used {
        let each = (0..USERS).map(|_| async {
            let mut used = Used::default();
            while !*ended.borrow() {
                if !self.hasty {
                    used.count(self.good().await);
                    sleep(PAUSE).await;
                    used.count(self.fixable().await);
                    sleep(PAUSE).await;
                }
                used.count(self.bad().await);
                sleep(PAUSE).await;
            }
            used
        });
        join_all(each).await.into_iter().fold(Used::default(), Used::with)
    }

    async fn good(&self) -> Answer {
        create(&self.shop, good_set()).await.map(drop)
    }

    async fn fixable(&self) -> Answer {
        let stored = create(&self.shop, fixable_set()).await?;
        let fixed = stored.metadata.annotations.is_some_and(|all| all.contains_key("stsguard.dev/fixed"));
        if fixed { Ok(()) } else { Err("a set was not fixed".to_owned()) }
    }

    /// Denied whatever else is in the cluster: an answer of the API server that comes late plays no part.
    async fn bad(&self) -> Answer {
        match create(&self.shop, with(good_set(), GRACE, json!(0))).await {
            Ok(_) => Err("a bad set passed".to_owned()),
            Err(refusal) if codes(&refusal) == ["STS302"] => Ok(()),
            Err(refusal) => Err(refusal),
        }
    }
}

async fn create(shop: &Shop<'_>, set: Value) -> Result<StatefulSet, String> {
    let sets: Api<StatefulSet> = Api::namespaced(shop.cluster.client_of(shop.server), &shop.namespace);
    let set = serde_json::from_value(set).map_err(|error| error.to_string())?;
    sets.create(&PostParams { dry_run: true, ..PostParams::default() }, &set).await.map_err(|error| error.to_string())
}

impl Used {
    fn count(&mut self, answer: Answer) {
        self.sent += 1;
        if let Err(error) = answer {
            self.failed += 1;
            *self.errors.entry(error).or_default() += 1;
        }
    }

    fn with(mut self, other: Self) -> Self {
        self.sent += other.sent;
        self.failed += other.failed;
        for (error, times) in other.errors {
            *self.errors.entry(error).or_default() += times;
        }
        self
    }
}

impl fmt::Display for Used {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} requests, {} wrong answers", self.sent, self.failed)?;
        self.errors.iter().try_for_each(|(error, times)| write!(f, "\n  {times} × {error}"))
    }
}
