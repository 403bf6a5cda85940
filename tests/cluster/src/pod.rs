//! The life of one pod on the node.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::{Container as ContainerSpec, ContainerStatus, Pod};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, Preconditions},
};
use serde_json::json;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep},
};
use tracing::{info, warn};

pub use self::context::PodContext;
use super::{
    container::Container,
    node::Node,
    status::{StatusBoard, exit_code},
};

mod context;

/// The latest known state of the pod's object; none when it is gone.
pub type Latest = watch::Receiver<Option<Arc<Pod>>>;

/// Runs a pod from its binding to its removal.
pub async fn run(node: Arc<Node>, pod: Arc<Pod>, latest: Latest) {
    let name = format!("{}/{}", pod.namespace().unwrap_or_default(), pod.name_any());
    if let Err(error) = Runner::run(node, pod, latest).await {
        warn!(pod = name, "cannot be run: {error:#}");
    }
}

struct Runner {
    context: Arc<PodContext>,
    api: Api<Pod>,
    latest: Latest,
    board: StatusBoard,
    init: Vec<watch::Receiver<ContainerStatus>>,
    containers: Vec<watch::Receiver<ContainerStatus>>,
    stop: watch::Sender<Option<Instant>>,
    tasks: JoinSet<()>,
}

impl Runner {
    async fn run(node: Arc<Node>, pod: Arc<Pod>, latest: Latest) -> Result<()> {
        let context = Arc::new(PodContext::create(node, pod).await?);
        let namespace = context.pod.namespace().context("a pod has a namespace")?;
        let api = Api::namespaced(context.node.client.clone(), &namespace);
        let board = StatusBoard::new(context.address);
        let mut runner = Self {
            context,
            api,
            latest,
            board,
            init: Vec::new(),
            containers: Vec::new(),
            stop: watch::channel(None).0,
            tasks: JoinSet::new(),
        };
        runner.live().await;
        runner.end().await
    }

    /// Starts all containers and keeps the status current, until the pod is to end.
    async fn live(&mut self) {
        let mut changes = self.context.node.changes.subscribe(); // before the first look at what may change
        let has_process = self.context.network.is_some();
        let spec = self.context.spec().clone();
        let mut waiting = Vec::new();
        for container in spec.containers {
            waiting.push(self.container(container, false));
        }
        let mut init: Vec<Container> =
            spec.init_containers.into_iter().flatten().map(|container| self.container(container, true)).collect();
        init.reverse();
        if has_process && !self.volumes_made().await {
            return;
        }
        if let Some(first) = init.pop() {
            self.tasks.spawn(first.run(true));
        }
        let mut begun = false;
        loop {
            let initialized = self.init.iter().all(|container| exit_code(&container.borrow()) == Some(0));
            if initialized && !begun {
                begun = true;
                for container in waiting.drain(..) {
                    self.tasks.spawn(container.run(false));
                }
            }
            self.report().await;
            if self.ending() {
                return;
            }
            tokio::select! {
                seen = self.latest.changed() => if seen.is_err() { return },
                () = any_change(self.init.iter_mut().chain(self.containers.iter_mut())) => {}
                Some(_) = self.tasks.join_next(), if !init.is_empty() => {
                    if let Some(next) = init.pop() {
                        self.tasks.spawn(next.run(true));
                    }
                }
                namespace = changes.recv(), if has_process => {
                    let elsewhere = namespace.is_ok_and(|namespace| Some(namespace) != self.context.pod.namespace());
                    if !elsewhere {
                        self.refresh_volumes().await;
                    }
                }
                () = sleep(Duration::from_secs(30)), if has_process => self.refresh_volumes().await, // tokens age
            }
        }
    }

    fn container(&mut self, spec: ContainerSpec, init: bool) -> Container {
        let (container, status) = Container::new(self.context.clone(), spec, self.stop.subscribe());
        if init {
            self.init.push(status);
        } else {
            self.containers.push(status);
        }
        container
    }

