//! Learns of pods, takes them, and hands on what changes.

use std::{
    collections::HashSet,
    pin::pin,
    sync::{Arc, PoisonError},
    time::Duration,
};

use futures::TryStreamExt;
use k8s_openapi::api::core::v1::{Binding, ObjectReference, Pod};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{ObjectMeta, PostParams},
    core::PartialObjectMeta,
    runtime::{
        WatchStreamExt,
        utils::Backoff,
        watcher::{self, Event, watcher},
    },
};
use tokio::{sync::watch, task::JoinSet};
use tracing::{info, warn};

use super::{Known, NAME, Node};
use crate::pod;

/// Retries every third of a second: the API server is near, and tests restart it.
pub struct Steady;

impl Iterator for Steady {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        Some(Duration::from_millis(300))
    }
}

impl Backoff for Steady {
    fn reset(&mut self) {}
}

impl Node {
    pub(super) async fn watch_for_changes<K>(&self)
    where
        K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + Send + serde::de::DeserializeOwned + 'static,
    {
        let all: Api<PartialObjectMeta<K>> = Api::all(self.client.clone());
        let mut events = pin!(watcher(all, watcher::Config::default()).backoff(Steady));
        loop {
            if let Ok(Some(Event::Apply(object) | Event::InitApply(object) | Event::Delete(object))) =
                events.try_next().await
            {
                self.changes.send(object.namespace().unwrap_or_default()).ok();
            }
        }
    }

    pub(super) async fn watch_pods(self: Arc<Self>) {
        let all: Api<Pod> = Api::all(self.client.clone());
        let mut events = pin!(watcher(all, watcher::Config::default()).backoff(Steady));
        let mut tasks = JoinSet::new();
        let mut listed = HashSet::new();
        loop {
            match events.try_next().await {
                Ok(Some(Event::Init)) => listed.clear(),
                Ok(Some(Event::InitApply(pod))) => {
                    listed.extend(pod.uid());
                    self.seen(pod, &mut tasks);
                }
                Ok(Some(Event::InitDone)) => self.forget_all_but(&listed),
                Ok(Some(Event::Apply(pod))) => self.seen(pod, &mut tasks),
                Ok(Some(Event::Delete(pod))) => self.gone(&pod.uid().unwrap_or_default()),
                Ok(None) => return,
                Err(error) => info!("watching pods: {error}"),
            }
            while tasks.try_join_next().is_some() {}
        }
    }

    fn seen(self: &Arc<Self>, pod: Pod, tasks: &mut JoinSet<()>) {
        let (Some(uid), Some(spec)) = (pod.uid(), pod.spec.as_ref()) else { return };
        if spec.node_name.is_none() {
            if spec.scheduling_gates.as_ref().is_none_or(Vec::is_empty) && pod.metadata.deletion_timestamp.is_none() {
                tasks.spawn(bind(self.client.clone(), pod));
            }
            return;
        }
        if spec.node_name.as_deref() != Some(NAME) {
            return;
        }
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        let ended = matches!(phase, Some("Succeeded" | "Failed"));
        let mut pods = self.pods.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = pods.get(&uid) {
            known.latest.send_replace(Some(Arc::new(pod)));
        } else if !ended || pod.metadata.deletion_timestamp.is_some() {
            let (namespace, name) = (pod.namespace().unwrap_or_default(), pod.name_any());
            let pod = Arc::new(pod);
            let (latest, receiver) = watch::channel(Some(pod.clone()));
            pods.insert(uid, Known { namespace, name, latest });
            tasks.spawn(pod::run(self.clone(), pod, receiver));
        }
    }

    fn gone(&self, uid: &str) {
        if let Some(known) = self.pods.lock().unwrap_or_else(PoisonError::into_inner).remove(uid) {
            known.latest.send_replace(None);
        }
    }

    fn forget_all_but(&self, listed: &HashSet<String>) {
        let known: Vec<String> = self.pods.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect();
        for uid in known.iter().filter(|uid| !listed.contains(*uid)) {
            self.gone(uid);
        }
    }
}

/// Puts a pod on the node, as the scheduler would.
async fn bind(client: Client, pod: Pod) {
    let pods: Api<Pod> = Api::namespaced(client, &pod.namespace().unwrap_or_default());
    let target = ObjectReference { kind: Some("Node".into()), name: Some(NAME.into()), ..ObjectReference::default() };
    let metadata = ObjectMeta { name: pod.metadata.name.clone(), uid: pod.uid(), ..ObjectMeta::default() };
    let binding = Binding { metadata, target };
    let name = pod.name_any();
    // kube has no typed answer for this: the API server sends a Status.
    let answer: kube::Result<serde_json::Value> =
        pods.create_subresource("binding", &name, &PostParams::default(), &binding).await;
    match answer {
        Ok(_) => {}
        Err(kube::Error::Api(refusal)) if matches!(refusal.code, 404 | 409) => {}
        Err(error) => warn!(pod = name, "cannot be bound: {error}"),
    }
}
