//! The steps in which a process is brought to its end: preStop hook, SIGTERM, SIGKILL.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::Container;
use crate::process;

/// What shall be done to the process next, and when.
#[derive(Clone, Copy)]
pub(super) enum Step {
    Terminate(Instant),
    Kill(Instant),
}

impl Container {
    /// When the process is told to end: after the preStop hook's sleep, or at once.
    pub(super) fn first_step(&self, deadline: Option<Instant>) -> Step {
        let now = Instant::now();
        let left = deadline.map_or(Duration::ZERO, |deadline| deadline.saturating_duration_since(now));
        Step::Terminate(now + self.pre_stop().min(left))
    }

    pub(super) fn pre_stop(&self) -> Duration {
        let hook = self.spec.lifecycle.as_ref().and_then(|lifecycle| lifecycle.pre_stop.as_ref());
        let sleep = hook.and_then(|hook| hook.sleep.as_ref());
        Duration::from_secs(sleep.map_or(0, |sleep| sleep.seconds.unsigned_abs()))
    }

    pub(super) async fn signal(&self, signal: &str) {
        // The holder writes the id at once; until then there is nobody to be signalled.
        for _ in 0..100 {
            if let Some(pid) = self.pod.pid(&self.spec.name) {
                process::send(signal, pid).await.ok();
                return;
            }
            sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Waits for the time of a step.
pub(super) async fn until(next: Option<Step>) {
    match next {
        Some(Step::Terminate(at) | Step::Kill(at)) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
