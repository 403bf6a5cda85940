//! What a container tells of itself.

use k8s_openapi::{
    api::core::v1::{
        ContainerState, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting, ContainerStatus,
    },
    apimachinery::pkg::apis::meta::v1::Time,
};
use tracing::info;

use super::Container;
use crate::status::now;

impl Container {
    pub(super) fn update(&self, change: impl FnOnce(&mut ContainerStatus)) {
        self.status.send_modify(change);
    }

    pub(super) fn running(&self) {
        let state = ContainerState {
            running: Some(ContainerStateRunning { started_at: Some(now()) }),
            ..ContainerState::default()
        };
        self.update(|status| {
            let former = status.state.replace(state);
            if former.as_ref().is_some_and(|state| state.terminated.is_some()) {
                status.last_state = former;
            }
        });
    }

    pub(super) fn started(&self, started: bool) {
        self.update(|status| status.started = Some(started));
    }

    pub(super) fn ready(&self, ready: bool) {
        info!(container = self.name(), ready);
        self.update(|status| status.ready = ready);
    }

    pub(super) fn terminated(&self, code: i32, reason: &str, began: Time) {
        let terminated = ContainerStateTerminated {
            exit_code: code,
            reason: Some(reason.into()),
            started_at: Some(began),
            finished_at: Some(now()),
            ..ContainerStateTerminated::default()
        };
        self.update(|status| {
            (status.ready, status.started) = (false, Some(false));
            status.state = Some(ContainerState { terminated: Some(terminated), ..ContainerState::default() });
        });
    }
}

/// The state of a container that does not run.
pub(super) fn waiting(reason: &str, message: Option<String>) -> ContainerState {
    ContainerState {
        waiting: Some(ContainerStateWaiting { reason: Some(reason.into()), message }),
        ..ContainerState::default()
    }
}
