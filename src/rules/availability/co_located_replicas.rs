use super::missing_disruption_budget::labels;
use crate::kubernetes::{LabelSelector, PodAntiAffinity, PodSpec, RunsPods, StatefulSet};
use crate::pointer::Pointer;
use crate::rule::{Context, Findings, Rule, Workload, rule};

rule! {
    /// Replicas that may all stand on one node.
    ///
    /// ## What it does
    /// Finds StatefulSets of two and more replicas whose pods have neither an anti-affinity nor a topology spread constraint
    /// for each other; preferred ones count as well, and so do ports of the node, which only one pod can have.
    ///
    /// ## Why it matters
    /// Replicas are there to outlive a node. The scheduler spreads the pods of a set as far as nothing else weighs more;
    /// on a full or a small cluster it puts them side by side, and one node that fails, or is drained, takes them all.
    ///
    /// ## Example
    /// ```yaml
    /// spec:
    ///   replicas: 3
    ///   template:
    ///     spec: {containers: [{name: postgres, image: "postgres:16"}]}
    /// ```
    ///
    /// ## Use instead
    /// ```yaml
    /// spec:
    ///   replicas: 3
    ///   template:
    ///     spec:
    ///       topologySpreadConstraints:
    ///         - maxSkew: 1
    ///           topologyKey: kubernetes.io/hostname
    ///           whenUnsatisfiable: ScheduleAnyway   # DoNotSchedule: rather no pod than two on one node
    ///           labelSelector: {matchLabels: {app: postgres}}
    /// ```
    ///
    /// ## Fix
    /// None: how strict it may be depends on the cluster's nodes.
    ///
    /// ## Exemptions
    /// `stsguard.dev/exempt-co-located-replicas` on the StatefulSet, for example where the scheduler's default constraints
    /// are strict.
    ///
    /// ## References
    /// - Kubernetes documentation, "Pod Topology Spread Constraints", section "Cluster-level default constraints".
    pub CoLocatedReplicas {
        code: "STS502", name: "co-located-replicas", since: "0.1",
        hooks: [StatefulSet],
        default: [Off, Audit, Warn]
    }
}

impl Rule for CoLocatedReplicas {
    fn stateful_set(&self, set: &Workload<'_, StatefulSet>, cx: &Context<'_>, found: &mut Findings<'_, '_>) {
        let replicas = set.replicas();
        let own = &set.template().metadata.labels;
        if replicas < 2 || needs_a_node_for_itself(set.pod()) {
            return;
        }
        let mut any = false;
        let spreads = selectors(set.pod()).any(|selector| {
            any = true;
            selector.selects_pods(own) != Some(false)
        });
        if spreads {
            return;
        }
        let restarts = if cx.occasion.is_new() { "" } else { " (that restarts the pods)" };
        found
            .object(Pointer::new(StatefulSet::POD))
            .say(if any {
                format!("nothing keeps these {replicas} replicas off one node: what spreads pods here is for others")
            } else {
                format!("nothing keeps these {replicas} replicas off one node: no anti-affinity, no topology spread")
            })
            .help(format!(
                "add to the pods' spec{restarts}: topologySpreadConstraints: [{{maxSkew: 1, topologyKey: \
                 kubernetes.io/hostname, whenUnsatisfiable: ScheduleAnyway, labelSelector: {{matchLabels: {}}}}}]",
                labels(set)
            ));
    }
}

/// What pods are kept apart from, whichever way.
fn selectors(pod: &PodSpec) -> impl Iterator<Item = &LabelSelector> {
    let anti = pod.affinity.as_ref().and_then(|affinity| affinity.pod_anti_affinity.as_ref());
    let spread = pod.topology_spread_constraints.iter().filter_map(|constraint| constraint.label_selector.as_ref());
    anti.into_iter().flat_map(PodAntiAffinity::selectors).chain(spread)
}

/// Whether the pods use ports of their node, which two of them cannot share.
fn needs_a_node_for_itself(pod: &PodSpec) -> bool {
    let mut ports = pod.all_containers().flat_map(|(_, container)| &container.ports);
    ports.any(|port| pod.host_network || port.host_port != 0)
}

#[cfg(test)]
#[path = "co_located_replicas_tests.rs"]
mod tests;
