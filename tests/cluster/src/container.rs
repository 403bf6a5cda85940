//! The life of one container: start, probes, restarts, end.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::{Container as Spec, ContainerStatus};
use tokio::{
    process::{Child, Command},
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{Instant, sleep},
};
use tracing::info;

use self::{
    ending::{Step, until},
    report::waiting,
};
use super::{
    node::Program,
    pod::PodContext,
    probe::{self, Shown},
    process,
    sandbox::{Sandbox, entrance::Entrance},
    status::now,
};

mod ending;
mod report;
mod setup;

/// When to have ended, once that is asked for; the time can be moved forward.
pub type Stop = watch::Receiver<Option<Instant>>;

/// A container and what is known of it.
pub struct Container {
    pod: Arc<PodContext>,
    spec: Spec,
    program: Program,
    stop: Stop,
    status: watch::Sender<ContainerStatus>,
}

impl Container {
    /// A container that is not started yet, and where its status can be watched.
    pub fn new(pod: Arc<PodContext>, spec: Spec, stop: Stop) -> (Self, watch::Receiver<ContainerStatus>) {
        let image = spec.image.clone().unwrap_or_default();
        let status = ContainerStatus {
            name: spec.name.clone(),
            image_id: image.clone(),
            image: image.clone(),
            started: Some(false),
            state: Some(waiting("ContainerCreating", None)),
            ..ContainerStatus::default()
        };
        let (status, watched) = watch::channel(status);
        let program = pod.node.program(&image);
        (Self { pod, spec, program, stop, status }, watched)
    }

    /// Runs the container until it has ended for good.
    ///
    /// `until_success` is for init containers, which are started again only after a failure; others follow the pod's
    /// restart policy.
    pub async fn run(mut self, until_success: bool) {
        match self.program.clone() {
            Program::Pretended if until_success => self.terminated(0, "Completed", now()),
            Program::Pretended => {
                self.running();
                self.started(true);
                self.ready(true);
                self.stop.wait_for(Option::is_some).await.ok();
                self.terminated(0, "Completed", now());
            }
            Program::Unknown => {
                let message = format!("the node has no program for the image {:?}", self.spec.image);
                self.update(|status| status.state = Some(waiting("ErrImagePull", Some(message))));
                self.stop.wait_for(Option::is_some).await.ok();
            }
            Program::Binary(_) | Program::Script(_) => self.run_binary(until_success).await,
        }
    }

    async fn run_binary(&mut self, until_success: bool) {
        let policy = self.pod.spec().restart_policy.clone().unwrap_or_else(|| "Always".into());
        let mut delay = Duration::ZERO;
        while self.stop.borrow().is_none() {
            let begun = Instant::now();
            let code = match self.start().await {
                Ok((child, entrance)) => self.accompany(child, entrance).await,
                Err(error) => {
                    let message = format!("{error:#}");
                    info!(container = self.name(), message, "cannot be started yet");
                    self.update(|status| status.state = Some(waiting("CreateContainerConfigError", Some(message))));
                    self.rest(Duration::from_millis(500)).await;
                    continue;
                }
            };
            let over = match policy.as_str() {
                "Never" => true,
                _ if until_success => code == 0,
                "OnFailure" => code == 0,
                _ => false,
            };
            if over || self.stop.borrow().is_some() {
                return;
            }
            // At once the first time, then later and later, as kubelet does it, but with a test's patience.
            if begun.elapsed() > Duration::from_mins(1) {
                delay = Duration::ZERO;
            }
            if !delay.is_zero() {
                let message = format!("back-off {}s restarting", delay.as_secs());
                self.update(|status| {
                    status.last_state = status.state.replace(waiting("CrashLoopBackOff", Some(message)));
                });
                self.rest(delay).await;
            }
            delay = (delay * 2).clamp(Duration::from_secs(1), Duration::from_secs(10));
            self.update(|status| status.restart_count += 1);
        }
    }