    /// Waits for all that the volumes need; false when the pod is to end before it is there.
    async fn volumes_made(&mut self) -> bool {
        self.report().await;
        let mut told = String::new();
        loop {
            let made = self.context.volumes.lock().await.refresh().await;
            let Err(error) = made else { return true };
            let error = format!("{error:#}");
            if error != told {
                info!(pod = self.context.name(), "waits for its volumes: {error}");
                told = error;
            }
            if self.ending() {
                return false;
            }
            sleep(Duration::from_millis(200)).await;
        }
    }

    async fn refresh_volumes(&self) {
        if let Err(error) = self.context.volumes.lock().await.refresh().await {
            info!(pod = self.context.name(), "its volumes stay as they are: {error:#}");
        }
    }

    fn ending(&self) -> bool {
        self.latest.borrow().as_ref().is_none_or(|pod| pod.metadata.deletion_timestamp.is_some())
    }

    /// Patches the status; when the API server cannot take it, the next report will.
    async fn report(&mut self) {
        for status in self.init.iter_mut().chain(self.containers.iter_mut()) {
            status.mark_unchanged();
        }
        let current = |all: &[watch::Receiver<ContainerStatus>]| all.iter().map(|one| one.borrow().clone()).collect();
        let latest = self.latest.borrow().clone().unwrap_or_else(|| self.context.pod.clone());
        let status = self.board.status(&latest, current(&self.init), current(&self.containers));
        // The uid makes the patch a conflict, not a lie, when another pod of this name has come.
        let patch = Patch::Strategic(json!({ "metadata": { "uid": self.context.pod.uid() }, "status": status }));
        loop {
            match self.api.patch_status(self.context.name(), &PatchParams::default(), &patch).await {
                Ok(_) => return,
                Err(kube::Error::Api(refusal)) if refusal.code < 500 && refusal.code != 429 => {
                    if refusal.code != 404 && refusal.code != 409 {
                        warn!(pod = self.context.name(), "status refused: {refusal}");
                    }
                    return;
                }
                Err(_) if self.latest.borrow().is_none() => return,
                Err(_) => sleep(Duration::from_millis(300)).await,
            }
        }
    }

    /// Ends the containers within the grace period, then removes the pod's object.
    async fn end(mut self) -> Result<()> {
        let begun = Instant::now();
        loop {
            let grace = match self.latest.borrow().as_ref() {
                Some(pod) => pod.metadata.deletion_grace_period_seconds.unwrap_or_else(|| self.context.grace()),
                None => 0,
            };
            self.stop.send_replace(Some(begun + Duration::from_secs(grace.unsigned_abs())));
            self.report().await;
            let everything = async { while self.tasks.join_next().await.is_some() {} };
            tokio::select! {
                () = everything => break,
                () = any_change(self.init.iter_mut().chain(self.containers.iter_mut())) => {}
                Ok(()) = self.latest.changed() => {}
            }
        }
        self.report().await;
        self.remove_object().await;
        let context = Arc::into_inner(self.context).context("a container still runs")?;
        if let Some(network) = context.network {
            network.remove().await?;
        }
        std::fs::remove_dir_all(&context.folder).context("the pod's folder stays behind")
    }

    async fn remove_object(&mut self) {
        let preconditions = Preconditions { uid: self.context.pod.uid(), ..Preconditions::default() };
        let at_once = DeleteParams::default().grace_period(0).preconditions(preconditions);
        while self.latest.borrow().is_some() {
            match self.api.delete(self.context.name(), &at_once).await {
                Ok(_) => return,
                Err(kube::Error::Api(refusal)) if matches!(refusal.code, 404 | 409) => return,
                Err(_) => sleep(Duration::from_millis(300)).await,
            }
        }
    }
}

/// Returns when one of the containers has something new; never when there is none.
async fn any_change(containers: impl Iterator<Item = &mut watch::Receiver<ContainerStatus>>) {
    let changes: Vec<_> = containers
        .map(|container| {
            Box::pin(async {
                if container.changed().await.is_err() {
                    std::future::pending::<()>().await; // it has ended for good
                }
            })
        })
        .collect();
    if changes.is_empty() {
        std::future::pending::<()>().await;
    }
    futures::future::select_all(changes).await;
}
