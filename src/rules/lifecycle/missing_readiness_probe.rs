use crate::engines::Server;
use crate::kubernetes::{RunsPods, StatefulSet};
use crate::pointer::Pointer;
use crate::rule::{Context, Findings, Rule, Workload, rule};

rule! {
    /// Servers that count as ready the moment their process runs.
    ///
    /// ## What it does
    /// Finds known servers without a readinessProbe, and, where several replicas start or roll in order, pods of unknown
    /// servers in which no container has one.
    ///
    /// ## Why it matters
    /// OrderedReady and rolling updates wait for readiness. Without a probe a pod is ready at once, so the next one starts
    /// or stops while this one still recovers: ordering means nothing, and an update can take all replicas down.
    ///
    /// The help has the probe that fits the server, for its default port and without TLS where nothing else is said. A probe
    /// that waits for peers never succeeds where pods start in order: RabbitMQ gets another one there, and for the rest the
    /// help says so. Docker's HEALTHCHECK, which some images have, is no probe: Kubernetes does not run it.
    ///
    /// ## Example
    /// ```yaml
    /// containers:
    ///   - {name: postgres, image: "postgres:16"}
    /// ```
    ///
    /// ## Use instead
    /// ```yaml
    /// containers:
    ///   - name: postgres
    ///     image: postgres:16
    ///     readinessProbe:
    ///       exec: {command: [pg_isready, -h, 127.0.0.1, -U, postgres]}
    ///       timeoutSeconds: 5
    /// ```
    ///
    /// ## Fix
    /// None: the probe depends on the server's ports and TLS.
    ///
    /// ## Exemptions
    /// `stsguard.dev/exempt-missing-readiness-probe` on the StatefulSet.
    ///
    /// ## References
    /// - Kubernetes documentation, "StatefulSet", section "Deployment and Scaling Guarantees".
    /// - docs/probes.md: the probe of each engine, when it succeeds, and who says so.
    pub MissingReadinessProbe {
        code: "STS304", name: "missing-readiness-probe", since: "0.1",
        hooks: [StatefulSet],
        default: [Audit, Warn, Deny]
    }
}

impl Rule for MissingReadinessProbe {
    fn stateful_set(&self, set: &Workload<'_, StatefulSet>, _: &Context<'_>, found: &mut Findings<'_, '_>) {
        let pod = Pointer::new(StatefulSet::POD);
        if let Some(server) = set.main() {
            if server.container.readiness_probe.is_none() {
                found
                    .server(server, server.slot.pointer(StatefulSet::POD).field("readinessProbe"))
                    .say(format!(
                        "{} has no readinessProbe, so it counts as ready before it serves",
                        server.engine.title
                    ))
                    .help(help(server, set.replicas() > 1 && !set.is_parallel()));
            }
            return;
        }
        if !set.servers.is_empty() {
            return; // A script of unknown content may serve, or may not.
        }
        let ordered = set.replicas() > 1 && (!set.is_parallel() || set.is_rolling());
        let containers = &set.pod().containers;
        if ordered && !containers.is_empty() && containers.iter().all(|c| c.readiness_probe.is_none()) {
            found
                .object(pod.field("containers").index(0).field("readinessProbe"))
                .say("no container has a readinessProbe, so ordered start and rolling updates do not wait")
                .help("add a readinessProbe to the container that serves");
        }
    }
}

/// The probe that fits the server, as YAML; `in_order` says whether pods wait for the one before.
fn help(server: &Server<'_>, in_order: bool) -> String {
    let Some(readiness) = server.readiness(in_order) else {
        return "add a readinessProbe that asks the server itself whether it serves".to_owned();
    };
    let mut help = format!("add to the container: {}", readiness.yaml());
    if in_order && readiness.waits_for_peers {
        help.push_str("; it waits for peers: podManagementPolicy must be Parallel");
    }
    help.push_str("; it succeeds when ");
    help.push_str(readiness.succeeds);
    if let Some(note) = readiness.note {
        help.push_str("; ");
        help.push_str(note);
    }
    help
}

#[cfg(test)]
#[path = "missing_readiness_probe_tests.rs"]
mod tests;