    /// Starts the program in the pod's network and in namespaces of its own.
    async fn start(&mut self) -> Result<(Child, Entrance)> {
        let restarts = self.status.borrow().restart_count;
        let folder = self.folder();
        std::fs::create_dir_all(folder.join("root"))?;
        std::fs::remove_file(folder.join("pid")).ok();
        let sandbox: Sandbox = self.sandbox().await?;
        let network = self.pod.network.as_ref().context("the pod has no network")?;
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", network.namespace.display()));
        command.args(["unshare", "--mount", "--pid", "--ipc", "--"]);
        command.args(sandbox.write(&folder.join("sandbox.json"))?);
        let child = process::spawn(command, &self.pod.logs.join(&self.spec.name).join(format!("{restarts}.log")))?;
        info!(container = self.name(), restarts, command = sandbox.command.join(" "), "started");
        self.running();
        Ok((child, Entrance::of(sandbox)))
    }

    /// Stays with the process until it ends, and ends it when asked to. Returns its exit code.
    async fn accompany(&mut self, mut child: Child, entrance: Entrance) -> i32 {
        let began = now();
        let (sender, mut shown) = mpsc::unbounded_channel();
        let _probing = Probing(tokio::spawn(probe::watch(self.spec.clone(), self.pod.address, entrance, sender)));
        let mut stop = self.stop.clone();
        let mut asked = stop.borrow_and_update().is_some();
        let mut next = asked.then(|| self.first_step(*stop.borrow()));
        let mut reason = None;
        let status = loop {
            tokio::select! {
                status = child.wait() => break status,
                Some(shown) = shown.recv() => match shown {
                    Shown::Started => self.started(true),
                    Shown::Ready(ready) => self.ready(ready),
                    Shown::Unhealthy(why, grace) => if next.is_none() {
                        info!(container = self.name(), why, "is restarted");
                        reason = Some(why);
                        let grace = grace.unwrap_or_else(|| self.pod.grace());
                        next = Some(self.first_step(Some(Instant::now() + Duration::from_secs(grace.unsigned_abs()))));
                    }
                },
                Ok(()) = stop.changed() => {
                    let deadline = *stop.borrow_and_update();
                    next = Some(match next {
                        Some(Step::Kill(at)) if asked => Step::Kill(deadline.map_or(at, |deadline| at.min(deadline))),
                        _ => self.first_step(deadline),
                    });
                    asked = true;
                }
                () = until(next) => match next {
                    Some(Step::Terminate(_)) => {
                        self.signal("TERM").await;
                        let deadline = stop.borrow().unwrap_or_else(|| Instant::now() + Duration::from_secs(self.pod.grace().unsigned_abs()));
                        // kubelet leaves two seconds even when the preStop hook took all the time there was.
                        let least = if deadline <= Instant::now() && self.pre_stop().is_zero() { 0 } else { 2 };
                        next = Some(Step::Kill(deadline.max(Instant::now() + Duration::from_secs(least))));
                    }
                    Some(Step::Kill(_)) => {
                        info!(container = self.name(), "is killed, its grace period is over");
                        self.signal("KILL").await;
                        next = None;
                    }
                    None => {}
                },
            }
        };
        let code = status.map_or(128, process::exit_code);
        info!(container = self.name(), code, "has ended");
        std::fs::remove_file(self.folder().join("pid")).ok();
        let word = if code == 0 { "Completed" } else { "Error" };
        self.terminated(code, reason.as_deref().unwrap_or(word), began);
        code
    }

    async fn rest(&mut self, time: Duration) {
        tokio::select! {
            () = sleep(time) => {}
            _ = self.stop.wait_for(Option::is_some) => {}
        }
    }

    fn folder(&self) -> PathBuf {
        self.pod.container_folder(&self.spec.name)
    }

    fn name(&self) -> String {
        format!("{}/{}", self.pod.name(), self.spec.name)
    }
}

/// Ends the probing with the process.
struct Probing(JoinHandle<()>);

impl Drop for Probing {
    fn drop(&mut self) {
        self.0.abort();
    }
}
