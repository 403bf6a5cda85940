use crate::kubernetes::{RunsPods, StatefulSet};
use crate::pointer::Pointer;
use crate::rule::{Context, Findings, Rule, Workload, rule};

rule! {
    /// Members that wait for each other, started one after the other.
    ///
    /// ## What it does
    /// Finds OrderedReady with several replicas of a server whose readinessProbe asks what it can answer only when its peers
    /// are there: etcd's `/health`, RabbitMQ's `check_running`, CockroachDB's `/health?ready=1`, and others of the
    /// catalogue. Probes that ask the server alone are fine, and of scripts nobody knows what they ask.
    ///
    /// ## Why it matters
    /// OrderedReady starts the second pod when the first is ready, and the first is ready when the others are there. A rolling
    /// update works, since only one pod is away. When all are stopped at once, by a power cut or an upgrade of the nodes, the
    /// set waits for itself and does not start again until somebody helps.
    ///
    /// ## Example
    /// ```yaml
    /// spec:
    ///   replicas: 3
    ///   template:
    ///     spec:
    ///       containers:
    ///         - name: etcd
    ///           image: quay.io/coreos/etcd:v3.5.15
    ///           readinessProbe: {httpGet: {path: /health, port: 2379}}
    /// ```
    ///
    /// ## Use instead
    /// ```yaml
    /// spec:
    ///   replicas: 3
    ///   podManagementPolicy: Parallel
    /// ```
    ///
    /// ## Fix
    /// None: a readinessProbe that asks the server alone would do as well.
    ///
    /// ## Exemptions
    /// `stsguard.dev/exempt-serialized-quorum` on the StatefulSet.
    ///
    /// ## References
    /// - cockroachdb/cockroach-operator#470; rabbitmq/cluster-operator#609; RabbitMQ documentation, Clustering Guide,
    ///   "Restarts and Health Checks (Readiness Probes)"; Kubernetes documentation, "StatefulSet", "Pod Management Policies".
    pub SerializedQuorum {
        code: "STS310", name: "serialized-quorum", since: "0.1",
        hooks: [StatefulSet],
        default: [Off, Audit, Warn]
    }
}

impl Rule for SerializedQuorum {
    fn stateful_set(&self, set: &Workload<'_, StatefulSet>, cx: &Context<'_>, found: &mut Findings<'_, '_>) {
        if set.is_parallel() || set.replicas() < 2 {
            return;
        }
        let Some(server) = set.leading().filter(|server| server.has_peers() && server.needs_peers_before_ready())
        else {
            return;
        };
        let name = set.metadata().display_name();
        found
            .server(server, Pointer::new("/spec/podManagementPolicy"))
            .say(format!(
                "after a stop of all, {} may not start again: the first pod is ready only when others are there",
                server.engine.title
            ))
            .help(if cx.occasion.is_new() {
                "set podManagementPolicy: Parallel, or let the readinessProbe ask the server alone".to_owned()
            } else {
                format!(
                    "let the readinessProbe ask the server alone; or `kubectl delete statefulset {name} --cascade=orphan` and \
                     create it with podManagementPolicy: Parallel, its pods and claims stay"
                )
            });
    }
}

#[cfg(test)]
#[path = "serialized_quorum_tests.rs"]
mod tests;
