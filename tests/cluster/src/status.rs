//! The status of a pod, from the statuses of its containers.

use std::net::Ipv4Addr;

use k8s_openapi::{
    api::core::v1::{ContainerStatus, HostIP, Pod, PodCondition, PodIP, PodStatus},
    apimachinery::pkg::apis::meta::v1::Time,
    jiff::Timestamp,
};

use super::network::NODE;

/// The current time, in whole seconds as the API has it.
pub fn now() -> Time {
    let now = Timestamp::now();
    Time(Timestamp::from_second(now.as_second()).unwrap_or(now))
}

/// Remembers since when conditions are what they are.
pub struct StatusBoard {
    address: Ipv4Addr,
    begun: Time,
    conditions: Vec<PodCondition>,
}

impl StatusBoard {
    /// A board for a pod that the node has just seen.
    pub fn new(address: Ipv4Addr) -> Self {
        Self { address, begun: now(), conditions: Vec::new() }
    }

    /// The whole status, as it is to be patched.
    pub fn status(&mut self, pod: &Pod, init: Vec<ContainerStatus>, containers: Vec<ContainerStatus>) -> PodStatus {
        let initialized = init.iter().all(|container| exit_code(container) == Some(0));
        let containers_ready = containers.iter().all(|container| container.ready);
        let networked =
            containers.iter().any(|container| container.state.as_ref().is_some_and(|state| state.waiting.is_none()));
        self.condition("PodReadyToStartContainers", networked, None);
        self.condition("Initialized", initialized, Some("ContainersNotInitialized"));
        self.condition("ContainersReady", containers_ready, Some("ContainersNotReady"));
        self.condition("Ready", containers_ready && gates_open(pod), Some("ContainersNotReady"));
        PodStatus {
            phase: Some(phase(pod, &init, &containers).into()),
            host_ip: Some(NODE.into()),
            host_ips: Some(vec![HostIP { ip: NODE.into() }]),
            pod_ip: Some(self.address.to_string()),
            pod_ips: Some(vec![PodIP { ip: self.address.to_string() }]),
            start_time: Some(self.begun.clone()),
            conditions: Some(self.conditions.clone()),
            init_container_statuses: (!init.is_empty()).then_some(init),
            container_statuses: Some(containers),
            observed_generation: pod.metadata.generation,
            ..PodStatus::default()
        }
    }

    fn condition(&mut self, kind: &str, holds: bool, otherwise: Option<&str>) {
        let status = if holds { "True" } else { "False" };
        let known = self.conditions.iter_mut().find(|condition| condition.type_ == kind);
        if known.as_ref().is_some_and(|condition| condition.status == status) {
            return;
        }
        let condition = PodCondition {
            type_: kind.into(),
            status: status.into(),
            reason: otherwise.filter(|_| !holds).map(Into::into),
            last_transition_time: Some(now()),
            ..PodCondition::default()
        };
        match known {
            Some(known) => *known = condition,
            None => self.conditions.push(condition),
        }
    }
}

/// The exit code of a container that has ended.
pub fn exit_code(container: &ContainerStatus) -> Option<i32> {
    Some(container.state.as_ref()?.terminated.as_ref()?.exit_code)
}

fn gates_open(pod: &Pod) -> bool {
    let gates = pod.spec.as_ref().and_then(|spec| spec.readiness_gates.as_deref()).unwrap_or_default();
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    gates.iter().all(|gate| {
        conditions.iter().any(|condition| condition.type_ == gate.condition_type && condition.status == "True")
    })
}

fn phase(pod: &Pod, init: &[ContainerStatus], containers: &[ContainerStatus]) -> &'static str {
    let restarts = pod.spec.as_ref().and_then(|spec| spec.restart_policy.as_deref()).unwrap_or("Always");
    let codes: Vec<Option<i32>> = containers.iter().map(exit_code).collect();
    let begun = containers.iter().any(|container| {
        container.restart_count > 0 || container.state.as_ref().is_some_and(|state| state.waiting.is_none())
    });
    if restarts == "Never" && init.iter().any(|container| exit_code(container).is_some_and(|code| code != 0)) {
        "Failed"
    } else if !begun {
        "Pending"
    } else if restarts != "Always" && codes.iter().all(|code| *code == Some(0)) {
        "Succeeded"
    } else if restarts == "Never" && codes.iter().all(Option::is_some) {
        "Failed"
    } else {
        "Running"
    }
}
