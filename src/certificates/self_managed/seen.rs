//! What the API server has told: the Secret and our webhook entries.

use std::fmt::Debug;
use std::time::Duration;

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Secret;
use kube::runtime::watcher;
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use tokio::time::sleep;

use crate::certificates::entries::Entries;

/// The longest that a watch lasts, in seconds: a connection that died in silence is noticed by then.
const WATCH_SECONDS: u32 = 60;
/// How soon a watch that failed is begun again, and how late at most.
const WAIT: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(30)];

/// What is known; `None` where nothing has been heard yet.
#[derive(Clone, Default)]
pub(super) struct Seen {
    /// The Secret.
    pub(super) secret: Option<Found>,
    /// Our entries of the validating configuration; none if it does not exist.
    pub(super) validating: Option<Entries>,
    /// Our entries of the mutating configuration.
    pub(super) mutating: Option<Entries>,
}

/// What the API server has told of the Secret.
#[derive(Clone)]
pub(super) enum Found {
    /// There is none.
    Nothing,
    /// It is this one.
    Secret(Box<Secret>),
}

impl From<Option<Secret>> for Found {
    fn from(found: Option<Secret>) -> Self {
        found.map_or(Self::Nothing, |secret| Self::Secret(Box::new(secret)))
    }
}

impl Seen {
    /// Whether each of our entries shows this CA. There must be one that denies; the configuration of those that mend may
    /// be gone: somebody who wants no fixes has deleted it.
    pub(super) fn show(&self, authority: &str) -> bool {
        let all = |entries: &Option<Entries>| entries.as_ref().is_some_and(|entries| entries.show(authority));
        all(&self.validating) && all(&self.mutating) && self.validating.as_ref().is_some_and(|one| !one.is_empty())
    }
}

/// Follows one object by its name until the end of the program, and tells each state of it, `None` when it is gone, and
/// each time that the watch `fails`.
pub(super) async fn follow<K>(api: Api<K>, name: &str, tell: impl Fn(Option<K>), fails: impl Fn())
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let config = watcher::Config::default().fields(&format!("metadata.name={name}")).timeout(WATCH_SECONDS);
    let (mut wait, mut broken) = (WAIT[0], false);
    loop {
        let mut events = watcher(api.clone(), config.clone()).boxed();
        let mut listed = None;
        while let Some(event) = events.next().await {
            match event {
                Ok(watcher::Event::Init) => {
                    listed = None;
                    continue;
                }
                Ok(watcher::Event::InitApply(object)) => {
                    listed = Some(object);
                    continue;
                }
                Ok(watcher::Event::InitDone) => tell(listed.take()),
                Ok(watcher::Event::Apply(object)) => tell(Some(object)),
                Ok(watcher::Event::Delete(_)) => tell(None),
                Err(error) => {
                    fails();
                    if !std::mem::replace(&mut broken, true) {
                        tracing::warn!(kind = %K::kind(&()), name, %error, "the watch failed and is tried again");
                    }
                    break;
                }
            }
            if std::mem::replace(&mut broken, false) {
                tracing::info!(kind = %K::kind(&()), name, "the watch goes on");
            }
            wait = WAIT[0];
        }
        sleep(wait).await;
        wait = (wait * 2).min(WAIT[1]);
    }
}
